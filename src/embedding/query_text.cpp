#include "embedding/query_text.h"

#include "base/text.h"

namespace tillite {
namespace {

constexpr std::size_t kQueryBytesMax = 4096;  // as a text of a receipt

}  // namespace

Result<void> check_query_text(std::string_view text) {
  if (text.size() > kQueryBytesMax) {
    return fail(Code::invalid_input, "the text to look for has {} bytes, at most {} are allowed", text.size(),
                kQueryBytesMax);
  }
  if (!is_utf8(text)) return fail(Code::invalid_input, "the text to look for is not valid UTF-8");
  if (trim(text).empty()) return fail(Code::invalid_input, "the text to look for is empty");
  return {};
}

}  // namespace tillite
