#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/aws/shared_config.h"
#include "adapters/aws/sts.h"
#include "base/check.h"

/// Whatever the shared files hold, and those answer who issue credentials, they are understood or refused with the
/// line's number, and keys are no values.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::check;
  using tillite::SharedConfig;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto kind : {SharedConfig::File::config, SharedConfig::File::credentials}) {
    SharedConfig shared;
    const auto added = shared.add(text, kind, "a file");
    check(added || added.error().message().starts_with("a file, line "), "an error names its line");
    static_cast<void>(shared.profile_value("default", "region"));
    check(!shared.profile_value("default", "aws_secret_access_key"), "a key is no value");
    static_cast<void>(shared.services_value("local", "s3.endpoint_url"));
  }
  const auto issued = tillite::parse_credential_json(text, "somebody");
  check(!issued || !issued->expires_ms || *issued->expires_ms > -62'200'000'000'000, "an end is a time");
  const auto assumed = tillite::parse_credential_xml(text);
  check(!assumed || assumed->expires_ms.has_value(), "a role is assumed for a time");
  return 0;
}
