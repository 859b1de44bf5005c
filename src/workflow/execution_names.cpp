#include "workflow/execution_names.h"

#include <algorithm>

#include "base/text.h"

namespace tillite {
namespace {

constexpr std::size_t kNameCharactersMax = 80;

bool is_allowed_in_name(char32_t c) {
  constexpr std::u32string_view kForbidden = U"<>{}[]?*\"#%\\^|~`$&,;:/";
  const bool is_control = c <= 0x1f || (c >= 0x7f && c <= 0x9f) || c == 0xfffe || c == 0xffff;
  const bool is_blank = c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
                        c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
  return !is_control && !is_blank && kForbidden.find(c) == std::u32string_view::npos;
}

}  // namespace

bool is_states_name(std::string_view name) {
  if (!is_utf8(name)) return false;
  const std::u32string characters = code_points(name);
  return !characters.empty() && characters.size() <= kNameCharactersMax &&
         std::ranges::all_of(characters, is_allowed_in_name);
}

}  // namespace tillite
