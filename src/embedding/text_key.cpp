#include "embedding/text_key.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace tillite {

TextKey text_key(const CollectionBinding& binding, const std::string& input_hash) {
  return TextKey(
      sha256_hex(fmt::format("{}\n{}\n{}\n{}", binding.model, binding.dimensions, binding.input_format, input_hash)));
}

}  // namespace tillite
