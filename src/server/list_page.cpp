#include "server/list_page.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace tillite {

ListPage page_at(std::vector<Json> entries, std::int64_t begin, std::int64_t size) {
  check(begin >= 0 && size > 0, "a page begins in the list and is not empty");
  const auto count = static_cast<std::int64_t>(entries.size());
  const std::int64_t first = std::min(begin, count);
  const std::int64_t behind = first + std::min(count - first, size);
  ListPage page;
  page.entries.assign(std::make_move_iterator(entries.begin() + first),
                      std::make_move_iterator(entries.begin() + behind));
  if (behind < count) page.next = std::to_string(behind);
  return page;
}

}  // namespace tillite
