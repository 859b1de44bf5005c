#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vectors/records/where.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = tillite::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "input");
  if (!json) return 0;
  for (const auto& where : {tillite::Where::parse(*json, nullptr), tillite::Where::parse(nullptr, *json)}) {
    if (!where) continue;
    static_cast<void>(where->matches({{"a", 1}}, "text"));
    static_cast<void>(where->sql());
    static_cast<void>(where->condition());
  }
  return 0;
}
