#include "vectors/files/xxh3.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/hex.h"

namespace tillite {
namespace {

TEST(Xxh3, IsWhatOtherProgramsMakeOnAnyMachine) {
  std::vector<std::byte> bytes(6'144);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 251);
  const std::span all(bytes);
  EXPECT_EQ(xxh3({}), 0x2d06800538d394c2U);
  EXPECT_EQ(xxh3(all.first(100)), 0x004e4f921a64bd1cU);
  EXPECT_EQ(xxh3(all), 0x901675f3a6446389U);
}

TEST(Xxh3, Of128BitsIsThatOfOtherProgramsInAnyPieces) {
  std::vector<std::byte> bytes(6'144);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 251);
  Xxh3Stream stream;
  EXPECT_EQ(hex_of(stream.digest()), "99aa06d3014798d86001c324468d497f");
  stream.update(std::span(bytes).first(100));
  EXPECT_EQ(hex_of(stream.digest()), "da95ef16fd9566f329b20ba5f03ec01e") << "it begins anew";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}, bytes.size()}) {
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
      stream.update(std::span(bytes).subspan(begin, std::min(piece, bytes.size() - begin)));
    }
    EXPECT_EQ(hex_of(stream.digest()), "298a9263720080b8901675f3a6446389") << piece;
  }
}

}  // namespace
}  // namespace tillite
