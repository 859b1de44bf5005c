// What every ObjectStore must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include "adapters/aws/s3_object_store.h"
#include "adapters/local/folder_object_store.h"
#include "base/hash.h"
#include "support/aws_place.h"
#include "support/moto_server.h"
#include "support/scripted_s3.h"
#include "support/seeded_random.h"
#include "support/served_aws.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

struct StoreMaker {
  std::function<std::shared_ptr<ObjectStore>(const TempFolder&)> make;
  std::function<std::string()> missing = [] { return std::string(); };  ///< why it cannot be had; empty: it can
};

class ObjectStoreContract : public ::testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
    store = GetParam().make(folder);
  }
  Result<void> create(const std::string& key, const std::string& content) {
    return store->create(ObjectKey(key), as_bytes(content));
  }
  std::string content(const std::string& key) { return read_object(*store, ObjectKey(key)).value_or("(none)"); }
  std::vector<std::string> keys(const std::string& prefix, const std::string& after = "", std::size_t limit = 100) {
    std::vector<std::string> found;
    const auto objects = store->list(prefix, after, limit).value();
    for (const auto& object : objects) found.push_back(object.key.str());
    return found;
  }
  TempFolder folder;
  std::shared_ptr<ObjectStore> store;
};

TEST_P(ObjectStoreContract, CreatesOnlyUnderAFreeKey) {
  ASSERT_TRUE(create("a/b", "one"));
  EXPECT_EQ(create("a/b", "two").error().code(), Code::conflict);
  EXPECT_EQ(content("a/b"), "one");
}

TEST_P(ObjectStoreContract, OfManyThreadsThatCreateAKeyExactlyOneWins) {
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] { won += create("deep/er/key", std::to_string(i)) ? 1 : 0; });
  }
  EXPECT_EQ(won, 1);
}

TEST_P(ObjectStoreContract, SaysPlainlyWhatIsNotThere) {
  EXPECT_EQ(store->open(ObjectKey("no")).error().code(), Code::not_found);
  EXPECT_EQ(store->info(ObjectKey("no")).error().code(), Code::not_found);
  EXPECT_EQ(store->fetch(ObjectKey("no"), folder.path()).error().code(), Code::not_found);
  EXPECT_TRUE(store->remove(ObjectKey("no")));
  ASSERT_TRUE(create("folder/key", "x"));
  EXPECT_EQ(store->open(ObjectKey("folder")).error().code(), Code::not_found) << "a prefix is no object";
}

TEST_P(ObjectStoreContract, ReplacesOnlyTheVersionThatWasRead) {
  ASSERT_TRUE(create("k", "one"));
  const auto before = store->info(ObjectKey("k"));
  ASSERT_TRUE(store->replace(ObjectKey("k"), as_bytes("two"), before->etag));
  EXPECT_EQ(store->replace(ObjectKey("k"), as_bytes("three"), before->etag).error().code(), Code::conflict);
  EXPECT_EQ(store->replace(ObjectKey("gone"), as_bytes("x"), before->etag).error().code(), Code::conflict);
  EXPECT_EQ(content("k"), "two");
}

TEST_P(ObjectStoreContract, ListsInTheOrderOfWholeKeys) {
  for (const char* key : {"a/x", "a-b", "a.c/1", "b", "a/y/z", "a/y0"}) ASSERT_TRUE(create(key, key));
  EXPECT_EQ(keys("a"), (std::vector<std::string>{"a-b", "a.c/1", "a/x", "a/y/z", "a/y0"}));
  EXPECT_EQ(keys("a/"), (std::vector<std::string>{"a/x", "a/y/z", "a/y0"}));
  EXPECT_EQ(keys("a/y"), (std::vector<std::string>{"a/y/z", "a/y0"}));
  EXPECT_EQ(keys("", "a/x", 2), (std::vector<std::string>{"a/y/z", "a/y0"}));
  EXPECT_TRUE(keys("nothing/here").empty());
}

