#include "embedding/vector_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/base64.h"

namespace tillite {

std::string vector_text(std::span<const float> vector, bool is_base64) {
  if (is_base64) return '"' + base64_of(std::as_bytes(vector)) + '"';
  fmt::memory_buffer text;
  text.push_back('[');
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) text.push_back(',');
    if (vector[i] == 0) {
      text.push_back('0');  // never "-0"
    } else if (std::isnan(vector[i])) {
      text.append(std::string_view("NaN"));
    } else {
      fmt::format_to(std::back_inserter(text), "{}", vector[i]);
    }
  }
  text.push_back(']');
  return fmt::to_string(text);
}

}  // namespace tillite
