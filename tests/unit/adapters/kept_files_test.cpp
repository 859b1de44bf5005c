#include "adapters/remote/kept_files.h"

#include <gtest/gtest.h>

#include "adapters/local/folder_object_store.h"
#include "base/hash.h"
#include "support/forwarding_objects.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

namespace fs = std::filesystem;

/// Stands for a store elsewhere: what is fetched is a copy, and each is counted.
class DistantObjects final : public ForwardingObjects {
 public:
  explicit DistantObjects(ObjectStore& real) : ForwardingObjects(real), real_(real) {}
  Result<Path> fetch(const ObjectKey& key, const Path& scratch) override {
    ++fetches;
    const Path copy = scratch / fmt::format("copy-{}", fetches);
    TRY(clone_file(TRY(real_.fetch(key, scratch)), copy));
    return copy;
  }
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    const std::string content = TRY(read_file(file));
    return real_.create(key, as_bytes(content));
  }
  int fetches = 0;

 private:
  ObjectStore& real_;
};

class KeptFilesTest : public ::testing::Test {
 protected:
  KeptFilesTest() {
    auto distant = std::make_unique<DistantObjects>(*store_);
    distant_ = distant.get();
    kept_ = std::make_unique<KeptFiles>(
        std::move(distant),
        KeptFiles::Settings{.folder = folder_ / "kept", .bytes_max = 10, .keeps = [](const auto& key) {
                              return key.str().contains("snapshot/");
                            }});
  }
  /// The content, fetched into a folder of its own, as every process has one.
  std::string fetched(const std::string& key) {
    const auto path = kept_->fetch(ObjectKey(key), scratch(fmt::format("scratch-{}", ++scratch_folders_)));
    return path ? read_file(*path).value() : "(none)";
  }
  Path scratch(const std::string& name) {
    EXPECT_TRUE(make_folders(folder_ / name));
    return folder_ / name;
  }
  void create(const std::string& key, const std::string& content) {
    ASSERT_TRUE(kept_->create(ObjectKey(key), as_bytes(content)));
  }

  TempFolder folder_;
  std::unique_ptr<FolderObjectStore> store_ = FolderObjectStore::open(folder_ / "store").value();
  DistantObjects* distant_ = nullptr;
  std::unique_ptr<KeptFiles> kept_;
  int scratch_folders_ = 0;
};

TEST_F(KeptFilesTest, AnObjectThatNeverChangesIsFetchedOnce) {
  create("snapshot/a", "one");
  EXPECT_EQ(fetched("snapshot/a"), "one");
  EXPECT_EQ(fetched("snapshot/a"), "one");
  EXPECT_EQ(distant_->fetches, 1);
}

TEST_F(KeptFilesTest, AnObjectThatMayChangeIsFetchedEachTime) {
  create("root.json", "one");
  EXPECT_EQ(fetched("root.json"), "one");
  EXPECT_EQ(fetched("root.json"), "one");
  EXPECT_EQ(distant_->fetches, 2);
}

TEST_F(KeptFilesTest, WhatThisMachineMadeIsNotFetchedAtAll) {
  const Path file = scratch("made") / "file";
  ASSERT_TRUE(replace_file(file, as_bytes("made")));
  ASSERT_TRUE(kept_->create_from_file(ObjectKey("snapshot/made"), file));
  fs::remove_all(folder_ / "made");
  EXPECT_EQ(fetched("snapshot/made"), "made");
  EXPECT_EQ(distant_->fetches, 0);
}

TEST_F(KeptFilesTest, TheOneUsedLongestAgoGoesFirst) {
  for (const char* key : {"snapshot/a", "snapshot/b"}) {
    create(key, "12345");
    fetched(key);
    // A file system counts time in steps.
    fs::last_write_time(folder_ / "kept" / sha256_hex(key), fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  fetched("snapshot/a");
  create("snapshot/c", "12345");
  fetched("snapshot/c");
  ASSERT_EQ(distant_->fetches, 3);
  fetched("snapshot/a");
  EXPECT_EQ(distant_->fetches, 3);
  fetched("snapshot/b");
  EXPECT_EQ(distant_->fetches, 4);
}

TEST_F(KeptFilesTest, AFetchedFileStaysWhateverIsThrownOut) {
  create("snapshot/a", "12345");
  fetched("snapshot/a");
  const Path held = kept_->fetch(ObjectKey("snapshot/a"), scratch("reader")).value();
  for (const char* key : {"snapshot/b", "snapshot/c"}) {
    create(key, "1234567890");
    fetched(key);
  }
  EXPECT_EQ(read_file(held).value(), "12345");
}

TEST_F(KeptFilesTest, AnObjectAboveTheBoundIsFetchedButNotKept) {
  create("snapshot/large", "more than ten bytes");
  EXPECT_EQ(fetched("snapshot/large"), "more than ten bytes");
  EXPECT_EQ(fetched("snapshot/large"), "more than ten bytes");
  EXPECT_EQ(distant_->fetches, 2);
}

TEST_F(KeptFilesTest, ARemovedObjectIsNotFoundAnyMore) {
  create("snapshot/a", "one");
  fetched("snapshot/a");
  ASSERT_TRUE(kept_->remove(ObjectKey("snapshot/a")));
  EXPECT_EQ(kept_->fetch(ObjectKey("snapshot/a"), scratch("late")).error().code(), Code::not_found);
}

TEST_F(KeptFilesTest, AFolderThatCannotBeWrittenOnlyMeansThatNothingIsKept) {
  ASSERT_TRUE(replace_file(folder_ / "kept", as_bytes("a file stands in the way")));
  create("snapshot/a", "one");
  EXPECT_EQ(fetched("snapshot/a"), "one");
  EXPECT_EQ(fetched("snapshot/a"), "one");
}

}  // namespace
}  // namespace tillite::testing
