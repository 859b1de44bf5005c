#include "steps/batches/batch.h"

#include <algorithm>
#include <set>

#include "base/time.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

constexpr std::size_t kReferencesMax = 1000;  // in the row; an item of the table is limited to 400 KB
constexpr std::string_view kBackfill = "backfill";
constexpr std::size_t kItemsBytesMax = std::size_t{64} << 20;

constexpr std::array<std::string_view, 9> kStatusNames = {
    "PENDING", "VALIDATING", "IN_PROGRESS", "FINALIZING", "COMPLETED", "FAILED", "EXPIRED", "CANCELING", "CANCELLED"};

constexpr std::array<std::string_view, 3> kSourceNames = {"batch", "call", "cache"};

Result<VectorSource> parse_source(std::string_view name) {
  const auto found = std::ranges::find(kSourceNames, name);
  if (found == kSourceNames.end())
    return fail(Code::corrupt, "a batch has the unknown source '{}'", name.substr(0, 64));
  return static_cast<VectorSource>(found - kSourceNames.begin());
}

/// The receipts that a batch's items are of; none if they are too many for a row.
Json receipt_refs(const std::vector<BatchItem>& items) {
  std::set<std::pair<std::string, int>> receipts;
  for (const BatchItem& item : items) {
    if (const auto name = parse_record_id(item.id)) receipts.emplace(name->image_id.str(), name->receipt_id);
  }
  Json refs = Json::array();
  if (receipts.size() > kReferencesMax) return refs;
  for (const auto& [image, receipt] : receipts) refs.push_back({{"image_id", image}, {"receipt_id", receipt}});
  return refs;
}

Result<std::string> text_or_empty(const Item& row, std::string_view name) {
  return TRY(optional_string(row, name)).value_or("");
}

Result<std::int64_t> number_or_zero(const Item& row, std::string_view name) {
  return TRY(optional_int(row, name)).value_or(0);
}

/// A time that cannot be read is as good as none.
Result<std::int64_t> time_or_zero(const Item& row, std::string_view name) {
  const auto text = TRY(optional_string(row, name));
  return text ? parse_utc_time(*text).value_or(0) : 0;
}

Result<std::vector<ProviderFileId>> files_in(const Item& row, std::string_view name) {
  std::vector<ProviderFileId> files;
  const Json* const list = find_field(row, name);
  if (list == nullptr || list->is_null()) return files;
  if (!list->is_array()) return fail(Code::corrupt, "the field '{}' must be a list", name);
  for (const Json& id : *list) {
    if (!id.is_string()) return fail(Code::corrupt, "the field '{}' must be a list of texts", name);
    files.emplace_back(id.get<std::string>());
  }
  return files;
}

}  // namespace

std::string_view batch_status_name(BatchStatus status) { return kStatusNames.at(static_cast<std::size_t>(status)); }

Result<BatchStatus> parse_batch_status(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end())
    return fail(Code::corrupt, "a batch has the unknown status '{}'", name.substr(0, 64));
  return static_cast<BatchStatus>(found - kStatusNames.begin());
}

std::string_view source_name(VectorSource source) { return kSourceNames.at(static_cast<std::size_t>(source)); }

bool has_ended(BatchStatus status) { return std::ranges::find(kEndedStatuses, status) != kEndedStatuses.end(); }

ItemKey batch_row_key(const BatchId& id) { return {fmt::format("BATCH#{}", id.str()), "STATUS"}; }

Json batch_status_keys(const BatchId& id, Entity entity, BatchStatus status) {
  return {{"status", batch_status_name(status)},
          {"GSI1PK", fmt::format("STATUS#{}", batch_status_name(status))},
          {"GSI1SK", fmt::format("BATCH_TYPE#{}#BATCH_ID#{}", names_of(entity).batch_type, id.str())}};
}

Item batch_row(const Batch& batch, const std::vector<BatchItem>& items) {
  const ItemKey key = batch_row_key(batch.id);
  Item row = batch_status_keys(batch.id, batch.entity, batch.status);
  row.update({{"PK", key.pk},
              {"SK", key.sk},
              {"TYPE", "BATCH_SUMMARY"},
              {"batch_type", names_of(batch.entity).batch_type},
              {"receipt_refs", receipt_refs(items)},
              {"items_key", batch.items_key},
              {"item_count", batch.item_count},
              {"source", source_name(batch.source)},
              {"generation", batch.generation},
              {"embedding_format", batch.embedding_format},
              {"created_at", iso_time(batch.created_ms)}});
  if (batch.backfill) row["purpose"] = kBackfill;
  return row;
}

