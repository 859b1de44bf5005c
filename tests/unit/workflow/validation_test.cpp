#include "workflow/validation.h"

#include <gtest/gtest.h>

#include "expressions/value.h"

namespace tillite::testing {
namespace {

/// "CODE: message at location", one line each.
std::string found_in(std::string_view definition, MachineType type = MachineType::standard) {
  std::string text;
  for (const Diagnostic& found : validate(definition, type))
    text += fmt::format("{}{}: {} at {}", text.empty() ? "" : "\n", found.code, found.message, found.location);
  return text;
}

/// What is wrong with a machine of one state X and an end E.
std::string found_in_state(std::string_view state, std::string_view top = "") {
  return found_in(fmt::format(R"({{"StartAt":"X",{}"States":{{"X":{}}}}})", top, state));
}

std::string schema(std::string_view message, std::string_view location) {
  return fmt::format("SCHEMA_VALIDATION_FAILED: {} at {}", message, location);
}

TEST(Validation, FindsNothingWrongWithWhatIsRight) {
  EXPECT_EQ(found_in(R"json({"StartAt":"A","Comment":"c","Version":"1.0","TimeoutSeconds":60,"States":{
      "A":{"Type":"Map","ItemsPath":"$$.Execution.Input.x","ItemSelector":{"v.$":"$$.Map.Item.Value"},"MaxConcurrency":4,
           "ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"B","States":{
             "B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","TimeoutSecondsPath":"$t",
                  "Parameters":{"FunctionName":"f","Payload.$":"$$.Task.Token"},"End":true,
                  "Retry":[{"ErrorEquals":["A","B"],"IntervalSeconds":0,"JitterStrategy":"FULL"},
                           {"ErrorEquals":["States.ALL"]}]}}},
           "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"E"}],"Next":"C"},
      "C":{"Type":"Choice","Default":"W","Choices":[{"Next":"E","And":[
             {"Variable":"$.a","IsPresent":true},{"Variable":"$.a","NumericLessThanPath":"$.b"}]}]},
      "W":{"Type":"Wait","Timestamp":"2030-01-01T00:00:00Z","Next":"T"},
      "T":{"Type":"Task","Resource":"command:program --option","End":true},
      "E":{"Type":"Fail","ErrorPath":"States.Format('{}', $.error.Error)"}}})json"),
            "");
  EXPECT_EQ(found_in(R"json({"StartAt":"A","QueryLanguage":"JSONata","States":{
      "A":{"Type":"Task","Resource":"https://example.org/x","Arguments":{"v":"{% $states.input.items[price > 3] %}"},
           "TimeoutSeconds":"{% $t %}","Assign":{"n":"{% 1 %}"},"Output":"{% $states.result %}","Next":"C"},
      "C":{"Type":"Choice","Choices":[{"Condition":"{% $n = 1 %}","Output":1,"Next":"E"}],"Default":"E"},
      "E":{"Type":"Succeed"}}})json"),
            "");
}

TEST(Validation, RefusesWhatIsNoJsonInJacksonsWords) {
  EXPECT_EQ(found_in(" "), schema("Definition must be a valid JSON object", ""));
  EXPECT_EQ(found_in("[]"), schema("Definition must be a valid JSON object", ""));
  EXPECT_EQ(
      found_in("not a definition"),
      "INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token "
      "'null', 'true' or 'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4] at "
      "[Source: (String)\"not a definition\"; line: 1, column: 4]");
  EXPECT_TRUE(found_in(std::string((1U << 20) + 1, ' ')).contains("longer than 1048576 bytes"));
}

TEST(Validation, AsksForWhatIsRequired) {
  EXPECT_EQ(found_in("{}"), schema("These fields are required: [States, StartAt]", "/"));
  EXPECT_EQ(found_in(R"({"States":{"A":{"Type":"Pass","End":true}}})"),
            schema("These fields are required: [StartAt]", "/"));
  EXPECT_EQ(found_in_state(R"({"Type":"Task","End":true})"),
            schema("These fields are required: [Resource]", "/States/X"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass"})"),
            schema("This object should have only one of the following fields: [Next, End]", "/States/X") +
                "\nMISSING_END_STATE: Workflow has no terminal state at ");
  EXPECT_EQ(
      found_in_state(R"({"Type":"Nap","End":true})"),
      schema("The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, "
             "Map]",
             "/States/X/Type"));
}

TEST(Validation, RefusesFieldsOfOtherTypesAndLanguages) {
  EXPECT_EQ(found_in_state(R"({"Type":"Succeed","ResultPath":"$.a"})"),
            schema("Field 'ResultPath' is not supported", "/States/X"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","Output":1,"End":true})"),
            schema("The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' "
                   "QueryLanguage",
                   "/States/X"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","QueryLanguage":"JSONPath","Parameters":1,"End":true})",
                           R"("QueryLanguage":"JSONata",)"),
            schema("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", "/States/X"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","QueryLanguage":"jsonpath","End":true})"),
            schema("Value should be one of the following: [JSONPath, JSONata]", "/States/X/QueryLanguage"));
}

