#include "base/private_folder.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

namespace fs = std::filesystem;

class PrivateFolderTest : public ::testing::Test {
 protected:
  TempFolder around;
  Path folder = around / "folder";
};

TEST_F(PrivateFolderTest, IsForItsUserAloneAndMadeOnce) {
  must(make_private_folder(folder));
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
  must(replace_file(folder / "file", as_bytes("content")));
  must(make_private_folder(folder));
  EXPECT_TRUE(fs::exists(folder / "file"));
}

TEST_F(PrivateFolderTest, WhereOthersCouldWriteIsRefused) {
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::others_write, fs::perm_options::add);
  const auto made = make_private_folder(folder);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::permission);
  EXPECT_NE(made.error().message().find(folder.string()), std::string::npos) << made.error().message();
}

TEST_F(PrivateFolderTest, ALinkAndAFileAreRefused) {
  fs::create_directory(around / "another");
  fs::create_directory_symlink(around / "another", folder);
  EXPECT_EQ(make_private_folder(folder).error().code(), Code::permission);
  fs::remove(folder);
  must(replace_file(folder, as_bytes("")));
  EXPECT_EQ(make_private_folder(folder).error().code(), Code::permission);
}

}  // namespace
}  // namespace tillite::testing
