#include "base/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace tillite::detail {

void check_failed(std::string_view what_must_hold, const std::source_location& place) {
  fmt::print(stderr, "{}:{}: this must hold and does not: {}\n", place.file_name(), place.line(), what_must_hold);
  std::abort();
}

}  // namespace tillite::detail
