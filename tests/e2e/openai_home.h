#pragma once

#include <gtest/gtest.h>

#include "base/http_client.h"
#include "receipts/receipt_reader.h"
#include "support/child_process.h"
#include "support/must.h"
#include "support/program.h"
#include "support/temp_folder.h"

namespace tillite::testing {

/// The program's own emulator of OpenAI's API, on a free port; it ends with this object.
class OpenAiEmulator {
 public:
  struct Options {
    std::string faults;
    std::uint64_t seed = 1;
    std::string latency = "validating=5ms,in-progress=20ms,finalizing=5ms,cancelling=5ms";
    std::uint64_t enqueued_tokens_max = 100'000'000;
  };
  static constexpr const char* kKey = "sk-emulated-0123456789abcdefghijklmnopqrstuvwxyz";

  OpenAiEmulator(const Path& folder, const Options& options, const std::string& name = "emulator")
      : process_(
            must(ChildProcess::start({.words = {TILLITE_PROGRAM, "--json", "openai-emulator", "--port", "0", "--folder",
                                                (folder / name).string(), "--faults", options.faults, "--seed",
                                                std::to_string(options.seed), "--latency", options.latency, "--api-key",
                                                kKey, "--enqueued-tokens", std::to_string(options.enqueued_tokens_max)},
                                      .environment = {},
                                      .log = folder / (name + ".log")}))) {
    const Json said = Json::parse(must(process_.read_line(std::chrono::minutes(2))));
    url_ = fmt::format("http://127.0.0.1:{}", said.at("port").get<int>());
  }

  [[nodiscard]] std::string url() const { return url_; }
  /// What a program needs to use it.
  [[nodiscard]] std::map<std::string, std::string> environment() const {
    return {{"OPENAI_BASE_URL", url_ + "/v1"}, {"OPENAI_API_KEY", kKey}};
  }

  [[nodiscard]] Json stats() { return call("GET", "/emulator/stats"); }
  /// How the next batches end (docs/openai-emulator.md).
  void script_batches(const Json& outcomes) { call("POST", "/emulator/batches", {{"outcomes", outcomes}}); }
  /// What the next requests get.
  void script_answers(const Json& answers) { call("POST", "/emulator/answers", {{"answers", answers}}); }

  /// A call of the API, with the key.
  [[nodiscard]] HttpResponse api(const std::string& method, const std::string& path) {
    return must(client_.send(
        {.method = method, .url = url_ + "/v1" + path, .headers = {{"Authorization", std::string("Bearer ") + kKey}}}));
  }

 private:
  Json call(const std::string& method, const std::string& path, const Json& body = nullptr) {
    HttpRequest request{.method = method, .url = url_ + path, .headers = {{"Content-Type", "application/json"}}};
    if (!body.is_null()) request.body = to_text(body);
    const HttpResponse response = must(client_.send(request));
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }

  ChildProcess process_;
  HttpClient client_;
  std::string url_;
};

/// A home whose vectors come from an emulator. Vectors are short: what is tested here does not depend on their length.
class OpenAiHome {
 public:
  explicit OpenAiHome(const Path& folder, const std::map<std::string, std::string>& environment,
                      const std::map<std::string, std::string>& more = {}, const std::string& name = "home")
      : folder_(folder / (name + "-files")), home_(folder / name), program_(folder_, home_, merged(environment, more)) {
    std::filesystem::create_directories(folder_);
  }

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const Path& home() const { return home_; }

  void import(const Receipt& receipt) { import_all({receipt}); }
  void import_all(const std::vector<Receipt>& receipts) {
    std::string text;
    for (const Receipt& receipt : receipts) text += to_text(receipt_json(receipt)) + "\n";
    ASSERT_TRUE(replace_file(folder_ / "receipts.jsonl", as_bytes(text)));
    const auto outcome = program_.run({"import", (folder_ / "receipts.jsonl").string()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  /// Finds and submits what is new of the lines; nothing is polled.
  void submit() {
    const auto outcome = program_.run({"workflow", "start", "create-batches-sf"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  /// Runs until nothing is left of the lines.
  Program::Outcome run(int status = 0, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--json", "--log-level", "info", "run", "--entity", "line"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto outcome = program_.run(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    return outcome;
  }
  Json answer(std::vector<std::string> arguments, int status = 0) {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program_.run(std::move(arguments));
    EXPECT_EQ(outcome.status, status) << outcome.err;
    return outcome.json();
  }
  /// Where the lines are.
  Json census() { return answer({"status"}).at("entities").at(0); }
  /// All batches, those that were made first in front.
  Json batches() { return answer({"batches", "list", "--all"}).at("batches"); }

 private:
  static std::map<std::string, std::string> merged(std::map<std::string, std::string> environment,
                                                   const std::map<std::string, std::string>& more) {
    environment.insert({{"EMBEDDING_DIMENSIONS", "64"}});
    for (const auto& [name, value] : more) environment[name] = value;
    return environment;
  }

  Path folder_;  ///< of the program's output
  Path home_;
  Program program_;
};

/// Receipts with so many lines each, all different.
inline std::vector<Receipt> receipts_of_distinct_lines(int receipts, int lines) {
  std::vector<Receipt> all;
  for (int r = 0; r < receipts; ++r) {
    Receipt receipt{.image_id = ImageId(fmt::format("6f1ed002-ab5f-4a3c-9d2e-{:012x}", r)),
                    .receipt_id = 1,
                    .width_px = 1000,
                    .height_px = 1000};
    for (int l = 0; l < lines; ++l) {
      const double top = 1 - (l + 1.0) / (lines + 1.0);
      Line line{.line_id = l + 1, .text = fmt::format("article {} of shop {}", l, r), .box = {0.1, top, 0.5, 0.0005}};
      line.words = {{.word_id = 1, .text = line.text, .box = line.box}};
      receipt.lines.push_back(std::move(line));
    }
    all.push_back(std::move(receipt));
  }
  return all;
}

}  // namespace tillite::testing
