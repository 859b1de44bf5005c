#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <random>

#include "base/base64.h"
#include "embedding/batch_files.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

const ImageId kImage("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");

struct Collected {
  std::map<std::string, BatchResult> results;
  std::vector<std::string> order;
  ResultFileFacts facts;
};

Collected results_of(const std::string& text, std::size_t dimensions = 2, std::size_t threads = 0) {
  Collected collected;
  const auto source = source_of(text);
  const auto each = [&](BatchResult&& result) -> Result<void> {
    collected.order.push_back(result.id.str());
    collected.results[result.id.str()] = std::move(result);
    return {};
  };
  const auto facts = read_results(*source, dimensions, each, threads);
  EXPECT_TRUE(facts);
  if (facts) collected.facts = *facts;
  return collected;
}

std::string id_of(int line) { return line_record_id(kImage, 1, line).str(); }

std::string result_line(int line, const std::string& rest) {
  return "{\"id\":\"r\",\"custom_id\":\"" + id_of(line) + "\"," + rest + "}\n";
}

std::string with_embedding(const std::string& embedding) {
  return "\"response\":{\"status_code\":200,\"body\":{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
         "\"embedding\":" +
         embedding + ",\"index\":0}]}},\"error\":null";
}

TEST(Results, EveryOutcomeOfALineIsTold) {
  const auto all =
      results_of(result_line(1, with_embedding("[0.6,-0.8]")) + result_line(2, with_embedding("\"AACAPwAAAEA=\"")) +
                 "{broken\n" + result_line(3, with_embedding("[1]")) + result_line(4, with_embedding("[0,0]")) +
                 result_line(5,
                             "\"response\":{\"status_code\":400,\"body\":{\"error\":{\"message\":\"no\",\"code\":"
                             "\"bad\"}}},\"error\":null") +
                 result_line(6, "\"response\":null,\"error\":{\"code\":\"batch_expired\",\"message\":\"late\"}") +
                 result_line(7, "\"response\":null,\"error\":null") + "{\"custom_id\":\"elsewhere\"}\n");
  const auto of = [&](int line) { return all.results.at(id_of(line)); };
  EXPECT_EQ(of(1).vector, (std::vector<float>{0.6F, -0.8F}));
  EXPECT_EQ(of(2).vector, (std::vector<float>{1.0F, 2.0F}));
  EXPECT_EQ(of(3).error_code, "bad_vector");
  EXPECT_EQ(of(4).error_code, "bad_vector");
  EXPECT_EQ(of(5).error_code, "bad");
  EXPECT_EQ(of(6).error_code, "batch_expired");
  EXPECT_EQ(of(7).error_code, "bad_result");
  EXPECT_EQ(all.facts.unreadable_lines, 2U);
  EXPECT_TRUE(all.facts.first_unreadable.starts_with("line 3: ")) << all.facts.first_unreadable;
}

TEST(Results, TellWhyAVectorCannotBeUsed) {
  const std::map<std::string, std::string> faults = {
      {"[1,2,3]", "the vector has 3 numbers, not 2"},
      {"[]", "the vector has 0 numbers, not 2"},
      {"null", "the vector has 0 numbers, not 2"},
      {"[1,null]", "the vector has 0 numbers, not 2"},
      {"\"\"", "the vector has 0 numbers, not 2"},
      {"\"AACAPw==\"", "the vector has 1 numbers, not 2"},
      {"\"AACAPwAA\"", "the vector has 0 numbers, not 2"},       // six bytes are no floats
      {"\"AACAPwAAAEA\"", ""},                                   // without padding
      {"\"AACAPwAA\\/0A=\"", ""},                                // with a character that JSON may escape
      {"\"AACAPwAAAEE-\"", "the vector has 0 numbers, not 2"},   // a character of another alphabet
      {"\"AACAPwAAAEB=\"", "the vector has 0 numbers, not 2"},   // bits that are left over
      {"\"AACAPwAAAEA==\"", "the vector has 0 numbers, not 2"},  // too much padding
      {"\"AACAfwAAAEA=\"", "the vector has NaN or infinity in it"},
      {"\"AADAfwAAAEA=\"", "the vector has NaN or infinity in it"},
      {"[1,1e39]", "the vector has NaN or infinity in it"},
      {"\"AAAAgAAAAIA=\"", "the vector has length zero"},  // -0, -0
      {"[1e-45,0]", ""},
      {"[1e-60,0]", "the vector has length zero"},
  };
  for (const auto& [embedding, fault] : faults) {
    const auto all = results_of(result_line(1, with_embedding(embedding)));
    ASSERT_EQ(all.results.size(), 1U) << embedding;
    const BatchResult& result = all.results.begin()->second;
    EXPECT_EQ(result.error_message, fault) << embedding;
    EXPECT_EQ(result.error_code, fault.empty() ? "" : "bad_vector") << embedding;
    EXPECT_EQ(result.vector.empty(), !fault.empty()) << embedding;
  }
}