TEST_P(ObjectStoreContract, TakesAFileAndGivesOneBack) {
  ASSERT_TRUE(replace_file(folder / "file", as_bytes("bytes")));
  ASSERT_TRUE(store->create_from_file(ObjectKey("k"), folder / "file"));
  const auto fetched = store->fetch(ObjectKey("k"), folder.path());
  ASSERT_TRUE(fetched);
  EXPECT_EQ(*read_file(*fetched), "bytes");
  EXPECT_EQ(store->info(ObjectKey("k"))->size_bytes, 5U);
  ASSERT_TRUE(replace_file(folder / "other", as_bytes("x")));
  EXPECT_EQ(store->create_from_file(ObjectKey("k"), folder / "other").error().code(), Code::conflict);
  EXPECT_EQ(content("k"), "bytes");
}

TEST_P(ObjectStoreContract, RemovesAndCreatesAgain) {
  ASSERT_TRUE(create("a/b/c", "one"));
  ASSERT_TRUE(store->remove(ObjectKey("a/b/c")));
  EXPECT_EQ(content("a/b/c"), "(none)");
  ASSERT_TRUE(create("a/b/c", "two"));
}

TEST_P(ObjectStoreContract, RefusesWhatIsNoKey) {
  for (const char* key : {"", "/a", "a/", "a//b", "../a", "a/./b", "a b", "é"}) {
    EXPECT_EQ(create(key, "x").error().code(), Code::invalid_input) << key;
  }
}

TEST_P(ObjectStoreContract, ListsNothingForAPrefixThatNoKeyHas) {
  ASSERT_TRUE(create("a/b", "x"));
  for (const char* prefix : {"../", "/", "a//", "a/../a/", "/etc/"}) EXPECT_TRUE(keys(prefix).empty()) << prefix;
}

TEST_P(ObjectStoreContract, PagesOfAnySizeAddUpToTheWholeList) {
  const std::vector<std::string> all = {"a-b", "a.c/1", "a/b-c/x", "a/b/c/d", "a/b/c/e", "a/b0", "a0", "b"};
  for (const std::string& key : all) ASSERT_TRUE(create(key, key));
  for (const std::size_t limit : {1U, 2U, 3U, 8U}) {
    std::vector<std::string> seen;
    for (auto page = keys("", "", limit); !page.empty(); page = keys("", seen.back(), limit)) {
      EXPECT_LE(page.size(), limit);
      seen.insert(seen.end(), page.begin(), page.end());
    }
    EXPECT_EQ(seen, all) << limit;
  }
}

TEST_P(ObjectStoreContract, AListHoldsWhatStandsAlsoWhileOthersAreRemoved) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(create(fmt::format("keep/{:02}/x", i), "x"));
  std::jthread other([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); i = (i + 1) % 20) {
      EXPECT_TRUE(create(fmt::format("keep/{:02}-passing/x", i), "x"));
      EXPECT_TRUE(store->remove(ObjectKey(fmt::format("keep/{:02}-passing/x", i))));
    }
  });
  for (int round = 0; round < 50; ++round) {
    const auto found = keys("keep/");
    EXPECT_EQ(std::ranges::count_if(found, [](const auto& key) { return !key.contains("passing"); }), 20);
  }
}

TEST_P(ObjectStoreContract, RemovingAPrefixIsNoErrorAndRemovesNothing) {
  ASSERT_TRUE(create("a/b", "x"));
  EXPECT_TRUE(store->remove(ObjectKey("a")));
  EXPECT_EQ(content("a/b"), "x");
}

TEST_P(ObjectStoreContract, AFileTakenInIsAsNewAsIfItWereWrittenNow) {
  ASSERT_TRUE(replace_file(folder / "file", as_bytes("bytes")));
  std::filesystem::last_write_time(folder / "file",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::years(1));
  ASSERT_TRUE(create("before", "x"));
  ASSERT_TRUE(store->create_from_file(ObjectKey("k"), folder / "file"));
  EXPECT_GE(store->info(ObjectKey("k"))->modified_ms, store->info(ObjectKey("before"))->modified_ms);
}

TEST_P(ObjectStoreContract, AnotherContentHasAnotherEtag) {
  std::string before;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(store->put(ObjectKey("k"), as_bytes(i % 2 == 0 ? "even" : "odd!")));
    EXPECT_NE(std::exchange(before, store->info(ObjectKey("k"))->etag), store->info(ObjectKey("k"))->etag) << i;
  }
}

