#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "embedding/input_format.h"
#include "embedding/metadata.h"
#include "receipts/receipt_reader.h"

namespace tillite::testing {

/// SROIE's training receipts: real, scanned, OCR'd. They are no part of the project: they are looked for in ../shared,
/// or in the folder that TILLITE_SHARED names. A test that needs them says so when it is skipped:
/// `if (!RealReceipts::available()) GTEST_SKIP() << RealReceipts::how_to_get();`
class RealReceipts {
 public:
  [[nodiscard]] static Path file() {
    const char* named = std::getenv("TILLITE_SHARED");
    const Path shared = named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "../shared";
    return shared / "data/receipts/sroie_train.jsonl";
  }
  [[nodiscard]] static bool available() { return std::filesystem::exists(file()); }
  [[nodiscard]] static std::string how_to_get() {
    return "no real receipts in " + file().lexically_normal().string() +
           ": name the folder that holds data/receipts/ with TILLITE_SHARED";
  }

  /// The receipts of the file as they stand there.
  [[nodiscard]] static std::vector<Json> read() {
    std::vector<Json> receipts;
    const std::string text = read_file(file()).value();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      if (end > begin) receipts.push_back(Json::parse(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return receipts;
  }

  /// Writes receipts as a file to import; its path.
  static std::string write(const std::vector<Json>& receipts, const Path& file) {
    std::string text;
    for (const Json& receipt : receipts) text += to_text(receipt) + "\n";
    EXPECT_TRUE(replace_file(file, as_bytes(text)));
    return file.string();
  }
};

/// What must come of receipts: their items that are not noise, by id.
class ExpectedItems {
 public:
  explicit ExpectedItems(Entity entity) : format_(default_format(entity)) {}

  void add(const Json& json) {
    const StoredReceipt stored{.receipt = parse_receipt(json).value(), .states = {}, .labels = {}};
    inputs_.merge(embedding_inputs(stored.receipt, format_));
    texts_.merge(stored_texts(stored, format_));
  }
  /// The texts that are sent.
  [[nodiscard]] const std::map<RecordId, std::string>& inputs() const { return inputs_; }
  /// What is stored beside the vectors.
  [[nodiscard]] const std::map<RecordId, StoredText>& texts() const { return texts_; }

 private:
  InputFormat format_;
  std::map<RecordId, std::string> inputs_;
  std::map<RecordId, StoredText> texts_;
};

}  // namespace tillite::testing
