#include "vectors/records/shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/uuid.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

const ImageId kImage("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");

TEST(Shard, OfARecordIsWhatTheFormatSaysForEver) {
  EXPECT_EQ(shard_of(line_record_id(kImage, 1, 1), 64), 45);
  EXPECT_EQ(shard_of(line_record_id(kImage, 1, 1), 3), 0);
  EXPECT_EQ(shard_of(RecordId("tea"), 64), 43);
  EXPECT_EQ(shard_of(RecordId("IMAGE#x"), 64), 25);
}

TEST(Shard, IsOneForAllRecordsOfAnImage) {
  for (int shards = 1; shards <= kShardsMax; ++shards) {
    const int shard = shard_of(line_record_id(kImage, 1, 1), shards);
    EXPECT_LT(shard, shards);
    EXPECT_EQ(shard_of(line_record_id(kImage, 1, 99), shards), shard);
    EXPECT_EQ(shard_of(word_record_id(kImage, 2, 7, 3), shards), shard);
  }
}

TEST(Shard, GetsItsPartOfManyReceipts) {
  constexpr int shards = 8;
  constexpr int receipts = 8'000;
  std::vector<int> counts(shards);
  for (int i = 0; i < receipts; ++i) {
    const ImageId image(uuid5(std::to_string(i)));
    ++counts[static_cast<std::size_t>(shard_of(line_record_id(image, 1, 1), shards))];
  }
  EXPECT_GT(std::ranges::min(counts), receipts / shards * 9 / 10);
  EXPECT_LT(std::ranges::max(counts), receipts / shards * 11 / 10);
}

TEST(Shard, HasANameThatSaysOfHowManyItIs) { EXPECT_EQ(shard_name(2, 10), "shard-2-of-10"); }

}  // namespace
}  // namespace tillite
