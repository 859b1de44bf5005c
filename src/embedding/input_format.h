#pragma once

#include <map>

#include "receipts/receipt_items.h"

namespace tillite {

/// How the text that is sent is made of an item (docs/formats/embedding-inputs.md). A collection holds one format only.
enum class InputFormat { line_plain_1, line_rows_1, word_context_1, word_tagged_1 };

[[nodiscard]] std::string_view format_name(InputFormat format);  ///< "line/plain/1", "word/context/1"
[[nodiscard]] Result<InputFormat> parse_input_format(std::string_view name);
[[nodiscard]] InputFormat default_format(Entity entity);
[[nodiscard]] Entity entity_of(InputFormat format);

/// The text sent for each line or word of a receipt that is not noise. Linear in the receipt's words for usual
/// receipts.
[[nodiscard]] std::map<RecordId, std::string> embedding_inputs(const Receipt& receipt, InputFormat format);

/// input_hash of a text that is sent: SHA-256, hexadecimal.
[[nodiscard]] std::string input_hash(std::string_view text);

}  // namespace tillite
