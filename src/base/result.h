#pragma once

#include <fmt/format.h>

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace tillite {

/// A value, or the error that stands in its place.
template <typename T>
using Result = std::expected<T, Error>;

/// `return fail(Code::not_found, "collection {} has no snapshot", name);`
template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

/// `return pass_on(result, "reading the manifest");` hands an error outwards with one more context.
template <typename T>
[[nodiscard]] std::unexpected<Error> pass_on(const Result<T>& failed, std::string_view context) {
  return std::unexpected(failed.error().in(context));
}

namespace detail {
template <typename T>
T take(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
}  // namespace detail

}  // namespace tillite

/// The value of a Result, or return its error from this function. The one macro: no function can return for its caller.
#define TRY(expression) TILLITE_TRY(expression, __COUNTER__)
#define TILLITE_TRY(expression, number) TILLITE_TRY_NUMBERED(expression, number)  // so that TRYs can be nested
#define TILLITE_TRY_NUMBERED(expression, number)                      \
  __extension__({                                                     \
    auto try_result_##number = (expression);                          \
    if (!try_result_##number) [[unlikely]]                            \
      return std::unexpected(std::move(try_result_##number).error()); \
    ::tillite::detail::take(std::move(try_result_##number));          \
  })
