#include "receipts/receipt_items.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "base/time.h"

namespace tillite {
namespace {

constexpr std::string_view kOutbox = "CHANGE#";  // others may use GSI3 for something else
constexpr std::array<std::string_view, 5> kStatusNames = {"NONE", "PENDING", "SUCCESS", "FAILED", "NOISE"};

std::string image_partition(const ImageId& image) { return fmt::format("IMAGE#{}", image.str()); }

/// The part of a record id behind "IMAGE#{uuid}#": the SK of its row.
std::string sort_key(const RecordId& id) { return id.str().substr(id.str().find("#RECEIPT#") + 1); }

Entity entity_of(const RecordId& id) {
  const auto name = parse_record_id(id);
  check(name.has_value(), "rows are made of ids that were checked");
  return name->entity();
}

Json point(double x, double y) { return {{"x", x}, {"y", y}}; }

/// Box, corners and angles; what is stored upright has the angle 0.
Json geometry(const Box& box) {
  const double right = box.x + box.width;
  const double top = box.y + box.height;
  return {{"bounding_box", {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}}},
          {"top_left", point(box.x, top)},
          {"top_right", point(right, top)},
          {"bottom_left", point(box.x, box.y)},
          {"bottom_right", point(right, box.y)},
          {"angle_degrees", 0},
          {"angle_radians", 0}};
}

Json next_input_json(const NextInput& next) {
  Json json = {{"next_generation", next.generation}, {"next_input_hash", next.input_hash}};
  if (!next.batch_id.empty()) json["next_batch_id"] = next.batch_id.str();
  if (next.attempts > 0) json["next_attempts"] = next.attempts;
  if (!next.failure_reason.empty()) json["next_failure_reason"] = next.failure_reason;
  if (next.deferrals > 0) json["next_deferrals"] = next.deferrals;
  if (next.deferred_until_ms > 0) json["next_deferred_until_ms"] = next.deferred_until_ms;
  return json;
}

Result<NextInput> next_input(const Item& row) {
  NextInput next;
  next.generation = TRY(optional_int(row, "next_generation")).value_or(0);
  if (next.generation == 0) return next;
  next.input_hash = TRY(optional_string(row, "next_input_hash")).value_or("");
  next.batch_id = BatchId(TRY(optional_string(row, "next_batch_id")).value_or(""));
  next.attempts = TRY(optional_int(row, "next_attempts")).value_or(0);
  next.failure_reason = TRY(optional_string(row, "next_failure_reason")).value_or("");
  next.deferrals = TRY(optional_int(row, "next_deferrals")).value_or(0);
  next.deferred_until_ms = TRY(optional_int(row, "next_deferred_until_ms")).value_or(0);
  return next;
}

/// The rows of lines and words are alike but for their names.
Item item_row(const RecordId& id, const std::string& text, const Box& box, double confidence, const ItemState& state) {
  const ItemKey key = row_key(id);
  const Entity entity = entity_of(id);
  const auto& names = names_of(entity);
  Item row = geometry(box);
  row.update(status_keys(id, state.status));
  row.update({{"PK", key.pk},
              {"SK", key.sk},
              {"TYPE", names.row_type},
              {"text", text},
              {"confidence", confidence},
              {"is_noise", state.status == EmbeddingStatus::noise},
              {"item_version", state.item_version},
              {"metadata_version", state.metadata_version},
              {"attempts", state.attempts}});
  if (!state.input_hash.empty()) row["input_hash"] = state.input_hash;
  if (!state.batch_id.empty()) row["embedding_batch_id"] = state.batch_id.str();
  if (!state.failure_reason.empty()) row["failure_reason"] = state.failure_reason;
  if (state.deferrals > 0) row["deferrals"] = state.deferrals;
  if (state.deferred_until_ms > 0) row["deferred_until_ms"] = state.deferred_until_ms;
  if (state.input_generation != 1) row["input_generation"] = state.input_generation;
  if (state.next.generation != 0) row.update(next_input_json(state.next));
  if (state.status == EmbeddingStatus::success) row[std::string(names.embedding_id)] = id.str();
  if (state.change_waiting) {
    row["GSI3PK"] = outbox_partition(entity);
    row["GSI3SK"] = id.str();
  }
  return row;
}

/// The attributes of an item's state that its row may lack.
constexpr std::array<std::string_view, 15> kStateAttributes = {
    "input_hash",          "embedding_batch_id", "failure_reason",         "deferrals",         "deferred_until_ms",
    "input_generation",    "next_generation",    "next_input_hash",        "next_batch_id",     "next_attempts",
    "next_failure_reason", "next_deferrals",     "next_deferred_until_ms", "line_embedding_id", "word_embedding_id"};

/// A row of others may have no status: whether it has a vector says the vector's id alone.
Result<EmbeddingStatus> status_without_name(const Item& row, std::string_view type) {
  for (const Entity entity : kEntities) {
    if (names_of(entity).row_type != type) continue;
    const bool has_vector = TRY(optional_string(row, names_of(entity).embedding_id)).has_value();
    return has_vector ? EmbeddingStatus::success : EmbeddingStatus::none;
  }
  return EmbeddingStatus::none;
}

Result<Box> read_box(const Item& row) {
  if (find_field(row, "bounding_box") == nullptr) return Box{};
  const Json box = TRY(object_field(row, "bounding_box"));
  const double x = TRY(number_field(box, "x"));
  const double y = TRY(number_field(box, "y"));
  const double width = TRY(number_field(box, "width"));
  const double height = TRY(number_field(box, "height"));
  return Box{x, y, width, height};
}

/// Others may have written pixels with a fraction.
Result<std::int64_t> read_pixels(const Item& row, std::string_view name) {
  constexpr double pixels_max = 1e9;
  const double pixels = TRY(optional_number(row, name)).value_or(0);
  if (!(pixels >= 0 && pixels <= pixels_max)) {
    return fail(Code::corrupt, "the field '{}' must be a number of pixels, but is {}", name, pixels);
  }
  return static_cast<std::int64_t>(pixels);
}

Result<double> read_confidence(const Item& row) { return TRY(optional_number(row, "confidence")).value_or(1.0); }

Result<WordLabel> read_label(const Item& row) {
  const std::string sk = TRY(string_field(row, "SK"));
  WordLabel label{.name = sk.substr(sk.rfind('#') + 1)};
  label.validation_status = TRY(optional_string(row, "validation_status")).value_or("NONE");
  label.proposed_by = TRY(optional_string(row, "label_proposed_by")).value_or("");
  label.added_at = TRY(optional_string(row, "timestamp_added")).value_or("");
  label.confidence = TRY(optional_number(row, "label_confidence"));
  return label;
}

/// Puts a receipt together, row by row in order of their keys: a line comes before its words.
class Loader {
 public:
  Loader(const ImageId& image, int receipt_id) {
    stored_.receipt.image_id = image;
    stored_.receipt.receipt_id = receipt_id;
  }