TEST(Validation, BoundsNumbersAndLetsOneOfEachPairStand) {
  EXPECT_EQ(found_in_state(R"({"Type":"Wait","Seconds":-1,"End":true})"),
            schema("Minimum value is 0", "/States/X/Seconds"));
  EXPECT_EQ(found_in_state(R"({"Type":"Wait","Seconds":1,"SecondsPath":"$.a","End":true})"),
            schema("There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
                   "/States/X"));
  EXPECT_EQ(found_in_state(R"({"Type":"Wait","Timestamp":"2016-12-05 21:29:29Z","End":true})"),
            schema("String does not match RFC3339 timestamp", "/States/X/Timestamp"));
  EXPECT_EQ(found_in_state(
                R"({"Type":"Parallel","Branches":[],"End":true,"Retry":[{"ErrorEquals":["A"],"BackoffRate":0.5}]})"),
            schema("Value cannot be empty", "/States/X/Branches") + "\n" +
                schema("Minimum value is 1", "/States/X/Retry[0]/BackoffRate"));
}

TEST(Validation, KnowsWhereStatesLead) {
  EXPECT_EQ(found_in(R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"C"},"B":{"Type":"Pass","End":true}}})"),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next\n"
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B");
  EXPECT_EQ(found_in(R"({"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[
      {"StartAt":"B","States":{"B":{"Type":"Succeed"}}},{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}]}}})"),
            "DUPLICATE_STATE_NAME: Duplicate state name: B at /States/A/Branches[1]/States/B");
}

TEST(Validation, RefusesPathsTemplatesAndExpressionsThatAreNone) {
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","InputPath":"a","End":true})"),
            schema("Value must be a valid JSONPath.", "/States/X/InputPath"));
  EXPECT_TRUE(found_in_state(R"({"Type":"Pass","ResultPath":"$foo","End":true})").contains("not a Reference Path"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","Parameters":{"a":{"b.$":"x"}},"End":true})"),
            schema("The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call",
                   "/States/X/Parameters/a"));
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","Assign":{"states":1,"a-b":2},"End":true})"),
            "RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/X/Assign/states\n"
            "INVALID_VARIABLE_NAME: Invalid variable name 'a-b': the variable name contains invalid characters. at "
            "/States/X/Assign/a-b");
  const std::string_view jsonata = R"("QueryLanguage":"JSONata",)";
  EXPECT_TRUE(found_in_state(R"({"Type":"Pass","Output":{"v":"{% $sum(1 %}"},"End":true})", jsonata)
                  .starts_with("INVALID_JSONATA_EXPRESSION: "));
  EXPECT_EQ(
      found_in_state(R"({"Type":"Pass","Output":{"v":"{% phone %}"},"End":true})", jsonata),
      "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/X/Output/v");
  EXPECT_EQ(found_in_state(R"({"Type":"Pass","Output":"{% 1","End":true})", jsonata),
            schema("JSONata string must start with {% and end with %}", "/States/X/Output"));
}

TEST(Validation, RefusesChoiceRulesThatAreNone) {
  const auto found = [](std::string_view rule) {
    return found_in(fmt::format(
        R"({{"StartAt":"X","States":{{"X":{{"Type":"Choice","Choices":[{}],"Default":"E"}},"E":{{"Type":"Succeed"}}}}}})",
        rule));
  };
  EXPECT_EQ(found(R"({"Variable":"$.a","IsNull":true})"),
            schema("These fields are required: [Next]", "/States/X/Choices[0]"));
  EXPECT_EQ(found(R"({"Variable":"$.a","IsNull":true,"End":true,"Next":"E"})"),
            schema("Field 'End' is not supported", "/States/X/Choices[0]"));
  EXPECT_EQ(found(R"({"Not":{"Variable":"$.a","IsNull":true,"Next":"E"},"Next":"E"})"),
            schema("Field 'Next' is not supported", "/States/X/Choices[0]/Not"));
  EXPECT_EQ(found(R"({"Next":"E"})"),
            schema("The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
                   "/States/X/Choices[0]"));
}

TEST(Validation, KnowsResourcesAndWhatExpressMachinesLack) {
  EXPECT_EQ(found_in_state(R"({"Type":"Task","Resource":"arn:aws:states:::dynamodb:query","End":true})"),
            schema("The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid "
                   "resource ARN, or the resource is not available in this region.",
                   "/States/X/Resource"));
  EXPECT_EQ(found_in_state(R"({"Type":"Task","Resource":"foo:bar","End":true})"),
            schema("Value is not a valid resource ARN", "/States/X/Resource"));
  EXPECT_EQ(
      found_in(R"({"StartAt":"X","States":{"X":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync",
      "End":true}}})",
               MachineType::express),
      schema("Express state machine does not support '.sync' service integration", "/States/X/Resource"));
  EXPECT_EQ(
      found_in_state(R"({"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Credentials":{"A":1},"End":true})"),
      schema("The field 'RoleArn' is required but was missing", "/States/X/Credentials"));
}

TEST(Validation, ChecksWhatADistributedMapReadsAndWrites) {
  EXPECT_EQ(found_in_state(R"({"Type":"Map","End":true,
      "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV"}},
      "ItemBatcher":{"MaxItemsPerBatch":2,"MaxItemsPerBatchPath":"$.n"},
      "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"A","States":{"A":{"Type":"Succeed"}}}})"),
            schema("The field 'CSVHeaderLocation' is required", "/States/X/ItemReader/ReaderConfig") + "\n" +
                schema("There should only be one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath]",
                       "/States/X/ItemBatcher") +
                "\n" + schema("These fields are required: [ExecutionType]", "/States/X/ItemProcessor/ProcessorConfig"));
}

TEST(Validation, NamesAHundredThingsAtMost) {
  std::string fields;
  for (int i = 0; i < 300; ++i) fields += fmt::format(R"("f{}":1,)", i);
  EXPECT_EQ(validate("{" + fields + R"("StartAt":"A","States":{}})", MachineType::standard).size(), 100U);
}

}  // namespace
}  // namespace tillite::testing
