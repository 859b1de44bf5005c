#include "adapters/local/vector_checksum.h"

#include "base/hash.h"

namespace tillite {

std::string vector_checksum(const TextKey& key, std::span<const std::byte> vector) {
  Sha256 hash;
  hash.update(key.str());
  hash.update(vector);
  return Sum128::from_digest(hash.digest()).hex();
}

}  // namespace tillite
