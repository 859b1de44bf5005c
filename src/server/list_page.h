#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A part of a list that is at hand as a whole.
struct ListPage {
  std::vector<Json> entries;
  std::string next;  ///< the number of the entry with which the next page begins; empty: there is none
};
/// `size` entries from number `begin` on, as many as there are.
[[nodiscard]] ListPage page_at(std::vector<Json> entries, std::int64_t begin, std::int64_t size);

}  // namespace tillite
