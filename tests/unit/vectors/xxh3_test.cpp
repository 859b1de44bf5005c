#include "vectors/files/xxh3.h"

#include <gtest/gtest.h>

#include <vector>

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

}  // namespace
}  // namespace tillite
