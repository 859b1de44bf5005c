#include "emulator/store/file_store.h"

#include <gtest/gtest.h>

#include "unit/emulator/emulator_fixture.h"

namespace tillite::testing {
namespace {

std::vector<std::string> ids_of(const ApiResult<FilePage>& page) {
  std::vector<std::string> ids;
  for (const StoredFile& file : page->files) ids.push_back(file.id);
  return ids;
}

TEST(FileStoreTest, ListsFilesInEitherOrderAndByPurpose) {
  EmulatedBatches emulated;
  const std::string a = emulated.upload({"a"}).id;
  const std::string b = emulated.upload({"b"}, "user_data").id;
  const std::string c = emulated.upload({"c"}).id;
  EXPECT_EQ(ids_of(emulated.files().list({})), (std::vector{c, b, a}));
  EXPECT_EQ(ids_of(emulated.files().list({.newest_first = false})), (std::vector{a, b, c}));
  EXPECT_EQ(ids_of(emulated.files().list({.purpose = "batch"})), (std::vector{c, a}));
  EXPECT_EQ(ids_of(emulated.files().list({.after = c, .limit = 1})), (std::vector{b}));
  EXPECT_TRUE(emulated.files().list({.after = c, .limit = 1})->has_more);
  EXPECT_FALSE(emulated.files().list({.after = b, .limit = 1})->has_more);
  EXPECT_EQ(emulated.files().list({.after = "file-none"}).error().status(), 404U);
}

TEST(FileStoreTest, AFileIsGoneWhenItExpires) {
  EmulatedBatches emulated;
  FileDraft draft = must(emulated.files().draft());
  must(draft.sink().write(as_bytes("x")));
  const StoredFile file = must(emulated.files().keep(draft, "x.jsonl", "batch", 3600));
  emulated.clock().advance(3'599'000);
  EXPECT_TRUE(emulated.files().find(file.id));
  emulated.clock().advance(1000);
  EXPECT_FALSE(emulated.files().find(file.id));
  EXPECT_EQ(must(emulated.files().count()), 0);
  EXPECT_FALSE(std::filesystem::exists(emulated.folder() / "files" / file.id));
}

TEST(FileStoreTest, ContentThatIsBeingReadStaysReadable) {
  EmulatedBatches emulated;
  const StoredFile file = emulated.upload({"content"});
  const auto source = must(emulated.files().open_content(file, {.offset = 3, .bytes = 4}));
  ASSERT_TRUE(emulated.files().remove(file.id));
  EXPECT_EQ(must(read_all(*source, 100)), "tent");
  EXPECT_EQ(emulated.files().remove(file.id).error().status(), 404U);
}

TEST(FileStoreTest, ADraftThatIsNotKeptLeavesNothing) {
  EmulatedBatches emulated;
  Path path;
  {
    FileDraft draft = must(emulated.files().draft());
    path = draft.path();
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(FileStoreTest, WhatAKilledProcessLeftIsRemoved) {
  EmulatedBatches emulated;
  const StoredFile kept = emulated.upload({"kept"});
  FileDraft draft = must(emulated.files().draft());
  const Path left = draft.path();
  draft.release();
  emulated.reopen();
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_EQ(emulated.content(kept.id), "kept\n");
}

TEST(FileStoreTest, RefusesTheDatabaseOfANewerVersion) {
  EmulatedBatches emulated;
  must(emulated.database().write("ageing",
                                 [](SQLite::Database& database) { database.exec("PRAGMA user_version = 2"); }));
  const auto opened = EmulatorDatabase::open(emulated.folder() / "emulator.sqlite3");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::unsupported);
}

}  // namespace
}  // namespace tillite::testing
