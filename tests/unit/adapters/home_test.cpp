#include "adapters/local/home.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

TEST(Home, IsMadeInAnAbsentOrEmptyFolderOnly) {
  const TempFolder folder;
  EXPECT_EQ(Home::open(folder / "home", false).error().code(), Code::not_found);
  ASSERT_TRUE(Home::open(folder / "home", true));
  EXPECT_TRUE(Home::open(folder / "home", false));
  ASSERT_TRUE(make_folders(folder / "other"));
  ASSERT_TRUE(replace_file(folder / "other" / "letter.txt", as_bytes("Dear reader")));
  EXPECT_EQ(Home::open(folder / "other", true).error().code(), Code::invalid_input);
}

TEST(Home, CanBeMadeAfterACrashBeforeItsMarkerWasInPlace) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "home"));
  ASSERT_TRUE(replace_file(folder / "home" / "tillite.json.77-1.tmp", as_bytes("{\"form")));
  EXPECT_TRUE(Home::open(folder / "home", true));
}

TEST(Home, OfANewerVersionIsRefused) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "home"));
  ASSERT_TRUE(replace_file(folder / "home" / "tillite.json", as_bytes("{\"format\": 2}")));
  EXPECT_EQ(Home::open(folder / "home", false).error().code(), Code::unsupported);
}

}  // namespace
}  // namespace tillite::testing