  Result<void> add(const Item& row) {
    const std::string type = TRY(string_field(row, "TYPE"));
    if (type == "RECEIPT") return add_receipt(row);
    if (type == "RECEIPT_METADATA") return add_metadata(row);
    if (type == "RECEIPT_WORD_LABEL") return add_label(row);
    if (type == "RECEIPT_SECTION") return add_section(row);
    if (type == names_of(Entity::line).row_type) return add_line(row);
    if (type == names_of(Entity::word).row_type) return add_word(row);
    if (type == names_of(Entity::line).tombstone_type || type == names_of(Entity::word).tombstone_type) {
      return add_state(row);
    }
    return {};  // what others may keep here
  }

  StoredReceipt take() { return std::move(stored_); }

 private:
  Result<void> add_receipt(const Item& row) {
    stored_.has_row = true;
    stored_.receipt.width_px = TRY(read_pixels(row, "width"));
    stored_.receipt.height_px = TRY(read_pixels(row, "height"));
    return {};
  }

  Result<void> add_metadata(const Item& row) {
    auto merchant = TRY(optional_string(row, "canonical_merchant_name"));
    if (!merchant || trim(*merchant).empty()) merchant = TRY(optional_string(row, "merchant_name"));
    if (merchant && !trim(*merchant).empty()) stored_.receipt.merchant = std::move(merchant);
    return {};
  }

  Result<void> add_label(const Item& row) {
    const std::string sk = TRY(string_field(row, "SK"));
    const RecordId word(TRY(string_field(row, "PK")) + "#" + sk.substr(0, sk.find("#LABEL#")));
    stored_.labels[word].push_back(TRY(read_label(row)));
    return {};
  }

  Result<void> add_section(const Item& row) {
    const auto type = TRY(optional_string(row, "section_type"));
    if (!type || find_field(row, "line_ids") == nullptr) return {};
    for (const Json& line_id : TRY(array_field(row, "line_ids"))) {
      if (!line_id.is_number_integer()) return fail(Code::corrupt, "the field 'line_ids' must hold whole numbers");
      stored_.sections.emplace(line_id.get<int>(), *type);
    }
    return {};
  }

  Result<RecordName> add_state_named(const Item& row) {
    const RecordId id = TRY(record_id_of(row));
    stored_.states.emplace(id, TRY(item_state(row)));
    return parse_record_id(id);
  }

