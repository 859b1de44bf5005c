#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// The files that AWS's programs share: ~/.aws/config and ~/.aws/credentials, as sections of names and values.
/// Format: AWS SDKs and Tools Reference Guide, "Format of the shared config and credentials files".
class SharedConfig {
 public:
  using Section = std::map<std::string, std::string>;  ///< of a nested value the name is "s3.endpoint_url"

  enum class File { config, credentials };  ///< in a config file a profile's section is "[profile NAME]"

  /// Adds what a file says; of what an earlier one says too the later counts. `name` is the file's, for errors.
  /// Errors: `invalid_input` names the line; `limit_exceeded` for a text above 1 MiB.
  [[nodiscard]] Result<void> add(std::string_view text, File file, std::string_view name);

  /// A profile's section, or nothing.
  [[nodiscard]] const Section* profile(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> profile_value(const std::string& profile, const std::string& name) const;
  /// A section "[services NAME]", or nothing.
  [[nodiscard]] const Section* services(const std::string& name) const;

 private:
  std::map<std::string, Section> profiles_;
  std::map<std::string, Section> services_;
};

}  // namespace tillite
