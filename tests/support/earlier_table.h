#pragma once

#include "base/time.h"
#include "ports/object_store.h"
#include "ports/table.h"
#include "receipts/receipt_items.h"
#include "support/must.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite::testing {

/// Fills a table as the system before this one did: none of our attributes, optional ones missing or NULL, attributes
/// that we do not know, kinds of rows and batches that we do not make, and every oddity that its accidents left. The
/// clock of the test stands at `now`.
class EarlierTable {
 public:
  EarlierTable(Table& table, std::int64_t now_ms) : table_(table), now_ms_(now_ms) {}

  static constexpr const char* kImage = "3b1f8c52-6a0d-4c57-8a39-f2d1b7c6e501";
  static constexpr const char* kDamagedImage = "9d2b6a10-0c5e-4f6e-b1a7-2c3d4e5f6a7b";

  /// The lines of the first receipt, by what is odd about each. Each has one word of the same kind.
  enum Line {
    embedded = 1,    ///< SUCCESS with an id
    waiting,         ///< NONE, optional attributes NULL
    in_flight,       ///< PENDING; nothing says in which batch
    given_up,        ///< FAILED without a reason
    noise,           ///< NOISE
    without_status,  ///< neither a status nor index keys
    embedded_without_status,
    none_with_id,
    success_without_id,
    in_wrong_index,  ///< SUCCESS, its index keys say PENDING
    noise_without_status,
    noise_that_waits,  ///< NONE, and its text is noise
    without_text_and_place,
    lines_end
  };
  static constexpr std::uint64_t kLines = lines_end - 1;

  static RecordId line(int line_id) { return line_record_id(ImageId(kImage), 1, line_id); }
  static RecordId word(int line_id) { return word_record_id(ImageId(kImage), 1, line_id, 1); }
  static RecordId damaged_line() { return line_record_id(ImageId(kDamagedImage), 1, 1); }

  static std::string text_of(int line_id) {
    switch (line_id) {
      case noise:
      case noise_without_status:
      case noise_that_waits:
        return "-----";
      case without_text_and_place:
        return "";
      default:
        return fmt::format("OAT MILK {} 1.{:02}", line_id, line_id);
    }
  }

  /// All of it. The damaged receipt has a line whose status nobody knows; its other line can be read.
  void fill() {
    add_receipt(kImage);
    for (int line_id = 1; line_id < lines_end; ++line_id) {
      add_item(line(line_id), line_id);
      add_item(word(line_id), line_id);
    }
    add_receipt(kDamagedImage);
    add_item(damaged_line(), waiting);
    must(table_.write(Update{.key = row_key(damaged_line()), .set = {{"embedding_status", "EMBEDDED"}}}));
    add_rows_of_others();
    add_batches();
  }

  /// A receipt whose lines are all embedded, in a table without any oddity but that our attributes are missing.
  void fill_embedded(int lines) {
    add_receipt(kImage);
    for (int line_id = 1; line_id <= lines; ++line_id) {
      Item row = item_row(line(line_id), fmt::format("RYE BREAD {}", line_id), 0.9 - 0.04 * line_id);
      set_status(row, line(line_id), "SUCCESS");
      row["line_embedding_id"] = line(line_id).str();
      put(std::move(row));
    }
  }

  void put(Item row) { must(table_.write(Put{std::move(row)})); }

 private:
  static Item row(std::string pk, std::string sk, std::string type) {
    return {{"PK", std::move(pk)}, {"SK", std::move(sk)}, {"TYPE", std::move(type)}};
  }
  static std::string image_key(const char* image) { return fmt::format("IMAGE#{}", image); }

