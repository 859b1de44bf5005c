// The program on a disk that is really full: it says so, loses nothing, and goes on when there is room.
#include <gtest/gtest.h>

#include "support/program.h"
#include "support/sample_home.h"
#include "support/small_disk.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

constexpr std::uint64_t kKibibyte = 1024;
constexpr std::uint64_t kRoomy = 256 * 1024 * kKibibyte;
constexpr std::uint64_t kReceipts = 3;

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    auto mounted = SmallDisk::mount_at(folder / "disk", kRoomy);
    if (!mounted) GTEST_SKIP() << "NOT TESTED, no disk of its own to fill: " << mounted.error().message();
    disk = *std::move(mounted);
  }

  /// What says that the disk is full, and which file does not fit.
  void expect_told(const Program::Outcome& outcome, std::uint64_t size_bytes) const {
    EXPECT_EQ(outcome.status, 12) << size_bytes << ": " << outcome.err;
    EXPECT_NE(outcome.err.find(disk->path().string()), std::string::npos) << size_bytes << ": " << outcome.err;
    EXPECT_NE(outcome.err.find("free some space and repeat: nothing was lost"), std::string::npos)
        << size_bytes << ": " << outcome.err;
  }

  /// With room enough everything goes in, and comes to what it comes to elsewhere.
  void expect_whole_again(std::uint64_t size_bytes) {
    ASSERT_TRUE(disk->resize(kRoomy));
    const auto imported = program.run({"import", receipts});
    ASSERT_EQ(imported.status, 0) << size_bytes << ": " << imported.err;
    const auto run = program.run({"run"});
    ASSERT_EQ(run.status, 0) << size_bytes << ": " << run.err;
    EXPECT_EQ(content_of(program), expected) << size_bytes;
  }

  void clear() {
    std::filesystem::remove_all(home);
    ASSERT_TRUE(disk->resize(kRoomy));
  }

  Json content_elsewhere() {
    const Program elsewhere(folder.path(), folder / "elsewhere");
    EXPECT_EQ(elsewhere.run({"import", receipts}).status, 0);
    EXPECT_EQ(elsewhere.run({"run"}).status, 0);
    return content_of(elsewhere);
  }

  TempFolder folder;
  std::string receipts = sample_file(folder, kReceipts);
  Json expected = content_elsewhere();
  std::unique_ptr<SmallDisk> disk;
  Path home = folder / "disk" / "home";
  Program program{folder.path(), home};
};

TEST_F(FullDisk, StopsAnImportThatLosesNothing) {
  int full = 0;
  for (std::uint64_t size_bytes = 64 * kKibibyte;; size_bytes *= 2) {
    clear();
    ASSERT_TRUE(disk->resize(size_bytes));
    const auto imported = program.run({"import", receipts});
    if (imported.status == 0) break;
    ++full;
    expect_told(imported, size_bytes);
    expect_whole_again(size_bytes);
  }
  EXPECT_GT(full, 2);
}

TEST_F(FullDisk, StopsARunThatLosesNothing) {
  int full = 0;
  for (std::uint64_t room_bytes = 64 * kKibibyte;; room_bytes *= 2) {
    clear();
    ASSERT_EQ(program.run({"import", receipts}).status, 0);
    ASSERT_TRUE(disk->resize(disk->used_bytes() + room_bytes));
    const auto run = program.run({"run"});
    if (run.status == 0) break;
    ++full;
    expect_told(run, room_bytes);
    expect_whole_again(room_bytes);
  }
  EXPECT_GT(full, 4);
}

TEST_F(FullDisk, EndsARunThatFindsRoomForRowsButNotForFiles) {
  ASSERT_EQ(program.run({"import", receipts}).status, 0);
  {
    const auto scratch = SmallDisk::mount_at(home / "scratch", 64 * kKibibyte);
    ASSERT_TRUE(scratch) << scratch.error().message();
    expect_told(program.run({"run"}), 64 * kKibibyte);
  }
  expect_whole_again(64 * kKibibyte);
}

}  // namespace
}  // namespace tillite::testing
