#include "adapters/local/home_image.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/store_lock.h"
#include "support/pipeline.h"
#include "support/temp_folder.h"
#include "vectors/versions/garbage.h"
#include "vectors/versions/keys.h"

namespace tillite::testing {
namespace {

/// A home's table and objects, or those of a copy.
struct Stores {
  explicit Stores(const Home& home)
      : table(SqliteTable::open(home.table_file()).value()),
        batches(FolderObjectStore::open(home.batches_folder()).value()),
        vectors(FolderObjectStore::open(home.vectors_folder()).value()) {}
  std::unique_ptr<SqliteTable> table;
  std::unique_ptr<FolderObjectStore> batches;
  std::unique_ptr<FolderObjectStore> vectors;

  bool has_row(const std::string& name) { return table->get({"P", name}).value().has_value(); }
};

std::string name_of(int number) { return fmt::format("folder/{:06}", number); }

class HomeImageTest : public ::testing::Test {
 protected:
  /// The home that a copy of the image makes.
  Home copy_of(HomeImage& image, const Path& name) {
    EXPECT_TRUE(make_folders(folder / name));
    const auto copied = image.copy_to(folder / name);
    EXPECT_TRUE(copied) << copied.error().message();
    EXPECT_TRUE(replace_file(folder / name / "tillite.json", as_bytes("{\"format\":1}")));
    return Home::open(folder / name, false).value();
  }

