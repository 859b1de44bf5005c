#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expressions/jsonata.h"

namespace {

/// Always the same bytes: a finding can be repeated.
class NoRandom final : public tillite::Random {
 public:
  std::array<std::byte, 16> bytes() override { return {}; }
};

const tillite::Value& sample() {
  static const tillite::Value value = tillite::Value::Object{
      {"name", "Corner Shop"},
      {"total", 12.5},
      {"tags", tillite::Value::Array{"food", "drink"}},
      {"lines", tillite::Value::Array{
                    tillite::Value::Object{{"text", "Milk"}, {"price", 1.25}, {"words", tillite::Value::Array{1, 2}}},
                    tillite::Value::Object{{"text", "Bread"}, {"price", 3}, {"words", tillite::Value::Array{}}}}}};
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto expression = tillite::Jsonata::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!expression) return 0;
  NoRandom random;
  const tillite::Jsonata::Variables variables = {{"states", tillite::Value::Object{{"input", sample()}}}, {"x", 7}};
  static_cast<void>(expression->free_variables());
  static_cast<void>(expression->evaluate(sample(), variables,
                                         {.now_ms = 1'700'000'000'123,
                                          .random = random,
                                          .steps_max = 20'000,
                                          .depth_max = 500,
                                          .items_max = 10'000,
                                          .text_bytes_max = 65'536,
                                          .result_bytes_max = 262'144}));
  return 0;
}
