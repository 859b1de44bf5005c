// JSON as a payload template and as a Choice rule, and any text as an expression, all with the JSON or a small value as
// input.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expressions/choice_rule.h"
#include "expressions/payload_template.h"

namespace {

class CountedRandom final : public tillite::Random {
 public:
  std::array<std::byte, 16> bytes() override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = tillite::parse_value(text, "the payload");
  const tillite::Value input = json ? *json : tillite::Value(tillite::Value::Array{1, "a", tillite::Value::Array{2.5}});
  const std::function<tillite::Value()> context = [&] { return input; };
  const tillite::Variables variables = {{"x", input}};
  CountedRandom random;
  const tillite::Scope scope{input, context, variables, random};

  if (const auto expression = tillite::PathExpression::parse(text)) static_cast<void>(expression->evaluate(scope));
  if (!json) return 0;
  if (const auto payload = tillite::PayloadTemplate::parse(*json)) static_cast<void>(payload->fill(scope));
  if (const auto rule = tillite::ChoiceRule::parse(*json)) static_cast<void>(rule->holds(scope));
  return 0;
}
