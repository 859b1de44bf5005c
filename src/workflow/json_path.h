#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A JSONPath as state machines use it: fields, indexes (from the end too), slices, wildcards, recursive descent.
/// Filters are not known and are refused. docs/workflow-engine.md
class JsonPath {
 public:
  /// `invalid_input` says where it goes wrong.
  [[nodiscard]] static Result<JsonPath> parse(std::string_view text);

  /// Whether it names one place at most (no wildcard, slice or descent): what ResultPath and Variable take.
  [[nodiscard]] bool is_reference() const;
  /// What it selects: one value for a reference path (`not_found` if it is not there), else a list.
  [[nodiscard]] Result<Json> select(const Json& root) const;
  /// `root` with `value` in the place that a reference path names; objects on the way are made, lists are not.
  /// `invalid_input` if that cannot be.
  [[nodiscard]] Result<Json> put(Json root, Json value) const;

 private:
  struct Step {
    enum class Kind { field, index, slice, wildcard, descend };
    Kind kind = Kind::field;
    std::string name = {};
    std::int64_t index = 0;
    std::optional<std::int64_t> begin = {};
    std::optional<std::int64_t> end = {};
  };
  static void apply(const Step& step, const Json& value, std::vector<const Json*>& found);

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace tillite
