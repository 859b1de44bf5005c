#include "steps/reports/distinct_texts.h"

#include "base/check.h"

namespace tillite {

bool DistinctTexts::insert(const std::string& input_hash) {
  constexpr std::size_t digits = 32;
  const auto hash = Sum128::from_hex(input_hash.substr(0, digits));
  check(hash.has_value(), "a text's hash is hexadecimal");
  if (texts_.size() < kTextsMax) return texts_.insert(*hash).second;
  if (texts_.contains(*hash)) return false;
  overfull_ = true;
  return true;
}

}  // namespace tillite
