#include "ports/batch_metadata.h"

#include "base/text.h"
#include "ports/batch_provider.h"

namespace tillite {

Result<void> check_batch_metadata(const std::map<std::string, std::string>& metadata) {
  if (metadata.size() > BatchProvider::kMetadataPairsMax) {
    return fail(Code::invalid_input, "metadata has {} pairs; at most {} are allowed", metadata.size(),
                BatchProvider::kMetadataPairsMax);
  }
  for (const auto& [name, value] : metadata) {
    if (!is_utf8(name) || !is_utf8(value)) return fail(Code::invalid_input, "metadata is not UTF-8");
    if (code_points(name).size() > BatchProvider::kMetadataKeyMax ||
        code_points(value).size() > BatchProvider::kMetadataValueMax) {
      return fail(Code::invalid_input, "the metadata '{}' is longer than {} and {} characters", name.substr(0, 64),
                  BatchProvider::kMetadataKeyMax, BatchProvider::kMetadataValueMax);
    }
  }
  return {};
}

}  // namespace tillite
