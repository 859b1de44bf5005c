#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <concepts>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace tillite {

/// Has SQLite not count the memory of the whole process, which it does under one lock: databases that are written by
/// several threads, each its own, would wait for each other. For programs: once, before any database is opened.
void stop_counting_sqlite_memory();

/// An exception of SQLiteCpp as an Error: a full disk is `no_space`, a malformed file `corrupt`, a locked one
/// `unavailable`, a broken constraint `conflict`.
[[nodiscard]] Error sqlite_error(const SQLite::Exception& exception, std::string_view what);

/// Calls `work` (which may return a value, a Result, or nothing) and turns SQLiteCpp's exceptions into errors.
template <typename Work>
[[nodiscard]] auto with_sqlite(std::string_view what, Work&& work) {
  using Returned = std::invoke_result_t<Work>;
  constexpr bool is_result = requires(Returned value) { value.error(); };
  using Wrapped = std::conditional_t<is_result, std::type_identity<Returned>, std::type_identity<Result<Returned>>>;
  using Answer = typename Wrapped::type;
  try {
    if constexpr (std::is_void_v<Returned>) {
      work();
      return Answer{};
    } else {
      return Answer(work());
    }
  } catch (const SQLite::Exception& exception) {
    return Answer(std::unexpected(sqlite_error(exception, what)));
  }
}

}  // namespace tillite