  Result<void> add_state(const Item& row) {
    TRY(add_state_named(row));
    return {};
  }

  Result<void> add_line(const Item& row) {
    const RecordName name = TRY(add_state_named(row));
    Line line{.line_id = name.line_id};
    line.text = TRY(optional_string(row, "text")).value_or("");
    line.box = TRY(read_box(row));
    line.confidence = TRY(read_confidence(row));
    stored_.receipt.lines.push_back(std::move(line));
    return {};
  }

  Result<void> add_word(const Item& row) {
    const RecordName name = TRY(add_state_named(row));
    auto& lines = stored_.receipt.lines;
    // A removal that was cut short, or is under way, has taken the line but not its words yet. The state alone lets
    // the next import or removal finish it.
    if (lines.empty() || lines.back().line_id != name.line_id) return {};
    Word word{.word_id = name.word_id};
    word.text = TRY(optional_string(row, "text")).value_or("");
    word.box = TRY(read_box(row));
    word.confidence = TRY(read_confidence(row));
    lines.back().words.push_back(std::move(word));
    return {};
  }

  StoredReceipt stored_;
};

/// "MERCHANT#{NORMALISED}": upper case by Unicode's rules, '_' for what is neither letter nor digit.
std::string merchant_partition(const std::string& merchant) {
  std::string normal = "MERCHANT#";
  for (const char32_t c : code_points(merchant)) {
    const utf8proc_int32_t upper = utf8proc_toupper(static_cast<utf8proc_int32_t>(c));
    const auto category = utf8proc_category(upper);
    const bool is_alphanumeric = (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
                                 (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto size = utf8proc_encode_char(is_alphanumeric ? upper : '_', bytes.data());
    normal.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
  }
  return normal;
}

}  // namespace

std::string_view status_name(EmbeddingStatus status) { return kStatusNames.at(static_cast<std::size_t>(status)); }

Result<EmbeddingStatus> parse_embedding_status(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end()) {
    return fail(Code::corrupt, "'{}' is not an embedding status", name.substr(0, 64));
  }
  return static_cast<EmbeddingStatus>(found - kStatusNames.begin());
}

ItemKey row_key(const RecordId& id) { return {id.str().substr(0, id.str().find("#RECEIPT#")), sort_key(id)}; }

ItemKey receipt_row_key(const ImageId& image, int receipt_id) {
  return {image_partition(image), fmt::format("RECEIPT#{:05}", receipt_id)};
}

Json status_keys(const RecordId& id, EmbeddingStatus status) {
  const auto& names = names_of(entity_of(id));
  return {{"embedding_status", status_name(status)},
          {"GSI1PK", fmt::format("EMBEDDING_STATUS#{}", status_name(status))},
          {"GSI1SK", std::string(names.index_prefix) + id.str()}};
}

std::string outbox_partition(Entity entity) { return fmt::format("{}{}", kOutbox, names_of(entity).collection); }

Item image_row(const Receipt& receipt, std::int64_t now_ms) {
  return {{"PK", image_partition(receipt.image_id)},
          {"SK", "IMAGE"},
          {"TYPE", "IMAGE"},
          {"width", receipt.width_px},
          {"height", receipt.height_px},
          {"timestamp_added", iso_time(now_ms)}};
}

Item receipt_row(const Receipt& receipt, std::int64_t now_ms) {
  const ItemKey key = receipt_row_key(receipt.image_id, receipt.receipt_id);
  return {{"PK", key.pk},
          {"SK", key.sk},
          {"TYPE", "RECEIPT"},
          {"GSI2PK", "RECEIPT"},
          {"GSI2SK", receipt_name(receipt.image_id, receipt.receipt_id)},
          {"width", receipt.width_px},
          {"height", receipt.height_px},
          {"timestamp_added", iso_time(now_ms)},
          {"top_left", point(0, 1)},
          {"top_right", point(1, 1)},
          {"bottom_left", point(0, 0)},
          {"bottom_right", point(1, 0)}};
}

Item metadata_row(const Receipt& receipt) {
  const std::string merchant = receipt.merchant.value_or("");
  const ItemKey key = receipt_row_key(receipt.image_id, receipt.receipt_id);
  return {{"PK", key.pk},
          {"SK", key.sk + "#METADATA"},
          {"TYPE", "RECEIPT_METADATA"},
          {"GSI1PK", merchant_partition(merchant)},
          {"GSI1SK", receipt_name(receipt.image_id, receipt.receipt_id) + "#METADATA"},
          {"merchant_name", merchant},
          {"validation_status", "NONE"}};
}

Item line_row(const Receipt& receipt, const Line& line, const ItemState& state) {
  return item_row(line_record_id(receipt.image_id, receipt.receipt_id, line.line_id), line.text, line.box,
                  line.confidence, state);
}

Item word_row(const Receipt& receipt, const Line& line, const Word& word, const ItemState& state) {
  return item_row(word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id), word.text, word.box,
                  word.confidence, state);
}

