#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/aws/dynamodb_values.h"
#include "base/check.h"

/// A row of DynamoDB's is understood or refused; what was understood is the same after it went there and came back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::check;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto json = tillite::parse_json(text, "a row");
  if (!json) return 0;
  const auto row = tillite::from_attributes(*json);
  if (row) {
    const auto attributes = tillite::to_attributes(*row);
    if (attributes) check(tillite::from_attributes(*attributes).has_value(), "what was sent can be read");
  }
  const auto sent = tillite::to_attribute(*json);
  if (!sent) return 0;
  const auto back = tillite::from_attribute(*sent);
  check(back.has_value() && *back == *json, "a value comes back as it was");
  return 0;
}
