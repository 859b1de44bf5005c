#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "expressions/jsonata.h"
#include "support/must.h"
#include "support/seeded_random.h"

namespace tillite::testing {

inline constexpr std::int64_t kJsonataNow_ms = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z

/// What an expression yields for `input` (JSON; "": undefined): its JSON, "undefined", or the error's message.
inline std::string yields(std::string_view expression, std::string_view input = "",
                          const Jsonata::Variables& variables = {}) {
  SeededRandom random;
  const auto parsed = Jsonata::parse(expression);
  if (!parsed) return parsed.error().message();
  std::optional<Value> value;
  if (!input.empty()) value = must(parse_value(input, "the input"));
  const auto result = parsed->evaluate(value, variables, {.now_ms = kJsonataNow_ms, .random = random});
  if (!result) return result.error().message();
  return *result ? to_text(**result) : "undefined";
}

/// An expression and what it yields.
struct Yield {
  std::string_view expression;
  std::string_view result;
};

inline void expect_yields(std::string_view input, std::initializer_list<Yield> yields_of_input) {
  for (const auto& [expression, result] : yields_of_input) EXPECT_EQ(yields(expression, input), result) << expression;
}

}  // namespace tillite::testing