Update row_update(const Item& row, const ItemState& before, Condition condition) {
  Update update{.key = key_of(row), .set = row, .condition = std::move(condition)};
  update.set.erase("PK");
  update.set.erase("SK");
  for (const std::string_view attribute : kStateAttributes) {
    if (!row.contains(attribute)) update.remove.emplace_back(attribute);
  }
  if (before.change_waiting && !row.contains("GSI3PK")) update.remove.insert(update.remove.end(), {"GSI3PK", "GSI3SK"});
  return update;
}

Item tombstone_row(const RecordId& id, const ItemState& state) {
  const ItemKey key = row_key(id);
  const Entity entity = entity_of(id);
  Item row = {{"PK", key.pk},
              {"SK", key.sk},
              {"TYPE", names_of(entity).tombstone_type},
              {"item_version", state.item_version},
              {"metadata_version", state.metadata_version},
              {"removed_at", iso_time(state.removed_at_ms)}};
  if (state.change_waiting) {
    row["GSI3PK"] = outbox_partition(entity);
    row["GSI3SK"] = id.str();
  }
  return row;
}

Clause same_status(const ItemState& state) {
  return state.status_known ? equal("embedding_status", status_name(state.status)) : absent("embedding_status");
}

Clause same_version(const ItemState& state) {
  return state.version_known ? equal("item_version", state.item_version) : absent("item_version");
}

Clause same_batch(const ItemState& state) {
  return state.batch_id.empty() ? absent("embedding_batch_id") : equal("embedding_batch_id", state.batch_id.str());
}

Result<ItemState> item_state(const Item& row) {
  ItemState state;
  const std::string type = TRY(string_field(row, "TYPE"));
  state.removed =
      std::ranges::any_of(kEntities, [&](Entity entity) { return names_of(entity).tombstone_type == type; });
  if (state.removed) {
    state.removed_at_ms = TRY(parse_iso_time(TRY(string_field(row, "removed_at"))));
  } else {
    const auto status = TRY(optional_string(row, "embedding_status"));
    state.status_known = status.has_value();
    state.status = status ? TRY(parse_embedding_status(*status)) : TRY(status_without_name(row, type));
  }
  const auto version = TRY(optional_int(row, "item_version"));
  state.version_known = version.has_value();
  state.item_version = version.value_or(1);
  state.metadata_version = TRY(optional_int(row, "metadata_version")).value_or(1);
  state.input_hash = TRY(optional_string(row, "input_hash")).value_or("");
  state.batch_id = BatchId(TRY(optional_string(row, "embedding_batch_id")).value_or(""));
  state.attempts = TRY(optional_int(row, "attempts")).value_or(0);
  state.failure_reason = TRY(optional_string(row, "failure_reason")).value_or("");
  state.deferrals = TRY(optional_int(row, "deferrals")).value_or(0);
  state.deferred_until_ms = TRY(optional_int(row, "deferred_until_ms")).value_or(0);
  state.change_waiting = TRY(optional_string(row, "GSI3PK")).value_or("").starts_with(kOutbox);
  state.input_generation = TRY(optional_int(row, "input_generation")).value_or(1);
  state.next = TRY(next_input(row));
  return state;
}

std::int64_t ItemState::next_version() const { return std::max<std::int64_t>(item_version, 0) + 1; }

std::string_view ItemState::hash_for(std::int64_t generation) const {
  if (input_generation == generation) return input_hash;
  return next.generation == generation ? std::string_view(next.input_hash) : std::string_view();
}

Result<RecordId> record_id_of(const Item& row) {
  RecordId id(TRY(string_field(row, "PK")) + "#" + TRY(string_field(row, "SK")));
  TRY(parse_record_id(id));
  return id;
}

Result<std::optional<StoredReceipt>> load_receipt(Table& table, const ImageId& image, int receipt_id) {
  const ItemKey key = receipt_row_key(image, receipt_id);
  const auto rows = TRY(query_all(table, {.hash = key.pk, .range_prefix = key.sk}));
  if (rows.empty()) return std::optional<StoredReceipt>{};
  Loader loader(image, receipt_id);
  for (const Item& row : rows) {
    const auto added = loader.add(row);
    if (!added) {
      return fail(Code::corrupt, "the row {} {} cannot be read: {}", key.pk, row.value("SK", "(no key)"),
                  added.error().message());
    }
  }
  return std::optional<StoredReceipt>(loader.take());
}

}  // namespace tillite