TEST_P(ObjectStoreContract, OfManyThreadsThatReplaceAVersionExactlyOneWins) {
  ASSERT_TRUE(create("k", "before"));
  const std::string etag = store->info(ObjectKey("k"))->etag;
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto replaced = store->replace(ObjectKey("k"), as_bytes(std::to_string(i)), etag);
        won += replaced ? 1 : 0;
        EXPECT_TRUE(replaced || replaced.error().code() == Code::conflict);
      });
    }
  }
  EXPECT_EQ(won, 1);
}

TEST_P(ObjectStoreContract, ALargeFileComesBackAsItWent) {
  constexpr std::size_t kMebibytes = 64;
  const Path path = folder / "large";
  {
    FileSink sink(File::create(path).value());
    std::vector<std::uint64_t> numbers((std::size_t{1} << 20) / sizeof(std::uint64_t));
    for (std::size_t i = 0; i < kMebibytes; ++i) {
      for (std::size_t j = 0; j < numbers.size(); ++j) numbers[j] = (i << 32 | j) * 0x9e3779b97f4a7c15U;
      ASSERT_TRUE(sink.write(std::as_bytes(std::span(numbers))));
    }
    ASSERT_TRUE(sink.write(as_bytes("a part that is not whole")));
    ASSERT_TRUE(sink.flush());
  }
  const std::string hash = sha256_of_file(path).value();
  const auto created = store->create_from_file(ObjectKey("large"), path);
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_EQ(store->info(ObjectKey("large"))->size_bytes, (kMebibytes << 20) + 24);
  EXPECT_EQ(sha256_of_file(store->fetch(ObjectKey("large"), folder / "scratch").value()).value(), hash);

  const auto source = store->open(ObjectKey("large")).value();
  Sha256 streamed;
  std::vector<std::byte> piece(1 << 20);
  for (std::size_t got = source->read(piece).value(); got > 0; got = source->read(piece).value()) {
    streamed.update(std::span(piece).first(got));
  }
  EXPECT_EQ(streamed.hex(), hash);
  EXPECT_EQ(create("large", "x").error().code(), Code::conflict);
}

INSTANTIATE_TEST_SUITE_P(Folder, ObjectStoreContract,
                         ::testing::Values(StoreMaker{
                             .make = [](const TempFolder& folder) -> std::shared_ptr<ObjectStore> {
                               return *FolderObjectStore::open(folder / "store");
                             }}));

/// The adapter of S3 on a stand-in that is as strict as S3.
struct OnScriptedS3 {
  VirtualClock clock;
  SeededRandom random;
  ScriptedS3 s3;
  std::unique_ptr<ObjectStore> store =
      must(S3ObjectStore::open(aws_client_at(s3.url(), AwsApi::s3, clock, random), {.bucket = "a-bucket"}, random));
};

INSTANTIATE_TEST_SUITE_P(ScriptedS3, ObjectStoreContract, ::testing::Values(StoreMaker{.make = [](const TempFolder&) {
                           const auto whole = std::make_shared<OnScriptedS3>();
                           return std::shared_ptr<ObjectStore>(whole, whole->store.get());
                         }}));

/// The adapter of S3 on moto, in a bucket of the test's own.
struct OnMoto {
  AwsPlace place{MotoServer::shared().origin()};
  std::string bucket = unique_name();
  std::unique_ptr<ObjectStore> store;

  OnMoto() {
    const auto client = place.client(AwsApi::s3);
    must(client->call({.method = "PUT", .path = "/" + bucket}));
    store = must(S3ObjectStore::open(client, {.bucket = bucket}, place.random()));
  }
};

INSTANTIATE_TEST_SUITE_P(Moto, ObjectStoreContract,
                         ::testing::Values(StoreMaker{
                             .make =
                                 [](const TempFolder&) {
                                   const auto whole = std::make_shared<OnMoto>();
                                   return std::shared_ptr<ObjectStore>(whole, whole->store.get());
                                 },
                             .missing = [] { return MotoServer::available() ? "" : MotoServer::how_to_get(); }}));

}  // namespace
}  // namespace tillite::testing
