#include "vectors/versions/manifest.h"

#include "manifest_fixture.h"
#include "vectors/files/file_checksum.h"

namespace tillite {
namespace {

class ManifestTest : public ManifestFixture {
 protected:
  [[nodiscard]] Manifest whole() {
    Manifest manifest = successor(successor(std::nullopt, 3), 4, {delta_id(1), delta_id(2)});
    manifest.shards.back().tombstones = 3;
    manifest.set_shards(manifest.shards);
    manifest.quarantined = {{manifest.consumed[0], "torn"}};
    return manifest;
  }
  void expect_broken(const std::function<void(Json&)>& change) {
    Json json = to_json(whole());
    change(json);
    const auto parsed = parse_manifest(to_text(json), "the manifest");
    ASSERT_FALSE(parsed) << to_text(json);
    EXPECT_EQ(parsed.error().code(), Code::corrupt);
    EXPECT_TRUE(parsed.error().message().starts_with("the manifest: ")) << parsed.error().message();
  }
};
class ManifestLogTest : public ManifestFixture {};

TEST_F(ManifestTest, SaysTheSameAfterItWasWrittenAndRead) {
  const Manifest manifest = whole();
  const Manifest read = value(parse_manifest(to_text(to_json(manifest)), "the manifest"));
  EXPECT_EQ(to_json(read), to_json(manifest));
  EXPECT_EQ(read.created_ms, manifest.created_ms);
  EXPECT_EQ(read.shards, manifest.shards);
  EXPECT_EQ(read.checksum, manifest.checksum);
  EXPECT_TRUE(read.has_consumed(delta_id(1)));
  EXPECT_FALSE(read.has_consumed(delta_id(3)));
}

TEST_F(ManifestTest, MustHaveEveryField) {
  const Json fields = to_json(whole());
  for (const auto& [name, field] : fields.items()) {
    if (name == "snapshot") continue;  // absent means: no vector was ever published
    expect_broken([&](Json& json) { json.erase(name); });
    expect_broken([&](Json& json) { json[name] = Json::array({Json::object()}); });
  }
}

TEST_F(ManifestTest, IsRefusedWhenItContradictsItself) {
  expect_broken([](Json& json) { json["number"] = 5; });
  expect_broken([](Json& json) { json["number"] = 0, json["predecessor"] = -1; });
  expect_broken([](Json& json) { json["predecessor_nonce"] = ""; });
  expect_broken([](Json& json) { json["epoch"] = 0; });
  expect_broken([](Json& json) { json["nonce"] = ""; });
  expect_broken([](Json& json) { json["vectors"] = -1; });
  expect_broken([](Json& json) { json["checksum"] = "12"; });
  expect_broken([](Json& json) { json["snapshot"] = nullptr; });
  expect_broken([](Json& json) { json["fence"] = true; });
  expect_broken([](Json& json) { std::swap(json["consumed"][0], json["consumed"][1]); });
  expect_broken([](Json& json) { json["consumed"][1] = json["consumed"][0]; });
  expect_broken([](Json& json) { json["consumed"].erase(1); });
  expect_broken([](Json& json) { json["added"].push_back(uuid5("x")); });
  expect_broken([](Json& json) { json["quarantined"][0]["delta"] = uuid5("x"); });
  expect_broken([](Json& json) { json["snapshot"]["folder"] = "receipt_lines/g1/snapshot/1"; });
  expect_broken([](Json& json) { json["snapshot"]["files"] = Json::array(); });
  expect_broken([](Json& json) { json["snapshot"]["files"][0]["name"] = "../x"; });
  expect_broken([](Json& json) { json["snapshot"]["files"][0]["sha256"] = "12"; });
  expect_broken([](Json& json) { json["snapshot"]["files"][0]["size_bytes"] = -1; });
  expect_broken([](Json& json) { std::swap(json["snapshot"]["files"][0], json["snapshot"]["files"][1]); });
  expect_broken([](Json& json) { json["binding"]["dimensions"] = 0; });
}

TEST_F(ManifestTest, OfSeveralShardsSaysTheSameAfterItWasWrittenAndRead) {
  binding.shards = 3;
  const Manifest manifest = whole();
  const Json json = to_json(manifest);
  EXPECT_EQ(json.at("format"), "tillite-manifest/2");
  EXPECT_FALSE(json.contains("snapshot"));
  EXPECT_EQ(json.at("vectors"), 30);
  const Manifest read = value(parse_manifest(to_text(json), "the manifest"));
  EXPECT_EQ(read, manifest);
}

TEST_F(ManifestTest, OfSeveralShardsIsRefusedWhenTheyAreNotWhatItSays) {
  binding.shards = 3;
  expect_broken([](Json& json) { json["shards"].erase(1); });
  expect_broken([](Json& json) { json["shards"] = Json::array(); });
  expect_broken([](Json& json) { json.erase("shards"); });
  expect_broken([](Json& json) { std::swap(json["shards"][0], json["shards"][1]); });
  expect_broken([](Json& json) { json["shards"][1] = json["shards"][0]; });
  expect_broken([](Json& json) { json["shards"][1]["files"] = Json::array(); });
  expect_broken([](Json& json) { json["vectors"] = 31; });
  expect_broken([](Json& json) { json["tombstones"] = 4; });
  expect_broken([](Json& json) { json["shards"][2]["checksum"] = Sum128().hex(); });
  expect_broken([](Json& json) { json["binding"]["shards"] = 1; });
  expect_broken([](Json& json) { json["binding"]["shards"] = 65; });
  expect_broken([](Json& json) { json["format"] = "tillite-manifest/1"; });
}

TEST_F(ManifestTest, HasTheFirstFormatThatCanSayItsChecksums) {
  for (const int shards : {1, 3}) {
    binding.shards = shards;
    Manifest manifest = whole();
    Manifest::SnapshotFile& large = manifest.shards.back().files.back();
    large.size_bytes = 2 * kChecksumPartBytes;
    const auto expect_format = [&](std::string_view format, const char* name) {
      const Json json = to_json(manifest);
      EXPECT_EQ(json.at("format"), format);
      const Json& shard = json.contains("shards") ? json.at("shards").back() : json.at("snapshot");
      EXPECT_EQ(shard.at("files").back().at(name), large.checksum);
      EXPECT_EQ(value(parse_manifest(to_text(json), "the manifest")), manifest);
    };
    const std::string sha256 = large.checksum;
    expect_format(shards == 1 ? "tillite-manifest/1" : "tillite-manifest/2", "sha256");
    large.checksum = sha256 + "-2";
    expect_format("tillite-manifest/3", "sha256");
    large.checksum = sha256.substr(0, 32) + "-2";
    expect_format("tillite-manifest/4", "checksum");
  }
}

TEST_F(ManifestTest, IsRefusedWhereAChecksumIsNoneOfItsFileOrOfAnotherFormat) {
  const auto json_with = [&](std::uint64_t size_bytes, const std::string& parts) {
    Manifest manifest = whole();
    Manifest::SnapshotFile& file = manifest.shards.back().files.back();
    file.size_bytes = size_bytes;
    file.checksum += parts;
    if (parts.starts_with('=')) file.checksum = parts.substr(1);
    return to_json(manifest);
  };
  const auto refuse = [&](Json json, std::string_view format, std::string_view why) {
    json["format"] = format;
    Json& files = json.contains("shards") ? json["shards"][0]["files"] : json["snapshot"]["files"];
    for (Json& file : files) {  // under the name that the format has for it
      const Json checksum = file.contains("checksum") ? file["checksum"] : file["sha256"];
      file.erase("checksum");
      file.erase("sha256");
      file[format == "tillite-manifest/4" ? "checksum" : "sha256"] = checksum;
    }
    const Json snapshot = json.contains("shards") ? json["shards"][0] : json["snapshot"];  // in the shape of any format
    json["snapshot"] = snapshot;
    json["shards"] = {snapshot};
    json["shards"][0].update({{"vectors", 10}, {"tombstones", 3}, {"checksum", json["checksum"]}});
    const auto parsed = parse_manifest(to_text(json), "the manifest");
    ASSERT_FALSE(parsed) << to_text(json);
    EXPECT_EQ(parsed.error().code(), Code::corrupt);
    EXPECT_NE(parsed.error().message().find(why), std::string::npos) << parsed.error().message();
  };
  refuse(json_with(2 * kChecksumPartBytes, "-3"), "tillite-manifest/3", "checksum is none");
  refuse(json_with(kChecksumPartBytes, "-1"), "tillite-manifest/3", "checksum is none");
  refuse(json_with(2 * kChecksumPartBytes, "-2"), "tillite-manifest/1", "one of format tillite-manifest/3");
  refuse(json_with(2 * kChecksumPartBytes, "-2"), "tillite-manifest/2", "one of format tillite-manifest/3");
  const std::string quick = "=" + std::string(32, 'a') + "-2";
  for (const char* const format : {"tillite-manifest/1", "tillite-manifest/2", "tillite-manifest/3"}) {
    refuse(json_with(2 * kChecksumPartBytes, quick), format, "one of format tillite-manifest/4");
  }
  refuse(json_with(2 * kChecksumPartBytes, "-2"), "tillite-manifest/4", "one of format tillite-manifest/3");
  refuse(json_with(1, ""), "tillite-manifest/2", "one of format tillite-manifest/1");
  refuse(json_with(1, ""), "tillite-manifest/3", "one of format tillite-manifest/1");
}

TEST_F(ManifestLogTest, RefusesAVersionThatSaysOtherThingsOfAShardThatItTookOver) {
  binding.shards = 2;
  const Manifest first = publish_next();
  Manifest next = successor(first, 1, {delta_id(1)}, {0});
  next.shards[1].vectors = 11;
  next.set_shards(next.shards);
  expect_error(log.publish(next), Code::conflict);
  next.set_shards({next.shards[0], first.shards[1]});
  value(log.publish(next));
  EXPECT_EQ(value(log.newest())->shards[1], first.shards[1]);
}

TEST_F(ManifestTest, OfANewerProgramIsLeftToIt) {
  Json json = to_json(whole());
  json["format"] = "tillite-manifest/5";
  expect_error(parse_manifest(to_text(json), "the manifest"), Code::unsupported);
}

// ---- the newest version

TEST_F(ManifestLogTest, StartsEmptyOnlyIfNothingWasEverPublished) {
  EXPECT_FALSE(value(log.newest()));
  EXPECT_TRUE(value(log.numbers()).empty());
  expect_error(log.read(1), Code::not_found);

  publish_next();
  remove_manifest(1);
  expect_error(log.newest(), Code::corrupt);  // the pointer shows that there was one
  value(objects.remove(pointer_key(binding.collection, 1)));
  EXPECT_FALSE(value(log.newest()));
  value(log.raise_boundary(1));
  expect_error(log.newest(), Code::corrupt);  // so does the boundary
}

TEST_F(ManifestLogTest, NeverTakesAReadErrorForAnEmptyCollection) {
  for (const bool published : {false, true}) {
    if (published) publish_next();
    int calls = 0;
    objects.faults = [&](std::string_view, const std::string&) {
      ++calls;
      return Fault::none;
    };
    value(log.newest());
    const int calls_of_newest = calls;
    ASSERT_GT(calls_of_newest, 1);
    for (int failing = 0; failing < calls_of_newest; ++failing) {
      int call = 0;
      objects.faults = [&](std::string_view, const std::string&) {
        return call++ == failing ? Fault::refused : Fault::none;
      };
      expect_error(log.newest(), Code::unavailable);
    }
    objects.faults = kNoFaults;
  }
}

TEST_F(ManifestLogTest, FindsTheNewestVersionWhateverThePointerSays) {
  for (int i = 0; i < 5; ++i) publish_next();
  for (const char* const pointer : {R"({"number":5})", R"({"number":1})", R"({"number":99999})", R"({"number":0})",
                                    R"({"number":-7})", R"({"number":"5"})", "{}", "garbage", "", "null"}) {
    point_at(pointer);
    EXPECT_EQ(value(log.newest())->number, 5) << pointer;
  }
  point_at(std::string(100'000, '1'));
  EXPECT_EQ(value(log.newest())->number, 5);
  value(objects.remove(pointer_key(binding.collection, 1)));
  EXPECT_EQ(value(log.newest())->number, 5);
}

TEST_F(ManifestLogTest, FindsTheNewestVersionIfThePointerNamesARemovedOne) {
  for (int i = 0; i < 5; ++i) publish_next();
  value(log.raise_boundary(4));
  for (const std::int64_t number : {1, 2, 3}) remove_manifest(number);
  point_at(R"({"number":2})");
  EXPECT_EQ(value(log.newest())->number, 5);
}

TEST_F(ManifestLogTest, DoesNotTakeAnOldVersionBeforeAGapForTheNewest) {
  for (int i = 0; i < 5; ++i) publish_next();
  value(log.raise_boundary(4));
  for (const std::int64_t number : {2, 3}) remove_manifest(number);  // 1 was re-created, or gc is not done
  point_at(R"({"number":1})");
  EXPECT_EQ(value(log.newest())->number, 5);
}

TEST_F(ManifestLogTest, FindsTheNewestVersionWhileGcRemovesWhatItReads) {
  for (int i = 0; i < 5; ++i) publish_next();
  point_at(R"({"number":1})");
  // Between the reads of 1 and 2, gc removes all below 5.
  objects.faults = [&, done = false](std::string_view method, const std::string& key) mutable {
    if (!done && method == "open" && key == manifest_key(binding.collection, 1, 2).str()) {
      done = true;
      value(log.raise_boundary(5));
      for (const std::int64_t number : {1, 2, 3, 4}) remove_manifest(number);
    }
    return Fault::none;
  };
  EXPECT_EQ(value(log.newest())->number, 5);
}

TEST_F(ManifestLogTest, FindsTheFirstVersionThatIsPublishedWhileItIsLookedFor) {
  const Manifest first = successor(std::nullopt, 1);
  objects.faults = [&, done = false](std::string_view method, const std::string&) mutable {
    if (!done && method == "info") {  // the list was made, and is empty
      done = true;
      value(log.publish(first));
    }
    return Fault::none;
  };
  const auto newest = value(log.newest());
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->nonce, first.nonce);
}

TEST_F(ManifestLogTest, RefusesABrokenChain) {
  const Manifest first = publish_next(5);
  const auto expect_refused = [&](const std::function<void(Manifest&)>& change) {
    Manifest second = successor(first, 5);
    change(second);
    objects.set(manifest_key(binding.collection, 1, 2), to_text(to_json(second)));
    expect_error(log.newest(), Code::corrupt);
  };
  expect_refused([](Manifest& manifest) { manifest.predecessor_nonce = "another"; });
  expect_refused([](Manifest& manifest) { manifest.epoch = 4; });
  expect_refused([](Manifest& manifest) { manifest.binding.model = "another"; });
  expect_refused([](Manifest& manifest) { manifest.binding.generation = 2; });
  expect_refused([](Manifest& manifest) { manifest.number = 3, manifest.predecessor = 2; });
}

// ---- publishing

TEST_F(ManifestLogTest, PublishesConsumedDeltasAndFilesInOneObject) {
  const Manifest first = publish_next(1, {delta_id(1)});
  EXPECT_EQ(objects.keys(manifest_folder(binding.collection, 1)).size(), 1U);
  EXPECT_EQ(to_json(*value(log.newest())), to_json(first));
  EXPECT_EQ(objects.contents().at(pointer_key(binding.collection, 1).str()), R"({"number":1})");
}

TEST_F(ManifestLogTest, NeverChangesAVersion) {
  const Manifest first = publish_next(1);
  const auto before = objects.contents();
  expect_error(log.publish(successor(std::nullopt, 1)), Code::conflict);
  EXPECT_EQ(objects.contents(), before) << "a failed publish changes and removes nothing";
}

TEST_F(ManifestLogTest, LetsOnlyTheNewestEpochPublish) {
  const Manifest first = publish_next(1);
  const Manifest sleeper = successor(first, 1, {delta_id(1)});
  publish_next(2);  // the fence of another holder
  const auto before = objects.contents();
  expect_error(log.publish(sleeper), Code::lost_lease);
  expect_error(log.publish(successor(value(log.newest()), 1)), Code::lost_lease);
  EXPECT_EQ(objects.contents(), before);
}

TEST_F(ManifestLogTest, TakesItsOwnManifestForASuccessWhenTheAnswerWasLost) {
  const Manifest first = publish_next(1);
  const Manifest next = successor(first, 1);
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "create" ? Fault::answer_lost : Fault::none;
  };
  value(log.publish(next));
  value(log.publish(next));  // and so does a repeat
  objects.faults = kNoFaults;
  EXPECT_EQ(value(log.newest())->nonce, next.nonce);
}

TEST_F(ManifestLogTest, SaysThatItDoesNotKnowWhenNobodyCanBeAsked) {
  const Manifest next = successor(publish_next(1), 1);
  objects.faults = [](std::string_view method, const std::string& key) {
    if (method == "create") return Fault::answer_lost;
    return method == "open" && key.ends_with("2.json") ? Fault::refused : Fault::none;
  };
  expect_error(log.publish(next), Code::unavailable);
  objects.faults = kNoFaults;
  EXPECT_EQ(value(log.newest())->nonce, next.nonce) << "it happened all the same";
}

TEST_F(ManifestLogTest, ReportsAStoreThatRefuses) {
  const Manifest next = successor(publish_next(1), 1);
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "create" ? Fault::refused : Fault::none;
  };
  expect_error(log.publish(next), Code::unavailable);
  objects.faults = kNoFaults;
  EXPECT_EQ(value(log.newest())->number, 1);
}

TEST_F(ManifestLogTest, DoesNotNeedThePointer) {
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "put" ? Fault::refused : Fault::none;
  };
  publish_next();
  publish_next();
  objects.faults = kNoFaults;
  EXPECT_EQ(value(log.newest())->number, 2);
}

