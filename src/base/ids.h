#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace tillite {

/// A string that means one thing only: a BatchId cannot be passed where a DeltaId is expected.
template <typename Meaning>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

using ImageId = Id<struct ImageIdMeaning>;                  ///< UUID of a photographed image
using RecordId = Id<struct RecordIdMeaning>;                ///< "IMAGE#{uuid}#RECEIPT#{5}#LINE#{5}[#WORD#{5}]"
using BatchId = Id<struct BatchIdMeaning>;                  ///< UUID, ours
using DeltaId = Id<struct DeltaIdMeaning>;                  ///< UUID of a delta file
using ObjectKey = Id<struct ObjectKeyMeaning>;              ///< key in an object store, '/' between its parts
using ProviderFileId = Id<struct ProviderFileIdMeaning>;    ///< the provider's id of a file
using ProviderBatchId = Id<struct ProviderBatchIdMeaning>;  ///< the provider's id of a batch
using ExecutionId = Id<struct ExecutionIdMeaning>;          ///< of one walk through a state machine

}  // namespace tillite

template <typename Meaning>
struct std::hash<tillite::Id<Meaning>> {
  std::size_t operator()(const tillite::Id<Meaning>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
