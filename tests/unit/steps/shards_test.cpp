#include <gtest/gtest.h>

#include "steps/compact.h"
#include "steps/generations/rollback.h"
#include "steps/imports/snapshot_import.h"
#include "support/forwarding_objects.h"
#include "support/pipeline.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/records/shard.h"
#include "vectors/snapshots/snapshot_export.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/snapshot_files.h"

// A collection of several shards does what one of a single shard does, and its shards appear together.

namespace tillite::testing {
namespace {

class ShardsTest : public ::testing::Test {
 protected:
  static constexpr int kShards = 3;
  ShardsTest() { pipeline.settings.shards = kShards; }

  /// Receipts of which each shard has one.
  static std::vector<Receipt> receipts() {
    std::vector<Receipt> all;
    for (int number = 1; all.size() < kShards; ++number) {
      const Receipt receipt = receipt_with({fmt::format("MILK {}", number), "TOTAL 3.18"},
                                           fmt::format("0c4f5a3b-ab5f-4a3c-9d2e-{:012}", number));
      if (shard_of(line_of(receipt, 1), kShards) == static_cast<int>(all.size())) all.push_back(receipt);
    }
    return all;
  }
  void import_all() {
    for (const Receipt& receipt : receipts()) pipeline.import(receipt);
  }
  /// One chunk of all that waits, made into an intermediate; the event that merges it.
  Json chunk_event() {
    const Json split = must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context));
    for (const Json& chunk : split.at("chunks")) {
      must(process_chunk(pipeline.line_event(chunk), pipeline.ports, pipeline.context));
    }
    return pipeline.line_event({{"chunks", split.at("chunks")}});
  }
  std::vector<ObjectKey> keys_below(const std::string& prefix) {
    std::vector<ObjectKey> keys;
    for (const auto& object : must(list_all(*pipeline.vectors, prefix))) keys.push_back(object.key);
    return keys;
  }
  void damage(const ObjectKey& key) {
    std::string content = must(read_object(*pipeline.vectors, key));
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
    must(pipeline.vectors->put(key, as_bytes(content)));
  }
  std::optional<Manifest> newest() { return must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()); }

  Pipeline pipeline;
};

TEST_F(ShardsTest, HoldTogetherWhatOneShardHolds) {
  import_all();
  pipeline.run();
  Pipeline single;
  for (const Receipt& receipt : receipts()) single.import(receipt);
  single.run();
  EXPECT_EQ(pipeline.stored_ids(), single.stored_ids());
  const Manifest version = *newest();
  EXPECT_EQ(version.checksum, single.census().version->checksum);
  ASSERT_EQ(version.shards.size(), 3U);
  for (const Manifest::Shard& shard : version.shards) EXPECT_EQ(shard.vectors, 2U);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(ShardsTest, AreNotReadByAProgramThatKnowsOneOnly) {
  import_all();
  pipeline.run();
  const Json root = must(parse_json(must(read_object(*pipeline.vectors, root_key("receipt_lines"))), "root"));
  EXPECT_EQ(root.at("format"), "tillite-root/2");
  const auto manifest = keys_below(manifest_folder("receipt_lines", 1)).back();
  EXPECT_EQ(must(parse_json(must(read_object(*pipeline.vectors, manifest)), "manifest")).at("format"),
            "tillite-manifest/2");
}

TEST_F(ShardsTest, AnotherNumberInTheSettingsChangesNothing) {
  pipeline.binding();
  pipeline.settings.shards = 2;
  EXPECT_EQ(pipeline.binding().shards, 3);
  pipeline.settings.shards.reset();
  EXPECT_EQ(pipeline.binding().shards, 3) << "who asks for no number takes the one that is there";
}

TEST_F(ShardsTest, TheNumberOfANewCollectionIsASetting) {
  const auto settings = [](const std::string& value) {
    return read_settings(
        [&](const std::string& name) {
          return name == "TILLITE_SHARDS" ? std::optional(value) : std::optional<std::string>();
        },
        "model");
  };
  EXPECT_EQ(must(settings("64")).shards, 64);
  EXPECT_FALSE(must(settings("")).shards);
  for (const char* const wrong : {"0", "65", "many"}) EXPECT_FALSE(settings(wrong)) << wrong;
}

TEST_F(ShardsTest, OneThatFailsPublishesNothing) {
  import_all();
  pipeline.run();
  const Manifest before = *newest();
  damage(ObjectKey(before.shards[1].folder + std::string(kRecordsFile)));
  for (Receipt receipt : receipts()) {
    receipt.lines[0].text = "OAT MILK 2.19";
    pipeline.import(receipt);
  }
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  const auto merged = pipeline.try_merge();
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::corrupt);
  EXPECT_NE(merged.error().message().find("shard-1-of-3"), std::string::npos) << merged.error().message();
  EXPECT_EQ(newest()->shards, before.shards);
  EXPECT_EQ(keys_below(snapshots_folder("receipt_lines", 1)).size(),
            before.shards[0].files.size() + before.shards[1].files.size() + before.shards[2].files.size())
      << "nothing was uploaded";
}

