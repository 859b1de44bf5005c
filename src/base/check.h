#pragma once

#include <source_location>
#include <string_view>

namespace tillite {

/// States what must hold; ends the program with the place and the sentence if it does not. On in every build: a broken
/// invariant must stop before it is written down. Not for bad input (that is an Error).
inline void check(bool holds, std::string_view what_must_hold,
                  const std::source_location& place = std::source_location::current());

namespace detail {
[[noreturn]] void check_failed(std::string_view what_must_hold, const std::source_location& place);
}

inline void check(bool holds, std::string_view what_must_hold, const std::source_location& place) {
  if (!holds) [[unlikely]]
    detail::check_failed(what_must_hold, place);
}

}  // namespace tillite
