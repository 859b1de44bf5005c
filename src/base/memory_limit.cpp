#include "base/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>

#include "base/file.h"

namespace tillite {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// The number in a small file of the kernel's; unlimited for "max", and where there is no such file.
std::uint64_t limit_in(const Path& file) {
  std::ifstream stream(file);
  std::uint64_t limit = 0;
  return stream >> limit ? limit : kUnlimited;
}

/// The least limit of a control group and all that it is in.
std::uint64_t limit_of_group(const Path& root, Path group, const char* file) {
  std::uint64_t least = limit_in(root / file);
  for (; group.has_relative_path(); group = group.parent_path()) {
    least = std::min(least, limit_in(root / group.relative_path() / file));
  }
  return least;
}

/// /proc/self/cgroup has lines such as "4:memory:/some/group" (version 1) and "0::/some/group" (version 2).
std::uint64_t control_group_limit() {
  std::uint64_t least = kUnlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const Path group(line.substr(second + 1));
    if (controllers.empty()) least = std::min(least, limit_of_group("/sys/fs/cgroup", group, "memory.max"));
    if (controllers == "memory") {
      least = std::min(least, limit_of_group("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (error != std::errc() || shift < 0 || number > (kUnlimited >> shift)) {
    return fail(Code::invalid_input, "'{}' is no size: give bytes, or a number with K, M or G, as in 512M",
                text.substr(0, 64));
  }
  return number << shift;
}

std::uint64_t memory_limit_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 1L));
  const auto page_bytes = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 1L));
  return std::min(pages * page_bytes, control_group_limit());
}

}  // namespace tillite
