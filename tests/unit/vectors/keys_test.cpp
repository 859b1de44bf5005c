#include "vectors/versions/keys.h"

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "ports/object_store.h"

namespace tillite {
namespace {

const DeltaId kDelta(uuid5("a delta"));

TEST(Keys, LieWhereTheFormatSays) {
  EXPECT_EQ(root_key("receipt_lines").str(), "receipt_lines/root.json");
  EXPECT_EQ(delta_key("receipt_lines", 2, kDelta).str(), "receipt_lines/g2/delta/" + kDelta.str() + ".tar.gz");
  EXPECT_EQ(manifest_key("receipt_lines", 1, 42).str(), "receipt_lines/g1/manifest/00000000000000000042.json");
  EXPECT_EQ(snapshot_folder("receipt_words", 1, 42, 7, "n-o"), "receipt_words/g1/snapshot/42-7-n-o/");
  EXPECT_EQ(pointer_key("receipt_lines", 1).str(), "receipt_lines/g1/pointer");
  EXPECT_EQ(boundary_key("receipt_lines", 1).str(), "receipt_lines/g1/boundary");
}

TEST(Keys, AreValidKeys) {
  for (const ObjectKey& key :
       {root_key("receipt_lines"), delta_key("receipt_lines", 1, kDelta), manifest_key("receipt_lines", 1, INT64_MAX),
        pointer_key("receipt_lines", 1), boundary_key("receipt_lines", 1), intermediate_key("run-1", 3, {kDelta})}) {
    EXPECT_TRUE(check_key(key)) << key.str();
  }
}

TEST(Keys, GiveBackTheIdAndTheNumberInThem) {
  EXPECT_EQ(delta_id_of(delta_key("receipt_lines", 1, kDelta)), kDelta);
  for (const std::int64_t number : {std::int64_t{1}, std::int64_t{10}, INT64_MAX}) {
    EXPECT_EQ(manifest_number_of(manifest_key("receipt_lines", 1, number)), number);
  }
}

TEST(Keys, SeeThatAKeyIsAnotherOne) {
  for (const char* const key :
       {"receipt_lines/g1/delta/x.tar.gz", "receipt_lines/g1/delta/.tar.gz", "receipt_lines/g1/delta/", "tar.gz", ""}) {
    EXPECT_FALSE(delta_id_of(ObjectKey(key))) << key;
  }
  EXPECT_FALSE(delta_id_of(ObjectKey("receipt_lines/g1/other/" + kDelta.str() + ".tar.gz")));
  for (const char* const key :
       {"receipt_lines/g1/manifest/1.json", "receipt_lines/g1/manifest/0000000000000000000x.json",
        "receipt_lines/g1/manifest/00000000000000000000.json", "receipt_lines/g1/manifest/-0000000000000000001.json",
        "receipt_lines/g1/manifest/99999999999999999999.json", "receipt_lines/g1/other/00000000000000000001.json"}) {
    EXPECT_FALSE(manifest_number_of(ObjectKey(key))) << key;
  }
}

TEST(Keys, SortManifestsByNumber) {
  EXPECT_LT(manifest_key("c", 1, 9), manifest_key("c", 1, 10));
  EXPECT_LT(manifest_key("c", 1, 99'999), manifest_key("c", 1, 100'000));
}

TEST(Keys, OfIntermediatesDependOnTheSetOfDeltasAlone) {
  const DeltaId other(uuid5("another delta"));
  EXPECT_EQ(intermediate_key("run", 0, {kDelta, other}), intermediate_key("run", 0, {other, kDelta}));
  EXPECT_NE(intermediate_key("run", 0, {kDelta, other}), intermediate_key("run", 0, {kDelta}));
  EXPECT_NE(intermediate_key("run", 0, {kDelta}), intermediate_key("run", 1, {kDelta}));
  EXPECT_TRUE(intermediate_key("run", 0, {kDelta}).str().starts_with("intermediate/run/chunk-0-"));
}

TEST(Keys, OfSeveralShardsLieBelowThoseOfTheWhole) {
  const std::string folder = snapshot_folder("c", 1, 7, 2, "nonce");
  EXPECT_EQ(shard_folder(folder, 0, 1), folder);
  EXPECT_EQ(shard_folder(folder, 1, 3), folder + "shard-1-of-3/");
  const ObjectKey intermediate = intermediate_key("run", 0, {kDelta});
  EXPECT_EQ(intermediate_runs(intermediate, 1), std::vector{intermediate});
  const auto runs = intermediate_runs(intermediate, 3);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[2].str(), intermediate.str() + "/shard-2-of-3");
}

}  // namespace
}  // namespace tillite
