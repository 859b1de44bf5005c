#include "vectors/files/stored_record.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "vectors/files/btree_writer.h"

namespace tillite {
namespace {

constexpr std::uint64_t kReal = 7;
constexpr std::uint64_t kZero = 8;
constexpr std::uint64_t kOne = 9;
constexpr std::uint64_t kBlob = 12;  // plus twice the size
constexpr std::uint64_t kText = 13;

}  // namespace

void StoredRecord::clear() {
  types_bytes_ = 0;
  content_.resize(kTypesMax + 1);
}

void StoredRecord::add(std::string_view text) {
  add_type(kText + 2 * text.size());
  content_.append(text);
}

void StoredRecord::add(std::span<const std::byte> blob) {
  add_type(kBlob + 2 * blob.size());
  content_.append(as_text(blob));
}

void StoredRecord::add(std::int64_t number) {
  if (number == 0 || number == 1) return add_type(number == 0 ? kZero : kOne);
  constexpr std::array<std::size_t, 6> kSizes = {1, 2, 3, 4, 6, 8};  // types 1 to 6
  std::size_t type = 0;
  const auto magnitude = static_cast<std::uint64_t>(number < 0 ? ~number : number);
  while (type + 1 < kSizes.size() && magnitude >> (8 * kSizes[type] - 1) != 0) ++type;
  add_type(type + 1);
  add_big_endian(static_cast<std::uint64_t>(number), kSizes[type]);
}

void StoredRecord::add(double number) {
  constexpr double kWholeMax = 140737488355327;  // six bytes
  if (std::trunc(number) == number && std::abs(number) <= kWholeMax) return add(static_cast<std::int64_t>(number));
  add_type(kReal);
  add_big_endian(std::bit_cast<std::uint64_t>(number), sizeof number);
}

std::span<const std::byte> StoredRecord::bytes() {
  const std::size_t begin = kTypesMax - types_bytes_;
  content_[begin] = static_cast<char>(types_bytes_ + 1);
  std::memcpy(content_.data() + begin + 1, types_.data(), types_bytes_);
  return as_bytes(content_).subspan(begin);
}

void StoredRecord::add_type(std::uint64_t type) {
  check(types_bytes_ + kVarintBytesMax <= types_.size(), "a record has few columns");
  types_bytes_ += store_varint(types_.data() + types_bytes_, type);
}

void StoredRecord::add_big_endian(std::uint64_t number, std::size_t bytes) {
  const std::uint64_t reversed = __builtin_bswap64(number << (64 - 8 * bytes));
  content_.append(reinterpret_cast<const char*>(&reversed), bytes);
}

}  // namespace tillite