  TempFolder folder;
  Home home = Home::open(folder / "home", true).value();
  Stores stores{home};
};

TEST_F(HomeImageTest, KeepsWhatIsRemovedOrReplacedBeforeItIsCopied) {
  ASSERT_TRUE(stores.vectors->create(ObjectKey("a/removed"), as_bytes("old")));
  ASSERT_TRUE(stores.vectors->create(ObjectKey("a/replaced"), as_bytes("old")));
  ASSERT_TRUE(stores.table->write(Put{{{"PK", "P"}, {"SK", "erased"}, {"TYPE", "T"}}}));
  auto image = HomeImage::take(home);
  ASSERT_TRUE(image) << image.error().message();

  ASSERT_TRUE(stores.vectors->remove(ObjectKey("a/removed")));
  ASSERT_TRUE(stores.vectors->put(ObjectKey("a/replaced"), as_bytes("new")));
  ASSERT_TRUE(stores.table->write(Erase{{"P", "erased"}}));
  Stores copy(copy_of(*image, "copy"));
  EXPECT_EQ(*read_object(*copy.vectors, ObjectKey("a/removed")), "old");
  EXPECT_EQ(*read_object(*copy.vectors, ObjectKey("a/replaced")), "old");
  EXPECT_TRUE(copy.has_row("erased"));
}

TEST_F(HomeImageTest, HasNothingOfWhatComesAfterIt) {
  auto image = HomeImage::take(home).value();
  ASSERT_TRUE(stores.vectors->create(ObjectKey("a/b"), as_bytes("new")));
  ASSERT_TRUE(stores.table->write(Put{{{"PK", "P"}, {"SK", "new"}, {"TYPE", "T"}}}));
  Stores copy(copy_of(image, "copy"));
  EXPECT_EQ(copy.vectors->info(ObjectKey("a/b")).error().code(), Code::not_found);
  EXPECT_FALSE(copy.has_row("new"));
}

TEST_F(HomeImageTest, StopsAllWritersBeforeItLooksAtAnything) {
  // The last lock that it takes is held here: so it stands still with all others taken, and has looked at nothing yet.
  const auto provider = FolderObjectStore::open(home.provider_folder()).value();
  auto held = std::optional(StoreLock::shared(home.provider_folder()).value());
  auto taken = std::async(std::launch::async, [&] { return HomeImage::take(home); });
  SQLite::Database writer(home.table_file().string(), SQLite::OPEN_READWRITE);
  const auto may_write = [&] { return writer.tryExec("BEGIN IMMEDIATE; ROLLBACK") == SQLite::OK; };
  while (may_write() && taken.wait_for(std::chrono::seconds(0)) != std::future_status::ready) std::this_thread::yield();
  EXPECT_FALSE(may_write());
  ASSERT_TRUE(provider->create(ObjectKey("late"), as_bytes("x")));
  held.reset();

  auto image = taken.get();
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_TRUE(may_write()) << "only for a moment";
  const Home copy = copy_of(*image, "copy");
  EXPECT_TRUE(FolderObjectStore::open(copy.provider_folder()).value()->info(ObjectKey("late")));
}

TEST_F(HomeImageTest, LeavesNothingBehindInTheHome) {
  ASSERT_TRUE(stores.vectors->create(ObjectKey("a/b"), as_bytes("x")));
  const auto entries = [&] {
    const auto all = std::filesystem::recursive_directory_iterator(home.vectors_folder());
    return std::distance(begin(all), end(all));
  };
  const auto before = entries();
  {
    const auto image = HomeImage::take(home).value();
    EXPECT_GT(entries(), before);
  }
  EXPECT_EQ(entries(), before);
}

TEST(HomeImageOfPipeline, HoldsAllVersionsThatGcRemovesBeforeTheyAreCopied) {
  Pipeline pipeline;
  ASSERT_TRUE(replace_file(pipeline.folder / "tillite.json", as_bytes("{\"format\":1}")));
  const Home home = Home::open(pipeline.folder.path(), false).value();
  for (const char* text : {"bread", "butter"}) {
    pipeline.import(receipt_with({text}));
    pipeline.run();
  }
  ManifestLog log(*pipeline.vectors, pipeline.binding().collection, 1);
  const auto versions = must(log.numbers());
  const Manifest newest = *must(log.newest());
  auto image = must(HomeImage::take(home));
  const auto collected = must(collect_garbage(*pipeline.table, *pipeline.vectors, pipeline.clock, pipeline.random,
                                              pipeline.binding(), {0, 0, 0}, {}, false));
  ASSERT_GT(collected.snapshot_folders, 0U);
  ASSERT_GT(collected.deltas, 0U);

  const TempFolder folder;
  must(image.copy_to(folder.path()));
  const auto vectors = must(FolderObjectStore::open(folder / "vectors"));
  ManifestLog copied(*vectors, pipeline.binding().collection, 1);
  EXPECT_EQ(must(copied.numbers()), versions);
  EXPECT_EQ(must(copied.newest())->nonce, newest.nonce);
  for (const auto& file : newest.shards.front().files) {
    EXPECT_EQ(must(vectors->info(ObjectKey(newest.shards.front().folder + file.name))).size_bytes, file.size_bytes);
  }
  for (const DeltaId& delta : newest.consumed) {
    EXPECT_TRUE(vectors->info(delta_key(pipeline.binding().collection, 1, delta))) << delta.str();
  }
}

TEST_F(HomeImageTest, IsOfOneMomentWhileOthersWriteAndRemove) {
  // Each writer makes an object, a row, an object of another store, and removes them in that order: so in what any one
  // moment shows, whoever has the later of two has the earlier, and whoever lacks the later of two removed lacks the
  // earlier.
  std::atomic<int> made = 0;
  const auto write = [&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const std::string name = name_of(made++);
      EXPECT_TRUE(stores.batches->create(ObjectKey(name), as_bytes("x")));
      EXPECT_TRUE(stores.table->write(Put{{{"PK", "P"}, {"SK", name}, {"TYPE", "T"}}}));
      EXPECT_TRUE(stores.vectors->create(ObjectKey(name), as_bytes("x")));
      EXPECT_TRUE(stores.table->write(Update{{"P", name}, {{"done", true}}}));
      EXPECT_TRUE(stores.batches->remove(ObjectKey(name)));
    }
  };
  std::vector<HomeImage> images;
  {
    const std::jthread first(write);
    const std::jthread second(write);
    for (int i = 1; i <= 10; ++i) {
      while (made < 10 * i) std::this_thread::yield();
      images.push_back(HomeImage::take(home).value());
    }
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    Stores copy(copy_of(images[i], std::to_string(i)));
    for (int number = 0; number < made; ++number) {
      const std::string name = name_of(number);
      const bool has_batch = copy.batches->info(ObjectKey(name)).has_value();
      const bool has_vector = copy.vectors->info(ObjectKey(name)).has_value();
      const auto row = copy.table->get({"P", name}).value();
      const bool is_done = row && row->contains("done");
      EXPECT_TRUE(!is_done || has_vector) << name;
      EXPECT_TRUE(!has_vector || row) << name;
      EXPECT_TRUE(!row || is_done || has_batch) << name;
    }
  }
}

}  // namespace
}  // namespace tillite::testing
