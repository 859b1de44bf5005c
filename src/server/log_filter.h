#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tillite {

/// A filter pattern of CloudWatch Logs for events that are plain text: terms that an event must contain, `"quoted
/// phrases"`, `?one ?of ?several`, `-excluded`. Upper and lower case differ; optional terms count only if there are no
/// required ones, as at AWS. An empty pattern matches everything.
class LogFilter {
 public:
  /// InvalidParameterException for what is no such pattern; patterns for JSON (`{ }`), for fields (`[ ]`) and regular
  /// expressions (`% %`) are refused by that name too.
  [[nodiscard]] static Result<LogFilter> parse(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view message) const;

 private:
  std::vector<std::string> required_;
  std::vector<std::string> optional_;
  std::vector<std::string> excluded_;
};

}  // namespace tillite
