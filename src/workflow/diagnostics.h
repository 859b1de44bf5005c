#pragma once

#include "workflow/validation.h"

namespace tillite {

inline constexpr std::string_view kSchemaValidationFailed = "SCHEMA_VALIDATION_FAILED";

/// The place of a field: "/States/X" and "Next" are "/States/X/Next".
[[nodiscard]] inline std::string below(std::string_view location, std::string_view field) {
  return fmt::format("{}/{}", location, field);
}

/// What a validation has found so far, up to a hundred.
class Diagnostics {
 public:
  static constexpr std::size_t kMax = 100;

  void add(std::string_view code, std::string message, std::string location) {
    if (found_.size() < kMax)
      found_.push_back({Diagnostic::Severity::error, std::string(code), std::move(message), std::move(location)});
  }
  /// Something that is not as the language's schema has it.
  void schema(std::string message, std::string location) {
    add(kSchemaValidationFailed, std::move(message), std::move(location));
  }
  [[nodiscard]] std::vector<Diagnostic> take() { return std::move(found_); }

 private:
  std::vector<Diagnostic> found_;
};

}  // namespace tillite
