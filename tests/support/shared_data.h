#pragma once

#include <cstdlib>
#include <string>

#include "base/file.h"

namespace tillite::testing {

/// Test data that is no part of the project: it is looked for in ../shared, or in the folder that TILLITE_SHARED names.
/// A test that needs some says so when it is skipped: `if (!SharedData::has("jsonpath")) GTEST_SKIP() <<
/// SharedData::how_to_get();`
class SharedData {
 public:
  /// The file or folder `name` of that data.
  [[nodiscard]] static Path at(const std::string& name) {
    const char* named = std::getenv("TILLITE_SHARED");
    const Path shared = named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "../shared";
    return shared / "data" / name;
  }
  [[nodiscard]] static bool has(const std::string& name) { return std::filesystem::exists(at(name)); }
  [[nodiscard]] static std::string how_to_get() {
    return "no test data in " + at("").lexically_normal().string() +
           ": name the folder that holds data/ with TILLITE_SHARED";
  }
};

}  // namespace tillite::testing
