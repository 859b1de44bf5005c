#pragma once

#include "expressions/scope.h"
#include "support/must.h"
#include "support/seeded_random.h"

namespace tillite::testing {

inline Value parsed(std::string_view text) { return must(parse_value(text, "a value")); }

/// What an expression refers to in a test: an input, a small context object, and variables.
class SomeScope {
 public:
  explicit SomeScope(std::string_view input = "{}", std::string_view variables = "{}") : input_(parsed(input)) {
    const Value all = parsed(variables);
    for (const auto& [name, value] : all.object()) variables_.emplace(name, value);
  }
  [[nodiscard]] Scope scope() { return {input_, context_, variables_, random_}; }
  /// How often the context object was made.
  [[nodiscard]] int contexts() const { return contexts_; }

 private:
  Value input_;
  int contexts_ = 0;
  std::function<Value()> context_ = [this] {
    ++contexts_;
    return parsed(R"({"Execution":{"Name":"run","Input":[1]},"State":{"Name":"S"}})");
  };
  Variables variables_;
  SeededRandom random_;
};

}  // namespace tillite::testing
