#include "workflow/validation.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

/// "location: message" of each finding.
std::string found_in(std::string_view definition, MachineType type = MachineType::standard) {
  std::string text;
  for (const Diagnostic& found : validate(definition, type))
    text += (text.empty() ? "" : "; ") + found.location + ": " + found.message;
  return text;
}

std::string state(const std::string& fields) { return R"({"StartAt":"A","States":{"A":{)" + fields + "}}}"; }

TEST(Validation, FindsNothingInADefinitionThatIsRight) {
  EXPECT_EQ(found_in(state(R"("Type":"Pass","End":true)")), "");
  EXPECT_EQ(found_in(state(R"("Type":"Task","Resource":"command:date","End":true)")), "");
}

TEST(Validation, SaysInAwssWordsWhatIsMissing) {
  EXPECT_EQ(found_in("{}"), "/: These fields are required: [States, StartAt]");
  EXPECT_EQ(validate("", MachineType::standard).at(0).message, "Definition must be a valid JSON object");
  EXPECT_EQ(validate("nonsense", MachineType::standard).at(0).code, "INVALID_JSON_DESCRIPTION");
}

TEST(Validation, NamesThePlace) {
  const auto place = [](const std::string& fields) {
    const auto found = validate(state(fields), MachineType::standard);
    return found.empty() ? "" : found.front().location;
  };
  EXPECT_EQ(place(R"("Type":"Pass","Next":"B")"), "/States/A/Next");
  EXPECT_EQ(place(R"("Type":"Pass","InputPath":"a","End":true)"), "/States/A/InputPath");
  EXPECT_EQ(place(R"("Type":"Task","Resource":"arn:aws:states:::no:such","End":true)"), "/States/A/Resource");
  EXPECT_EQ(place(R"("Type":"Wait","Timestamp":"tomorrow","End":true)"), "/States/A/Timestamp");
  EXPECT_EQ(place(R"("QueryLanguage":"JSONata","Type":"Pass","Output":"{% ( %}","End":true)"), "/States/A/Output");
}

TEST(Validation, RefusesWhatExpressMachinesCannotDo) {
  const std::string waits = state(
      R"("Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f"},"End":true)");
  EXPECT_EQ(found_in(waits), "");
  EXPECT_NE(found_in(waits, MachineType::express).find("Express state machine does not support"), std::string::npos);
}

}  // namespace
}  // namespace tillite::testing