TEST_F(ManifestLogTest, RefusesASuccessorOfWhatIsNotThere) {
  Manifest next = successor(publish_next(), 1);
  next.predecessor_nonce = "another";
  expect_error(log.publish(next), Code::conflict);
  next.number = 9;
  next.predecessor = 8;
  expect_error(log.publish(next), Code::conflict);
  EXPECT_EQ(value(log.numbers()).size(), 1U);
}

TEST_F(ManifestLogTest, RefusesToWriteWhatItWouldRefuseToRead) {
  Manifest next = successor(publish_next(), 1);
  next.added = {delta_id(1)};
  expect_error(log.publish(next), Code::internal);
  EXPECT_FALSE(has_manifest(2));
}

TEST_F(ManifestLogTest, TellsAStalledWriterThatItsNumberWasRemoved) {
  const Manifest first = publish_next();
  const Manifest stalled = successor(first, 1);
  // The writer checked its predecessor and stalls; others publish, and gc removes 1 to 3, before its create arrives.
  objects.faults = [&, done = false](std::string_view method, const std::string&) mutable {
    if (!done && method == "create") {
      done = true;
      for (int i = 0; i < 4; ++i) publish_next();
      value(log.raise_boundary(4));
      for (const std::int64_t number : {1, 2, 3}) remove_manifest(number);
    }
    return Fault::none;
  };
  expect_error(log.publish(stalled), Code::conflict);
  objects.faults = kNoFaults;
  ASSERT_TRUE(has_manifest(2)) << "it did re-create the number";
  EXPECT_EQ(value(log.newest())->number, 5) << "and nobody reads it";
  point_at(R"({"number":2})");
  EXPECT_EQ(value(log.newest())->number, 5);
}

