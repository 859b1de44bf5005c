#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

std::size_t entries(const Path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(ScratchFolder, GoesAtTheEndOfItsLife) {
  const TempFolder room;
  {
    auto scratch = ScratchFolder::create(room.path());
    ASSERT_TRUE(scratch);
    ASSERT_TRUE(replace_file(scratch->path() / "file", as_bytes("x")));
    const ScratchFolder moved = *std::move(scratch);
    EXPECT_EQ(entries(room.path()), 1U);
  }
  EXPECT_EQ(entries(room.path()), 0U);
}

TEST(ScratchFolder, OfAKilledProcessIsRemovedAndOneInUseIsNot) {
  const TempFolder room;
  const auto used = ScratchFolder::create(room.path());
  ASSERT_TRUE(used);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto left = ScratchFolder::create(room.path());
    ::_exit(left ? 0 : 1);  // without its destructors, as a killed process
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(entries(room.path()), 2U);
  ScratchFolder::remove_stale(room.path());
  EXPECT_EQ(entries(room.path()), 1U);
  EXPECT_TRUE(std::filesystem::exists(used->path()));
}

}  // namespace
}  // namespace tillite::testing