TEST_F(ShardsTest, ADamagedRunOfOneIsMadeAnewWithThoseOfTheOthers) {
  import_all();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  const Json event = chunk_event();
  damage(keys_below("intermediate/").at(1));
  must(final_merge(event, pipeline.ports, pipeline.context));
  EXPECT_EQ(newest()->vectors, 6U);
  EXPECT_TRUE(newest()->quarantined.empty());
}

TEST_F(ShardsTest, RunsThatWereMadeOfDifferentDeltasAreMadeAnewTogether) {
  import_all();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  const ObjectKey delta = keys_below(delta_folder("receipt_lines", 1)).front();
  const std::string whole = must(read_object(*pipeline.vectors, delta));
  must(pipeline.vectors->put(delta, as_bytes("torn for a moment")));
  const Json event = chunk_event();
  must(pipeline.vectors->put(delta, as_bytes(whole)));
  must(pipeline.vectors->remove(keys_below("intermediate/").back()));  // as if a crash had come before it
  must(final_merge(event, pipeline.ports, pipeline.context));
  EXPECT_EQ(newest()->vectors, 6U) << "no shard lacks the delta";
  EXPECT_TRUE(newest()->quarantined.empty());
}

TEST_F(ShardsTest, ANewReceiptChangesItsShardOnly) {
  auto all = receipts();
  import_all();
  pipeline.run();
  const Manifest before = *newest();
  all[2].lines[0].text = "OAT MILK 2.19";
  pipeline.import(all[2]);
  pipeline.run();
  EXPECT_EQ(newest()->shards[0], before.shards[0]);
  EXPECT_EQ(newest()->shards[1], before.shards[1]);
  EXPECT_NE(newest()->shards[2], before.shards[2]);
}

TEST_F(ShardsTest, RollBackTogether) {
  const auto all = receipts();
  pipeline.import(all[0]);
  pipeline.run();
  const Manifest older = *newest();
  pipeline.import(all[1]);
  pipeline.import(all[2]);
  must(remove_receipt(all[0].image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  pipeline.run();
  ASSERT_EQ(pipeline.stored_ids().size(), 4U);

  const Json result = must(roll_back(Entity::line, older.number, pipeline.ports, pipeline.context));
  EXPECT_EQ(result.at("items_to_embed"), 4);
  EXPECT_TRUE(pipeline.stored_ids().empty()) << "what was removed does not come back";
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().size(), 4U);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(ShardsTest, GoFromAnExportIntoACollectionOfAnotherNumber) {
  import_all();
  pipeline.run();
  const Path folder = pipeline.folder / "exported";
  must(export_snapshot(*pipeline.vectors, *newest(), folder));

  Pipeline other;
  other.settings.shards = 2;
  std::vector<ChromaDirectory> directories;
  for (const Path& shard : must(exported_shards(folder))) {
    const Path room = pipeline.folder / shard.filename();
    must(make_folders(room));
    directories.push_back(must(ChromaDirectory::open(shard, room)));
  }
  const auto imported = must(import_snapshot(directories, "receipt_lines", Entity::line, other.ports, other.context));
  EXPECT_EQ(imported.added, 6U);
  EXPECT_EQ(other.stored_ids().size(), 6U);
  const auto again = must(import_snapshot(directories, "receipt_lines", Entity::line, other.ports, other.context));
  EXPECT_EQ(again.unchanged, 6U);
}

}  // namespace
}  // namespace tillite::testing
