#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

/// The indented lines of the README that call the program, without their remarks.
std::vector<std::string> commands_of_the_readme() {
  constexpr std::string_view indent = "    tillite ";
  const std::string readme = read_file(Path(TILLITE_SOURCE_DIR) / "README.md").value_or("");
  std::vector<std::string> commands;
  for (std::size_t begin = 0; begin < readme.size();) {
    const std::size_t end = std::min(readme.find('\n', begin), readme.size());
    const std::string_view line = std::string_view(readme).substr(begin, end - begin);
    if (line.starts_with(indent)) commands.emplace_back(trim(line.substr(0, line.find(" #"))));
    begin = end + 1;
  }
  return commands;
}

TEST(Readme, ItsCommandsRunInTheirOrder) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "bin"));
  std::filesystem::create_symlink(TILLITE_PROGRAM, folder / "bin" / "tillite");
  const auto commands = commands_of_the_readme();
  ASSERT_GE(commands.size(), 5U) << "the README shows how the program is used";
  for (const std::string& command : commands) {
    const std::string script = "cd '" + folder.path().string() +
                               "' && unset TILLITE_HOME && PATH=\"$PWD/bin:$PATH\" && ( " + command +
                               " ) >>out.txt 2>>err.txt";
    EXPECT_EQ(std::system(script.c_str()), 0) << command << "\n" << read_file(folder / "err.txt").value_or("");
  }
}

}  // namespace
}  // namespace tillite::testing
