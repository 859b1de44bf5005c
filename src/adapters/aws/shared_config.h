#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace tillite {

/// The files that AWS's programs share: ~/.aws/config and ~/.aws/credentials, as sections of names and values.
/// Format: AWS SDKs and Tools Reference Guide, "Format of the shared config and credentials files". Names of values are
/// in lower case; of a nested value the name is "s3.endpoint_url".
class SharedConfig {
 public:
  enum class File { config, credentials };  ///< in a config file a profile's section is "[profile NAME]"

  /// Adds what a file says; of what an earlier one says too the later counts. `name` is the file's, for errors.
  /// Errors: `invalid_input` names the line; `limit_exceeded` for a text above 1 MiB.
  [[nodiscard]] Result<void> add(std::string_view text, File file, const std::string& name);

  [[nodiscard]] bool has_profile(const std::string& name) const { return profiles_.contains(name); }
  [[nodiscard]] std::optional<std::string> profile_value(const std::string& profile, const std::string& name) const;
  /// aws_secret_access_key and aws_session_token of a profile, which profile_value() does not give; nullptr: none.
  [[nodiscard]] std::shared_ptr<const Secret> profile_secret(const std::string& profile, const std::string& name) const;
  /// A value of a section "[services NAME]".
  [[nodiscard]] std::optional<std::string> services_value(const std::string& services, const std::string& name) const;

 private:
  struct Section {
    std::map<std::string, std::string> values;
    std::map<std::string, std::shared_ptr<const Secret>> secrets;
  };
  std::map<std::string, Section> profiles_;
  std::map<std::string, Section> services_;
};

}  // namespace tillite