TEST_F(ManifestLogTest, LetsOneOfManyWritersWinANumber) {
  for (int round = 0; round < 20; ++round) {
    const auto base = value(log.newest());
    std::vector<Manifest> candidates;
    for (int writer = 0; writer < 4; ++writer) candidates.push_back(successor(base, 1));
    std::atomic<int> won = 0;
    std::atomic<int> lost = 0;
    {
      std::vector<std::jthread> writers;
      for (const Manifest& candidate : candidates) {
        writers.emplace_back([&] {
          const auto published = log.publish(candidate);
          if (published) ++won;
          if (!published && published.error().code() == Code::conflict) ++lost;
        });
      }
    }
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 3);
  }
  EXPECT_EQ(value(log.newest())->number, 20);
}

// ---- the boundary

TEST_F(ManifestLogTest, OnlyRaisesTheBoundary) {
  EXPECT_EQ(value(log.boundary()), 0);
  value(log.raise_boundary(7));
  value(log.raise_boundary(5));
  EXPECT_EQ(value(log.boundary()), 7);
  value(log.raise_boundary(8));
  EXPECT_EQ(value(log.boundary()), 8);
  {
    std::vector<std::jthread> raisers;
    for (std::int64_t number = 20; number > 9; --number) {
      raisers.emplace_back([&, number] { static_cast<void>(log.raise_boundary(number)); });
    }
  }
  value(log.raise_boundary(20));
  EXPECT_EQ(value(log.boundary()), 20);
}

TEST_F(ManifestLogTest, RefusesABoundaryThatCannotBeRead) {
  publish_next();
  objects.set(boundary_key(binding.collection, 1), "garbage");
  expect_error(log.boundary(), Code::corrupt);
  expect_error(log.newest(), Code::corrupt);
}

}  // namespace
}  // namespace tillite
