#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/result.h"

namespace tillite::testing {

/// The value of a Result that must be one; without it the test program ends.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace tillite::testing
