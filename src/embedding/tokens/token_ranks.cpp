#include "embedding/tokens/token_ranks.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

// Defined by the build (cmake/Embed.cmake).
extern "C" {
extern const std::byte tillite_cl100k_ranks_begin[];
extern const std::byte tillite_cl100k_ranks_end[];
}

namespace tillite {
namespace {

constexpr std::size_t kListedBytesMax = std::size_t{4} << 20;
constexpr unsigned kRankBits = 17;
constexpr std::uint32_t kRankMask = (1U << kRankBits) - 1;
constexpr std::size_t kSlots = std::size_t{1} << 18;  // a good third of them taken: few collisions
constexpr int kGzipWindow = 15 + 16;

std::uint64_t hash_of(std::string_view bytes) {
  constexpr std::uint64_t factor = 0x9e37'79b9'7f4a'7c15ULL;
  std::uint64_t hash = bytes.size() * factor;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * factor;
    hash ^= hash >> 32;
  };
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof(word); bytes.remove_prefix(sizeof(word))) {
    std::memcpy(&word, bytes.data(), sizeof(word));
    mix(word);
  }
  word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  mix(word);
  return hash * factor;
}

/// What a slot holds for a token with that hash.
std::uint32_t entry_of(std::uint64_t hash, std::uint32_t rank) {
  return static_cast<std::uint32_t>(hash) << kRankBits | rank;
}

std::size_t first_slot(std::uint64_t hash) { return (hash >> 32) % kSlots; }

std::string unzipped(std::span<const std::byte> file) {
  std::string bytes(kListedBytesMax, '\0');
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(file.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(file.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  check(inflateInit2(&stream, kGzipWindow) == Z_OK, "zlib starts");
  const int status = inflate(&stream, Z_FINISH);
  bytes.resize(stream.total_out);
  inflateEnd(&stream);
  check(status == Z_STREAM_END, "the ranks in the program can be unzipped");
  return bytes;
}

}  // namespace

TokenRanks::TokenRanks(std::span<const std::byte> file) {
  read_tokens(unzipped(file));
  index_tokens();
}

void TokenRanks::read_tokens(std::string_view listed) {
  bytes_.reserve(listed.size());
  ends_ = {0};
  while (!listed.empty()) {
    const auto size = static_cast<unsigned char>(listed.front());
    check(size > 0 && size < listed.size(), "each token in the program has its bytes");
    bytes_ += listed.substr(1, size);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    longest_ = std::max<std::size_t>(longest_, size);
    listed.remove_prefix(1 + std::size_t{size});
  }
  bytes_.shrink_to_fit();
  ends_.shrink_to_fit();
}

void TokenRanks::index_tokens() {
  check(size() < kRankMask && size() * 2 < kSlots, "ranks fit into their slots");
  slots_.assign(kSlots, kNone);
  for (std::uint32_t rank = 0; rank < size(); ++rank) {
    check(rank_of(token(rank)) == kNone, "no token is there twice");
    const std::uint64_t hash = hash_of(token(rank));
    std::size_t slot = first_slot(hash);
    while (slots_[slot] != kNone) slot = (slot + 1) % kSlots;
    slots_[slot] = entry_of(hash, rank);
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    check(rank_of({&text, 1}) != kNone, "every single byte is a token");
  }
}

std::uint32_t TokenRanks::rank_of(std::string_view bytes) const {
  if (bytes.empty() || bytes.size() > longest_) return kNone;
  const std::uint64_t hash = hash_of(bytes);
  const std::uint32_t part_of_hash = entry_of(hash, 0);
  for (std::size_t slot = first_slot(hash); slots_[slot] != kNone; slot = (slot + 1) % kSlots) {
    const std::uint32_t rank = slots_[slot] & kRankMask;
    if ((slots_[slot] & ~kRankMask) == part_of_hash && token(rank) == bytes) return rank;
  }
  return kNone;
}

TokenRanks cl100k_base_ranks() {
  return TokenRanks(std::span<const std::byte>(tillite_cl100k_ranks_begin, tillite_cl100k_ranks_end));
}

}  // namespace tillite
