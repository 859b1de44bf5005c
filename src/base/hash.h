#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// SHA-256, fed piece by piece.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// A hash that goes on from here on its own.
  [[nodiscard]] Sha256 copy() const;
  /// The digest of all that was fed; the object must not be fed again.
  [[nodiscard]] std::array<std::byte, 32> digest();
  /// The digest as 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256_hex(std::string_view text);

/// A number modulo 2^128: a record's hash, and a collection's checksum (the sum of its records' hashes).
struct Sum128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const Sum128&) const = default;
  Sum128& operator+=(const Sum128& other);
  Sum128& operator-=(const Sum128& other);

  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] static Result<Sum128> from_hex(std::string_view text);
  /// The first 16 bytes of a SHA-256 digest, big endian.
  [[nodiscard]] static Sum128 from_digest(const std::array<std::byte, 32>& digest);
};

}  // namespace tillite
