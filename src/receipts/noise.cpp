#include "receipts/noise.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace tillite {
namespace {

/// What makes a text worth embedding: letters, digits, currency signs, '@' and '#'.
bool carries_meaning(char32_t c) {
  if (c == U'@' || c == U'#') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_SC:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool is_noise(std::string_view text) { return std::ranges::none_of(code_points(text), carries_meaning); }

}  // namespace tillite