TEST(Results, NoKeyIsInAReason) {
  const std::string error = R"({"code":"sk-proj-12","message":"Incorrect API key provided: sk-proj-ab****yz."})";
  const auto all = results_of(result_line(1, R"("response":null,"error":)" + error) +
                              result_line(2, R"("response":{"status_code":401,"body":{"error":)" + error + "}}"));
  ASSERT_EQ(all.results.size(), 2U);
  for (const auto& [id, result] : all.results) {
    EXPECT_EQ(result.error_code, "sk-[hidden]");
    EXPECT_EQ(result.error_message, "Incorrect API key provided: sk-[hidden].");
  }
}

TEST(Results, AreThoseOfTheParserWhereverAVectorSeemsToBe) {
  const std::string escaped = R"("note":"\"embedding\":[9,9]",)";
  const std::string other = R"("usage":{"embedding":[9,9]},)";
  const std::string mark = R"("note":-7291640358217936,)";
  const std::vector<std::string> lines = {
      escaped + with_embedding("[0.5,2]"),
      other + with_embedding("[0.5,2]"),
      mark + with_embedding("[0.5,2]"),
      other + with_embedding("-7291640358217936"),
      R"("embedding":[9,9],)" + with_embedding("null"),
      R"("embedding" : [9,9] , "response":null)",
      R"("embedding":[9,9],"response":{"body":{"error":{"code":"c"}}})",
      R"("response":{"status_code":500,"body":{"data":[{"embedding":[1,2]}]}})",
      R"("response":{"body":{"data":[{"embedding":[0.5,2],"embedding":[3,4]}]}})",
      R"("response":{"body":{"data":[{"embeddin\u0067":[0.5,2]}]}})",
      R"("response":{"body":{"data":[{"embeddin\u0067":[0.5,2],"embedding":[3,4]}]}})",
      R"("response":{"body":{"data":[{"index":1},{"embedding":[3,4]}]}})",
      R"("response":{"body":{"data":[{"embedding":[0.5,2]},{"embedding":[3,4]}]}})",
      R"("response":{"body":{"data":[{"embedding":[0.5,2)",
      R"("response":{"body":{"data":[{"embedding":[0.5,2]]}]}})",
      R"("response":{"body":{"data":[{"embedding":[0.5,2]}]}}} {)",
      R"(x"embedding":[0.5,2])",
      R"("a"embedding":[0.5,2])",
      R"("a\\"embedding":[0.5,2])",
      with_embedding("[0.5,12345678901234567890123]"),
      with_embedding("[0.5,12345678901234567890]"),
      with_embedding("[1e999,2]"),
      with_embedding("[1e-999,2]"),
      with_embedding("[01,2]"),
      with_embedding("\"AACAPwAAAEA=\"") + ",\"broken\":\"\x01\"",
      with_embedding("\"AACAPwAAAEA=\"") + ",\"broken\":\"\xff\"",
  };
  ResultLineReader reader(2);
  for (const std::string& rest : lines) {
    std::string line = result_line(1, rest);
    line.pop_back();
    const auto whole = reader.read_whole(line);
    const auto result = reader.read(line);
    ASSERT_EQ(result.has_value(), whole.has_value()) << line;
    if (!whole) continue;
    EXPECT_EQ(result->vector, whole->vector) << line;
    EXPECT_EQ(result->error_code, whole->error_code) << line;
    EXPECT_EQ(result->error_message, whole->error_message) << line;
  }
}

