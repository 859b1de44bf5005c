#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// Where the names of this server seem to be: any region and account in a request is accepted, these are answered.
struct AwsPlace {
  std::string region = "us-east-1";
  std::string account = "000000000000";

  /// "arn:aws:sqs:us-east-1:000000000000:name"
  [[nodiscard]] std::string arn(std::string_view service, std::string_view resource) const;
};

/// The parts of "arn:aws:states:us-east-1:123456789012:execution:machine:name".
struct Arn {
  std::string service;   ///< "states"
  std::string region;    ///< may be empty
  std::string account;   ///< may be empty
  std::string resource;  ///< all behind the account: "execution:machine:name"
};
/// `invalid_input`, named InvalidArn, with AWS's message.
[[nodiscard]] Result<Arn> parse_arn(std::string_view text);

}  // namespace tillite
