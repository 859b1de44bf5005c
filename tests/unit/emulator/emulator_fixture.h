#pragma once

#include <gtest/gtest.h>

#include "emulator/batches/batch_life.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {

inline constexpr std::string_view kEmulatedModel = "text-embedding-3-small";

/// A line of a batch's input.
inline std::string input_line(std::string_view custom_id, const Json& input, std::string_view model = kEmulatedModel) {
  return to_text({{"custom_id", custom_id},
                  {"method", "POST"},
                  {"url", "/v1/embeddings"},
                  {"body", {{"model", model}, {"input", input}, {"dimensions", 8}}}});
}

/// The stores and batches of an emulator whose time stands still, in a folder of the test's.
class EmulatedBatches {
 public:
  explicit EmulatedBatches(BatchLife::Settings settings = {.latency = slow()}) : settings_(std::move(settings)) {
    reopen();
  }

  static Latency slow() { return must(Latency::parse("validating=1s,in-progress=100s,finalizing=1s,cancelling=1s")); }

  /// As if the process had been killed and started again.
  void reopen() {
    life_.reset();
    files_.reset();
    database_.reset();
    database_ = must(EmulatorDatabase::open(folder_ / "emulator.sqlite3"));
    files_ = must(FileStore::open(*database_, folder_ / "files", clock_, random_));
    life_ = std::make_unique<BatchLife>(*database_, *files_, models_, clock_, random_, settings_);
  }

  [[nodiscard]] BatchLife& life() { return *life_; }
  [[nodiscard]] FileStore& files() { return *files_; }
  [[nodiscard]] EmulatorDatabase& database() { return *database_; }
  [[nodiscard]] VirtualClock& clock() { return clock_; }
  [[nodiscard]] const Path& folder() { return folder_.path(); }

  StoredFile upload(const std::vector<std::string>& lines, const std::string& purpose = "batch") {
    FileDraft draft = must(files_->draft());
    for (const std::string& line : lines) must(draft.sink().write(as_bytes(line + "\n")));
    return must(files_->keep(draft, "requests.jsonl", purpose, std::nullopt));
  }
  /// `count` requests with the ids "0", "1", ...
  static std::vector<std::string> lines(std::size_t count) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < count; ++i) lines.push_back(input_line(std::to_string(i), fmt::format("text {}", i)));
    return lines;
  }

  ApiResult<EmulatedBatch> try_create(const std::string& file_id) {
    return life_->create({.input_file_id = file_id,
                          .endpoint = "/v1/embeddings",
                          .completion_window = "24h",
                          .metadata = {{"own", "1"}},
                          .output_lives_s = std::nullopt});
  }
  std::string create(const std::vector<std::string>& lines) {
    const auto batch = try_create(upload(lines).id);
    EXPECT_TRUE(batch) << batch.error().message();
    return batch->id;
  }
  void script(const Json& outcome) { life_->script({must(Outcome::parse(outcome))}); }

  EmulatedBatch batch(const std::string& id) {
    const auto found = life_->find(id);
    EXPECT_TRUE(found);
    return *found;
  }
  /// What time brings about.
  void pass(std::int64_t duration_ms) {
    clock_.advance(duration_ms);
    must(life_->advance({}));
  }
  /// The batch at its end.
  EmulatedBatch settle(const std::string& id) {
    for (int i = 0; i < 10 && !batch(id).has_ended(); ++i) pass(100'000);
    EXPECT_TRUE(batch(id).has_ended());
    return batch(id);
  }

  std::string content(const std::optional<std::string>& file_id) {
    if (!file_id) return "";
    const auto file = files_->find(*file_id);
    EXPECT_TRUE(file);
    return must(read_all(*must(files_->open_content(*file, {.offset = 0, .bytes = file->bytes})), 1U << 30));
  }
  std::vector<Json> result_lines(const std::optional<std::string>& file_id) {
    std::vector<Json> lines;
    const auto source = source_of(content(file_id));
    LineReader reader(*source, 1U << 20);
    for (auto line = must(reader.next()); line.status == LineReader::Status::line; line = must(reader.next())) {
      lines.push_back(must(parse_json(line.text, "a line")));
    }
    return lines;
  }
  Json payments() {
    return must(database_->read("counting", [](SQLite::Database& database) { return count_payments(database); }));
  }

 private:
  TempFolder folder_;
  VirtualClock clock_;
  SeededRandom random_;
  ModelCatalog models_ = must(ModelCatalog::parse(ModelCatalog::kOpenAiModels));
  BatchLife::Settings settings_;
  std::unique_ptr<EmulatorDatabase> database_;
  std::unique_ptr<FileStore> files_;
  std::unique_ptr<BatchLife> life_;
};

}  // namespace tillite::testing
