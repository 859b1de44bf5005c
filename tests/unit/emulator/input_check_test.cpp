#include "emulator/batches/input_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/emulator/emulator_fixture.h"

namespace tillite::testing {
namespace {

using ::testing::ElementsAre;

class InputCheckTest : public ::testing::Test {
 protected:
  InputFacts check(const std::string& content, std::size_t lines_max = kBatchRequestsMax) {
    const Path path = folder_ / "input";
    must(replace_file(path, as_bytes(content)));
    auto lines = must(InputLines::of(must(File::open_read(path)), lines_max));
    return must(check_input(lines, content.size(), "/v1/embeddings", models_));
  }
  std::vector<std::string> codes(const std::string& content) {
    std::vector<std::string> codes;
    for (const BatchProblem& problem : check(content).problems) {
      codes.push_back(fmt::format("{} {}", problem.line.value_or(0), problem.code));
    }
    return codes;
  }

 private:
  TempFolder folder_;
  ModelCatalog models_ = must(ModelCatalog::parse(ModelCatalog::kOpenAiModels));
};

TEST_F(InputCheckTest, AddsUpWhatIsAskedFor) {
  const InputFacts facts =
      check(input_line("a", "oat milk") + "\n\n" + input_line("b", {"x", "y"}) + "\r\n" + input_line("c", {1, 2, 3}));
  EXPECT_TRUE(facts.problems.empty());
  EXPECT_EQ(facts.model, kEmulatedModel);
  EXPECT_EQ(facts.requests, 3U);
  EXPECT_EQ(facts.tokens, 3U + 2U + 3U);
}

TEST_F(InputCheckTest, NamesEachLineThatIsWrong) {
  const std::string good = input_line("a", "a");
  EXPECT_THAT(codes(good + "\n[]\n{\n" + good + "\n"),
              ElementsAre("2 invalid_json_line", "3 invalid_json_line", "4 duplicate_custom_id"));
  EXPECT_THAT(
      codes(good + "\n" + input_line("b", "b", "gpt-none") + "\n" + input_line("c", "c", "text-embedding-3-large")),
      ElementsAre("2 model_not_found", "3 mismatched_model"));
  EXPECT_THAT(codes(R"({"custom_id": 1, "method": "POST", "url": "/v1/embeddings", "body": {}})"
                    "\n"
                    R"({"custom_id": "", "method": "POST", "url": "/v1/embeddings", "body": {}})"
                    "\n"
                    R"({"custom_id": "a", "method": "GET", "url": "/v1/embeddings", "body": {}})"
                    "\n"
                    R"({"custom_id": "a", "method": "POST", "url": "/v1/other", "body": {}})"
                    "\n"
                    R"({"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": []})"
                    "\n"
                    R"({"custom_id": "a", "method": "POST", "url": "/v1/embeddings"})"
                    "\n"
                    R"({"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}})"),
              ElementsAre("1 invalid_type", "2 missing_required_parameter", "3 invalid_method", "4 invalid_url",
                          "5 invalid_type", "6 missing_required_parameter", "7 missing_required_parameter"));
}

TEST_F(InputCheckTest, AFileWithoutARequestIsEmpty) {
  EXPECT_THAT(codes(""), ElementsAre("0 empty_file"));
  EXPECT_THAT(codes("\n \r\n\t"), ElementsAre("0 empty_file"));
}

TEST_F(InputCheckTest, LimitsTheNumberOfRequests) {
  const std::string content = input_line("a", "a") + "\n" + input_line("b", "b") + "\n\n";
  EXPECT_TRUE(check(content, 2).problems.empty());
  EXPECT_EQ(check(content, 1).problems.at(0).code, "too_many_tasks");
}

TEST_F(InputCheckTest, LimitsTheNumberOfInputs) {
  const Json inputs(std::vector<std::string>(2000, "a"));
  std::string content;
  for (int i = 0; i < 25; ++i) content += input_line(std::to_string(i), inputs) + "\n";
  EXPECT_TRUE(check(content).problems.empty());
  EXPECT_EQ(check(content + input_line("25", "a")).problems.at(0).code, "too_many_inputs");
}

TEST_F(InputCheckTest, ALineThatIsTooLongCannotBeRead) {
  const std::string content =
      input_line("a", std::string(InputLines::kLineBytesMax, 'a')) + "\n" + input_line("b", "b");
  EXPECT_THAT(codes(content), ElementsAre("1 invalid_json_line"));
}

TEST_F(InputCheckTest, NamesTheFirstProblemsOnly) {
  std::string content;
  for (int i = 0; i < 1000; ++i) content += "{\n";
  EXPECT_EQ(check(content).problems.size(), 100U);
}

}  // namespace
}  // namespace tillite::testing
