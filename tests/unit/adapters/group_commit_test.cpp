#include "adapters/local/group_commit.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

Write put(const std::string& sk, std::size_t size_bytes = 1) {
  return Put{{{"PK", "P"}, {"SK", sk}, {"TYPE", "T"}, {"text", std::string(size_bytes, 'x')}}, {absent("PK")}};
}

class GroupCommit : public ::testing::Test {
 protected:
  /// The file may grow by so many pages from here on, as on a disk that is nearly full.
  void leave_room(int pages) {
    const int there = rows->database().execAndGet("PRAGMA page_count").getInt();
    rows->database().exec(fmt::format("PRAGMA max_page_count = {}", there + pages));
  }
  std::uint64_t stored() { return SqliteRows::open(file, false).value()->count({.hash = "P"}).value(); }

  TempFolder folder;
  Path file = folder / "table.sqlite3";
  std::unique_ptr<SqliteRows> rows = SqliteRows::open(file, true).value();
  std::vector<Write> small = {put("small")};
  std::vector<Write> other = {put("other")};
};

TEST_F(GroupCommit, GivesEachJobItsOwnOutcome) {
  const std::vector<Write> too_large = {put("1"), put("2", 500'000)};
  const std::vector<Write> twice = {put("3"), put("small")};
  const auto outcomes =
      commit_group(std::vector<WriteJob>{{small}, {too_large}, {twice, true}, {twice}, {other}}, *rows);
  ASSERT_EQ(outcomes.size(), 5U);
  EXPECT_EQ(*outcomes[0], std::vector<bool>{true});
  EXPECT_EQ(outcomes[1].error().code(), Code::limit_exceeded);
  EXPECT_EQ(*outcomes[2], (std::vector<bool>{true, false})) << "all or none: what would have happened";
  EXPECT_EQ(*outcomes[3], (std::vector<bool>{true, false}));
  EXPECT_EQ(*outcomes[4], std::vector<bool>{true});
  EXPECT_EQ(stored(), 3U);
}

TEST_F(GroupCommit, WritesNothingOfAnyJobWhenOneFillsTheDisk) {
  leave_room(20);
  std::vector<Write> huge;
  for (int i = 0; i < 10; ++i) huge.push_back(put(std::to_string(i), 100'000));
  for (const auto& outcome : commit_group(std::vector<WriteJob>{{small}, {huge}, {other}}, *rows)) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Code::no_space);
    EXPECT_NE(outcome.error().message().find(file.string()), std::string::npos) << outcome.error().message();
    EXPECT_NE(outcome.error().message().find("free some space"), std::string::npos) << outcome.error().message();
  }
  EXPECT_EQ(stored(), 0U);
}

TEST_F(GroupCommit, GoesOnAsSoonAsThereIsRoom) {
  leave_room(0);
  const std::vector<Write> large = {put("large", 50'000)};
  EXPECT_FALSE(commit_group(std::vector<WriteJob>{{large}, {small}}, *rows)[0]);
  leave_room(1000);
  for (const auto& outcome : commit_group(std::vector<WriteJob>{{large}, {small}}, *rows)) {
    EXPECT_EQ(outcome.value_or(std::vector<bool>{}), std::vector<bool>{true});
  }
  EXPECT_EQ(stored(), 2U);
}

}  // namespace
}  // namespace tillite::testing
