#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "support/program.h"
#include "written_directory.h"

namespace tillite::testing {

/// A home into which the program takes what a real Chroma server wrote.
class ImportedDirectory : public WrittenDirectory {
 protected:
  void SetUp() override {
    WrittenDirectory::SetUp();
    ::setenv("EMBEDDING_DIMENSIONS", std::to_string(kDimensions).c_str(), 1);
  }
  void TearDown() override { ::unsetenv("EMBEDDING_DIMENSIONS"); }

  /// What the program says, and that it ends with this status.
  Json answer(std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program.run(std::move(arguments));
    EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
    return outcome.json();
  }

  Program program{room.path(), room.path() / "home"};
};

}  // namespace tillite::testing
