#include "server/arn.h"

#include <array>

#include "server/aws_error.h"

namespace tillite {
namespace {

constexpr std::size_t kArnBytesMax = 2000;

}  // namespace

std::string AwsPlace::arn(std::string_view service, std::string_view resource) const {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region, account, resource);
}

Result<Arn> parse_arn(std::string_view text) {
  const auto wrong = [&] { return aws_error("InvalidArn", fmt::format("Invalid Arn: '{}'", text.substr(0, 256))); };
  if (text.size() > kArnBytesMax) return wrong();
  std::array<std::string_view, 5> parts;  // "arn", partition, service, region, account
  std::string_view rest = text;
  for (std::string_view& part : parts) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return wrong();
    part = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || parts[2].empty() || rest.empty()) return wrong();
  return Arn{.service = std::string(parts[2]),
             .region = std::string(parts[3]),
             .account = std::string(parts[4]),
             .resource = std::string(rest)};
}

}  // namespace tillite
