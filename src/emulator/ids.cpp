#include "emulator/ids.h"

#include <string_view>

#include "base/hex.h"

namespace tillite {
namespace {

constexpr std::size_t kFileIdLetters = 22;
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

}  // namespace

std::string new_file_id(Random& random) {
  std::string id = "file-";
  while (id.size() < 5 + kFileIdLetters) {
    for (const std::byte byte : random.bytes()) {
      id += kLetters[static_cast<std::size_t>(byte) % kLetters.size()];
      if (id.size() == 5 + kFileIdLetters) break;
    }
  }
  return id;
}

std::string new_batch_id(Random& random) { return "batch_" + hex_of(random.bytes()); }
std::string new_request_id(Random& random) { return "req_" + hex_of(random.bytes()); }

}  // namespace tillite
