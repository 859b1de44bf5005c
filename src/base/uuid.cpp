#include "base/uuid.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cctype>

namespace tillite {
namespace {

// The name space of all our names: a random UUID, fixed for ever.
constexpr std::array<unsigned char, 16> kNamespace = {0x5b, 0x1f, 0x0e, 0x57, 0x8f, 0x3a, 0x5c, 0x62,
                                                      0x9d, 0x4e, 0x71, 0x0b, 0xc6, 0x2a, 0x83, 0xf4};

std::string format(std::array<unsigned char, 16> bytes, unsigned char version) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | version << 4);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

}  // namespace

std::string uuid4(const std::array<std::byte, 16>& random_bytes) {
  std::array<unsigned char, 16> bytes{};
  std::ranges::transform(random_bytes, bytes.begin(), [](std::byte b) { return static_cast<unsigned char>(b); });
  return format(bytes, 4);
}

std::string uuid5(std::string_view name) {
  std::string input(kNamespace.begin(), kNamespace.end());
  input += name;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(input.data()), input.size(), digest.data());
  std::array<unsigned char, 16> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return format(bytes, 5);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

}  // namespace tillite
