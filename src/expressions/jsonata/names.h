#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

/// The names in an expression, each with its Symbol.
class Names {
 public:
  [[nodiscard]] Symbol symbol(std::string_view name) {
    const auto [place, is_new] = symbols_.try_emplace(std::string(name), static_cast<Symbol>(names_.size()));
    if (is_new) names_.emplace_back(name);
    return place->second;
  }
  /// One that no name in the expression has.
  [[nodiscard]] Symbol unique() {
    names_.emplace_back();
    return static_cast<Symbol>(names_.size() - 1);
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, Symbol> symbols_;
};

}  // namespace tillite::jsonata
