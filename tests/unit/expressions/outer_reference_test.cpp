#include <gtest/gtest.h>

#include "expressions/jsonata.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

std::string reference(std::string_view expression) {
  return must(Jsonata::parse(expression)).outer_reference().value_or("");
}

TEST(OuterReference, IsTheFirstNameThatIsReadInTheInput) {
  EXPECT_EQ(reference("phone"), "phone");
  EXPECT_EQ(reference("1 + a.b"), "a");
  EXPECT_EQ(reference("$map($states.input.a, function($x){ b })"), "b");
  EXPECT_EQ(reference("$$.a"), "$$");
}

TEST(OuterReference, IsNoneWhereNamesAreReadInWhatWasFound) {
  for (const char* expression : {"$states.input.phone", "$states.input.items[value > 3].name", "$x.a^(b)", "$x.a{b: c}",
                                 "$x.(a + b)", "$x ~> |items|{'a': b}|", "{'a': 1, 'b': $x}"})
    EXPECT_EQ(reference(expression), "") << expression;
}

}  // namespace
}  // namespace tillite::testing