/// A file of several blocks, in which every seventh line is broken in some way.
struct LongFile {
  static constexpr std::size_t kDimensions = 512;
  std::string text;
  std::vector<std::string> order;
  std::map<std::string, std::vector<float>> vectors;
  std::size_t broken = 0;
};

LongFile long_file(int lines) {
  LongFile file;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int i = 1; i <= lines; ++i) {
    if (i % 7 == 0) {
      ++file.broken;
      file.text += i % 2 == 0 ? "{\"custom_id\":\n" : result_line(i, with_embedding("[0.5,")) + "\r\n \t\n";
      continue;
    }
    std::vector<float> vector(LongFile::kDimensions);
    std::string numbers;
    for (float& number : vector) numbers += fmt::format("{},", number = normal(random));
    numbers.back() = ']';
    const std::string base64 = '"' + base64_of(std::as_bytes(std::span(vector))) + '"';
    file.text += result_line(i, with_embedding(i % 2 == 0 ? base64 : "[" + numbers));
    file.order.push_back(id_of(i));
    file.vectors[id_of(i)] = std::move(vector);
  }
  return file;
}

TEST(Results, ComeInTheOrderOfTheFileAndTheSameByAnyNumberOfThreads) {
  const LongFile file = long_file(1'000);
  for (const std::size_t threads : {1U, 2U, 5U}) {
    const auto all = results_of(file.text, LongFile::kDimensions, threads);
    EXPECT_EQ(all.order, file.order);
    EXPECT_EQ(all.facts.results, file.order.size());
    EXPECT_EQ(all.facts.unreadable_lines, file.broken);
    EXPECT_EQ(all.facts.first_unreadable, "line 7: it is not a JSON object");
    for (const auto& [id, vector] : file.vectors) EXPECT_EQ(all.results.at(id).vector, vector) << id;
  }
}

TEST(Results, NumberTheFirstLineThatCannotBeReadThroughoutTheFile) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += i % 2 == 0 ? "\n" : result_line(1, "\"response\":null");
  EXPECT_EQ(results_of(text + "[]\n{}\n").facts.first_unreadable, "line 20001: it is not a JSON object");
}

TEST(Results, EndWithTheFirstErrorOfWhoeverTakesThem) {
  const LongFile file = long_file(1'000);
  const auto source = source_of(file.text);
  std::size_t taken = 0;
  const auto facts = read_results(*source, LongFile::kDimensions, [&](BatchResult&&) -> Result<void> {
    if (++taken == 100) return fail(Code::cancelled, "enough");
    return {};
  });
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code(), Code::cancelled);
  EXPECT_EQ(taken, 100U);
}

TEST(Results, EndWithTheErrorOfTheFile) {
  class BrokenSource final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<std::byte>) override { return fail(Code::unavailable, "the connection broke"); }
  } source;
  const auto facts = read_results(source, 2, [](BatchResult&&) -> Result<void> { return {}; });
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code(), Code::unavailable);
}

TEST(Results, ALineThatIsTooLongDoesNotStopItsNeighbours) {
  const std::string good = result_line(1, with_embedding("[0.6,-0.8]"));
  const std::string giant = result_line(2, with_embedding('"' + std::string(5'000'000, 'A') + '"'));
  const auto all = results_of(good + giant + result_line(3, with_embedding("[0.6,-0.8]")) + giant);
  EXPECT_EQ(all.order, (std::vector<std::string>{id_of(1), id_of(3)}));
  EXPECT_EQ(all.facts.unreadable_lines, 2U);
  EXPECT_EQ(all.facts.first_unreadable, "line 2: it is longer than 4194304 bytes");
}

}  // namespace
}  // namespace tillite