  void add_receipt(const char* image) {
    Item of_image = row(image_key(image), "IMAGE", "IMAGE");
    of_image.update({{"width", 2480},
                     {"height", 3508},
                     {"timestamp_added", "2025-04-30T08:15:00.123456"},
                     {"raw_s3_key", "raw/1.png"},
                     {"cdn_s3_key", nullptr},
                     {"sha256", nullptr}});
    put(std::move(of_image));
    Item receipt = row(image_key(image), "RECEIPT#00001", "RECEIPT");
    receipt.update({{"width", 620.5},
                    {"height", 1800},
                    {"timestamp_added", "2025-04-30T08:15:00+00:00"},
                    {"GSI2PK", "RECEIPT"},
                    {"GSI2SK", fmt::format("IMAGE#{}#RECEIPT#00001", image)},
                    {"sha256", nullptr}});
    put(std::move(receipt));
    Item metadata = row(image_key(image), "RECEIPT#00001#METADATA", "RECEIPT_METADATA");
    metadata.update({{"GSI1PK", "MERCHANT#CORNER_PANTRY"},
                     {"GSI1SK", fmt::format("IMAGE#{}#RECEIPT#00001#METADATA", image)},
                     {"merchant_name", "Corner Pantry"},
                     {"canonical_merchant_name", nullptr},
                     {"place_id", "ChIJ1"},
                     {"matched_fields", {"name", "phone"}},
                     {"phone_number", nullptr}});
    put(std::move(metadata));
  }

  static Item item_row(const RecordId& id, const std::string& text, double y) {
    const ItemKey key = row_key(id);
    const bool is_line = parse_record_id(id)->entity() == Entity::line;
    Item item = row(key.pk, key.sk, is_line ? "RECEIPT_LINE" : "RECEIPT_WORD");
    item.update({{"text", text},
                 {"bounding_box", {{"x", 0.1}, {"y", y}, {"width", 0.50000000000000000012}, {"height", 0.02}}},
                 {"top_left", {{"x", 0.1}, {"y", y + 0.02}}},
                 {"angle_degrees", 0.52},
                 {"angle_radians", 0.009},
                 {"confidence", 0.97},
                 {"is_noise", false},
                 {"histogram", {{"O", 1}, {"A", 2}}},
                 {"num_chars", 12}});
    // Its own use of the third index: by receipt.
    item.update({{"GSI3PK", "IMAGE#" + std::string(kImage)}, {"GSI3SK", "RECEIPT#00001"}});
    if (!is_line) item["extracted_data"] = {{"type", "currency"}, {"value", "1.29"}};
    return item;
  }

  static void set_status(Item& item, const RecordId& id, const std::string& status) {
    item["embedding_status"] = status;
    set_index(item, id, status);
  }
  static void set_index(Item& item, const RecordId& id, const std::string& status) {
    const bool is_line = parse_record_id(id)->entity() == Entity::line;
    item["GSI1PK"] = "EMBEDDING_STATUS#" + status;
    item["GSI1SK"] = (is_line ? "LINE#" : "WORD#") + id.str();
  }

  void add_item(const RecordId& id, int kind) {
    Item item = item_row(id, text_of(kind), 0.95 - 0.05 * kind);
    const std::string embedding_id =
        parse_record_id(id)->entity() == Entity::line ? "line_embedding_id" : "word_embedding_id";
    switch (kind) {
      case embedded:
        set_status(item, id, "SUCCESS");
        item[embedding_id] = id.str();
        break;
      case waiting:
        set_status(item, id, "NONE");
        for (const char* name : {"is_noise", "angle_degrees", "angle_radians", "confidence", "top_right"})
          item[name] = nullptr;
        item[embedding_id] = nullptr;
        break;
      case in_flight:
        set_status(item, id, "PENDING");
        break;
      case given_up:
        set_status(item, id, "FAILED");
        break;
      case noise:
        set_status(item, id, "NOISE");
        item["is_noise"] = true;
        break;
      case embedded_without_status:
        item[embedding_id] = id.str();
        break;
      case none_with_id:
        set_status(item, id, "NONE");
        item[embedding_id] = id.str();
        break;
      case success_without_id:
        set_status(item, id, "SUCCESS");
        break;
      case in_wrong_index:
        set_status(item, id, "SUCCESS");
        item[embedding_id] = id.str();
        set_index(item, id, "PENDING");
        break;
      case noise_that_waits:
        set_status(item, id, "NONE");
        break;
      case without_text_and_place:
        set_status(item, id, "NONE");
        for (const char* name : {"text", "bounding_box", "confidence", "top_left"}) item.erase(name);
        break;
      default:
        break;
    }
    put(std::move(item));
  }