Result<Batch> parse_batch(const Item& row) {
  const auto parse = [&]() -> Result<Batch> {
    Batch batch;
    constexpr std::string_view prefix = "BATCH#";
    const std::string pk = TRY(string_field(row, "PK"));
    if (!pk.starts_with(prefix)) return fail(Code::corrupt, "the key does not begin with {}", prefix);
    batch.id = BatchId(pk.substr(prefix.size()));
    batch.entity = TRY(entity_of_batch_type(TRY(string_field(row, "batch_type"))));
    batch.status = TRY(parse_batch_status(TRY(string_field(row, "status"))));
    if (const auto end = TRY(optional_string(row, "status_at_end")))
      batch.status_at_end = TRY(parse_batch_status(*end));
    batch.openai_batch_id = ProviderBatchId(TRY(text_or_empty(row, "openai_batch_id")));
    batch.input_file_id = ProviderFileId(TRY(text_or_empty(row, "input_file_id")));
    batch.output_file_id = ProviderFileId(TRY(text_or_empty(row, "output_file_id")));
    batch.error_file_id = ProviderFileId(TRY(text_or_empty(row, "error_file_id")));
    batch.files_left = TRY(files_in(row, "files_left"));
    if (const auto source = TRY(optional_string(row, "source"))) batch.source = TRY(parse_source(*source));
    batch.items_key = TRY(text_or_empty(row, "items_key"));
    batch.requests_key = TRY(text_or_empty(row, "s3_key"));
    batch.item_count = TRY(number_or_zero(row, "item_count"));
    batch.request_count = TRY(number_or_zero(row, "request_count"));
    batch.embedding_count = TRY(number_or_zero(row, "embedding_count"));
    batch.backfill = TRY(text_or_empty(row, "purpose")) == kBackfill;
    batch.generation = TRY(number_or_zero(row, "generation"));
    batch.embedding_format = TRY(text_or_empty(row, "embedding_format"));
    batch.delta_id = DeltaId(TRY(text_or_empty(row, "delta_id")));
    batch.delta_key = TRY(text_or_empty(row, "delta_key"));
    batch.submit_token = TRY(text_or_empty(row, "submit_token"));
    batch.submit_until_ms = TRY(number_or_zero(row, "submit_until_ms"));
    batch.polled_ms = TRY(number_or_zero(row, "polled_ms"));
    batch.token_count = TRY(number_or_zero(row, "token_count"));
    batch.tokens_reserved = TRY(number_or_zero(row, "tokens_reserved"));
    batch.tokens_model = TRY(text_or_empty(row, "tokens_model"));
    batch.error_summary = TRY(text_or_empty(row, "error_summary"));
    batch.created_ms = TRY(time_or_zero(row, "created_at"));
    batch.submitted_ms = TRY(time_or_zero(row, "submitted_at"));
    return batch;
  };
  auto batch = parse();
  if (!batch) return pass_on(batch, fmt::format("the row of the batch {}", row.value("PK", "(no key)")));
  return batch;
}

Result<Batch> read_batch(Table& table, const BatchId& id) {
  const auto row = TRY(table.get(batch_row_key(id)));
  if (!row) return fail(Code::not_found, "there is no batch {}", id.str());
  return parse_batch(*row);
}

Result<BatchesRead> read_batches_in(Table& table, Entity entity, std::span<const BatchStatus> statuses) {
  BatchesRead read;
  for (const BatchStatus status : statuses) {
    const Query query{.index = Index::gsi1,
                      .hash = fmt::format("STATUS#{}", batch_status_name(status)),
                      .range_prefix = fmt::format("BATCH_TYPE#{}#", names_of(entity).batch_type)};
    TRY(for_each_item(table, query, [&](const Item& row) -> Result<void> {
      auto batch = parse_batch(row);
      if (batch) {
        read.batches.push_back(*std::move(batch));
      } else {
        read.unreadable.push_back({row.value("PK", ""), batch.error().message()});
      }
      return {};
    }));
  }
  return read;
}

Result<std::vector<Batch>> batches_in(Table& table, Entity entity, std::span<const BatchStatus> statuses) {
  return TRY(read_batches_in(table, entity, statuses)).batches;
}

std::string items_text(const std::vector<BatchItem>& items) {
  std::string text;
  for (const BatchItem& item : items) {
    text += to_text({{"id", item.id.str()}, {"input_hash", item.input_hash}, {"item_version", item.item_version}});
    text += '\n';
  }
  return text;
}

Result<std::vector<BatchItem>> read_items(ObjectStore& batch_files, const Batch& batch) {
  if (batch.items_key.empty()) return fail(Code::not_found, "nothing lists the items of the batch {}", batch.id.str());
  const ObjectKey key(batch.items_key);
  const std::string text = TRY(read_object(batch_files, key, kItemsBytesMax));
  const auto source = source_of(text);
  LineReader lines(*source, 64 * 1024);
  std::vector<BatchItem> items;
  while (true) {
    const auto line = TRY(lines.next());
    if (line.status == LineReader::Status::end) return items;
    const auto read = [&]() -> Result<BatchItem> {
      const Json json = TRY(parse_json(line.text, "the line"));
      BatchItem item;
      item.id = RecordId(TRY(string_field(json, "id")));
      item.input_hash = TRY(string_field(json, "input_hash"));
      item.item_version = TRY(int_field(json, "item_version"));
      return item;
    };
    auto item = read();
    if (!item) return fail(Code::corrupt, "{}:{}: {}", key.str(), line.number, item.error().message());
    items.push_back(*std::move(item));
  }
}

Result<ObjectKey> store_by_content(ObjectStore& store, std::string_view folder, std::string_view name,
                                   std::string_view suffix, std::string_view content) {
  const ObjectKey key(fmt::format("{}/{}-{}{}", folder, name, sha256_hex(content).substr(0, 16), suffix));
  const auto created = store.create(key, as_bytes(content));
  if (!created && created.error().code() != Code::conflict) return std::unexpected(created.error());
  return key;
}

}  // namespace tillite
