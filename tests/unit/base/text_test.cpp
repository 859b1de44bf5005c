#include "base/text.h"

#include <gtest/gtest.h>

namespace tillite {
namespace {

TEST(Utf8, IsFoundWherePlacesAndLengthsDiffer) {
  for (std::size_t length = 0; length <= 20; ++length) {
    const std::string plain(length, 'x');
    EXPECT_TRUE(is_utf8(plain));
    for (std::size_t place = 0; place <= length; ++place) {
      for (const char* const good : {"\u00e4", "\u20ac", "\U0001f37a", "\x7f"}) {
        EXPECT_TRUE(is_utf8(std::string(plain).insert(place, good))) << good << " at " << place << " of " << length;
      }
      for (const char* const bad :
           {"\x80", "\xff", "\xc3", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
        EXPECT_FALSE(is_utf8(std::string(plain).insert(place, bad))) << place << " of " << length;
      }
    }
  }
}

}  // namespace
}  // namespace tillite