  void add_rows_of_others() {
    Item letter = row(image_key(kImage), "RECEIPT#00001#LINE#00001#WORD#00001#LETTER#00001", "RECEIPT_LETTER");
    letter["text"] = "O";
    put(std::move(letter));
    Item label = row(image_key(kImage), "RECEIPT#00001#LINE#00001#WORD#00001#LABEL#PRODUCT_NAME", "RECEIPT_WORD_LABEL");
    label.update({{"GSI1PK", "LABEL#PRODUCT_NAME____________________________"},
                  {"GSI1SK", "IMAGE#1"},
                  {"validation_status", nullptr},
                  {"reasoning", "looks like it"},
                  {"label_proposed_by", nullptr},
                  {"timestamp_added", "2025-05-01T00:00:00"}});
    put(std::move(label));
    Item section = row(image_key(kImage), "RECEIPT#00001#SECTION#ITEMS", "RECEIPT_SECTION");
    section.update({{"section_type", "ITEMS"}, {"line_ids", {1, 2}}});
    put(std::move(section));
    put(row("PLACES_CACHE#1", "PLACES#1", "PLACES_CACHE"));
    Item lock = row("LOCK#chroma-main-lock", "LOCK", "COMPACTION_LOCK");
    lock.update({{"GSI1PK", "LOCK#words"},
                 {"GSI1SK", "EXPIRES#2025-05-01"},
                 {"owner", "1"},
                 {"expires", "2025-05-01"},
                 {"heartbeat", nullptr}});
    put(std::move(lock));
  }

  void add_batches() {
    add_batch("11111111-0000-4000-8000-000000000001", "LINE_EMBEDDING", "COMPLETED", "batch_1", iso(now_ms_ - kDayMs));
    add_batch("11111111-0000-4000-8000-000000000002", "LINE_EMBEDDING", "IN_PROGRESS", "batch_2",
              iso(now_ms_ - 3 * kDayMs));
    add_batch("11111111-0000-4000-8000-000000000003", "LINE_EMBEDDING", "PENDING", nullptr, nullptr);
    add_batch("11111111-0000-4000-8000-000000000004", "WORD_EMBEDDING", "PENDING", "batch_4", "yesterday");
    add_batch("11111111-0000-4000-8000-000000000005", "COMPLETION", "PENDING", "batch_5", "2025-05-01T00:00:00");
    add_batch("11111111-0000-4000-8000-000000000006", "EMBEDDING", "PENDING", "batch_6", "2025-05-01T00:00:00");
  }

  static constexpr std::int64_t kDayMs = 24 * 3'600'000;
  /// As it wrote times: microseconds, no zone.
  static std::string iso(std::int64_t ms) {
    std::string text = iso_time(ms);
    text.pop_back();
    return text + "456";
  }

 public:
  void add_batch(const std::string& id, const std::string& type, const std::string& status, const Json& openai_id,
                 const Json& submitted_at, const Json& receipt_refs = Json::array()) {
    Item batch = row("BATCH#" + id, "STATUS", "BATCH_SUMMARY");
    batch.update({{"GSI1PK", "STATUS#" + status},
                  {"GSI1SK", fmt::format("BATCH_TYPE#{}#BATCH_ID#{}", type, id)},
                  {"batch_type", type},
                  {"status", status},
                  {"openai_batch_id", openai_id},
                  {"submitted_at", submitted_at},
                  {"result_file_id", nullptr},
                  {"receipt_refs", receipt_refs}});
    put(std::move(batch));
  }
  std::string moment(std::int64_t ms_ago) const { return iso(now_ms_ - ms_ago); }

 private:
  Table& table_;
  std::int64_t now_ms_;
};

/// Puts a Chroma directory below a prefix of a store, as the system before this one stored its snapshots and deltas.
inline void upload_folder(ObjectStore& store, const Path& folder, const std::string& prefix) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const ObjectKey key(prefix + entry.path().lexically_relative(folder).string());
    must(store.create(key, as_bytes(must(read_file(entry.path())))));
  }
}

}  // namespace tillite::testing
