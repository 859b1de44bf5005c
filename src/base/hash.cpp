#include "base/hash.h"

#include <openssl/evp.h>

#include <charconv>

#include "base/check.h"
#include "base/hex.h"

namespace tillite {
namespace {

/// OpenSSL's SHA-256, looked up once: a look-up takes as long as a digest of a kilobyte.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

}  // namespace

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(state_->context && EVP_DigestInit_ex2(state_->context.get(), algorithm(), nullptr) == 1, "SHA-256 is there");
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "a digest takes bytes");
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

Sha256 Sha256::copy() const {
  Sha256 other;
  check(EVP_MD_CTX_copy_ex(other.state_->context.get(), state_->context.get()) == 1, "a digest can be copied");
  return other;
}

std::array<std::byte, 32> Sha256::digest() {
  std::array<std::byte, 32> result{};
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(result.data()), &size) == 1 &&
            size == result.size(),
        "a SHA-256 digest has 32 bytes");
  return result;
}

std::string Sha256::hex() { return hex_of(digest()); }

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

Sum128& Sum128::operator+=(const Sum128& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Sum128& Sum128::operator-=(const Sum128& other) {
  const bool borrow = low < other.low;
  low -= other.low;
  high -= other.high + (borrow ? 1 : 0);
  return *this;
}

std::string Sum128::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Result<Sum128> Sum128::from_hex(std::string_view text) {
  Sum128 sum;
  const auto parse = [](std::string_view digits, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (text.size() != 32 || !parse(text.substr(0, 16), sum.high) || !parse(text.substr(16), sum.low)) {
    return fail(Code::corrupt, "a checksum must be 32 hexadecimal digits, but is '{}'", text.substr(0, 64));
  }
  return sum;
}

Sum128 Sum128::from_digest(const std::array<std::byte, 32>& digest) {
  Sum128 sum;
  for (std::size_t i = 0; i < 8; ++i) {
    sum.high = sum.high << 8 | static_cast<std::uint64_t>(digest[i]);
    sum.low = sum.low << 8 | static_cast<std::uint64_t>(digest[i + 8]);
  }
  return sum;
}

}  // namespace tillite
