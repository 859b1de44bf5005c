#pragma once

#include <map>

#include "embedding/input_format.h"

namespace tillite {

/// What is stored beside a vector: scalars only, and the item's own text as the document.
struct StoredText {
  Json metadata;
  std::string document;
  bool operator==(const StoredText&) const = default;
};

/// Metadata and document of every line or word of a receipt that is not noise, exactly as documented
/// (docs/formats/metadata.md).
[[nodiscard]] std::map<RecordId, StoredText> stored_texts(const StoredReceipt& stored, InputFormat format);

}  // namespace tillite
