#include "emulator/store/batch_store.h"

namespace tillite {
namespace {

constexpr std::size_t kExamplesMax = 10;

Result<EmulatedBatch> batch_of(SQLite::Statement& row) {
  return EmulatedBatch::parse_row(row.getColumn(0).getInt64(),
                                  TRY(parse_json(row.getColumn(1).getString(), "the row of a batch")));
}

Result<std::optional<EmulatedBatch>> first_batch(SQLite::Statement& select) {
  if (!select.executeStep()) return std::nullopt;
  return TRY(batch_of(select));
}

void add_to_total(SQLite::Database& database, const char* name, std::uint64_t value) {
  SQLite::Statement add(database, "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2");
  add.bind(1, name);
  add.bind(2, static_cast<std::int64_t>(value));
  add.exec();
}

std::int64_t total(SQLite::Database& database, const char* name) {
  SQLite::Statement select(database, "SELECT coalesce(sum(value), 0) FROM totals WHERE name = ?");
  select.bind(1, name);
  select.executeStep();
  return select.getColumn(0).getInt64();
}

}  // namespace

void insert_batch(SQLite::Database& database, EmulatedBatch& batch) {
  SQLite::Statement insert(
      database,
      "INSERT INTO batches (id, status, created_ms, due_ms, model, tokens, batch) VALUES (?, ?, ?, ?, '', 0, ?)");
  insert.bind(1, batch.id);
  insert.bind(2, std::string(provider_status_name(batch.status)));
  insert.bind(3, batch.created_ms);
  if (batch.due_ms) insert.bind(4, *batch.due_ms);
  insert.bind(5, to_text(batch.row()));
  insert.exec();
  batch.number = database.getLastInsertRowid();
}

Result<std::optional<EmulatedBatch>> find_batch(SQLite::Database& database, std::string_view id) {
  SQLite::Statement select(database, "SELECT number, batch FROM batches WHERE id = ?");
  select.bind(1, std::string(id));
  return first_batch(select);
}

bool update_batch(SQLite::Database& database, const EmulatedBatch& before, const EmulatedBatch& after) {
  SQLite::Statement update(database,
                           "UPDATE batches SET status = ?, due_ms = ?, model = ?, tokens = ?, batch = ? "
                           "WHERE number = ? AND batch = ?");
  update.bind(1, std::string(provider_status_name(after.status)));
  if (after.due_ms) update.bind(2, *after.due_ms);
  update.bind(3, after.model);
  update.bind(4, static_cast<std::int64_t>(after.tokens));
  update.bind(5, to_text(after.row()));
  update.bind(6, before.number);
  update.bind(7, to_text(before.row()));
  return update.exec() == 1;
}

Result<BatchPage> list_batches(SQLite::Database& database, std::int64_t after_number, std::int64_t created_ms_max,
                               std::size_t limit) {
  SQLite::Statement select(database,
                           "SELECT number, batch FROM batches WHERE (?1 = 0 OR number < ?1) AND created_ms <= ?2 "
                           "ORDER BY number DESC LIMIT ?3");
  select.bind(1, after_number);
  select.bind(2, created_ms_max);
  select.bind(3, static_cast<std::int64_t>(limit) + 1);
  BatchPage page;
  while (select.executeStep()) page.batches.push_back(TRY(batch_of(select)));
  page.has_more = page.batches.size() > limit;
  if (page.has_more) page.batches.pop_back();
  return page;
}

Result<std::optional<EmulatedBatch>> due_batch(SQLite::Database& database, std::int64_t now_ms) {
  SQLite::Statement select(database,
                           "SELECT number, batch FROM batches WHERE due_ms <= ? ORDER BY due_ms, number LIMIT 1");
  select.bind(1, now_ms);
  return first_batch(select);
}

std::optional<std::int64_t> next_due_ms(SQLite::Database& database) {
  SQLite::Statement select(database, "SELECT min(due_ms) FROM batches WHERE due_ms IS NOT NULL");
  if (!select.executeStep() || select.getColumn(0).isNull()) return std::nullopt;
  return select.getColumn(0).getInt64();
}

std::uint64_t enqueued_tokens(SQLite::Database& database, const std::string& model) {
  SQLite::Statement select(
      database,
      "SELECT coalesce(sum(tokens), 0) FROM batches WHERE model = ? AND status IN ('in_progress', 'cancelling')");
  select.bind(1, model);
  select.executeStep();
  return static_cast<std::uint64_t>(select.getColumn(0).getInt64());
}

void add_payments(SQLite::Database& database, const std::vector<Payment>& payments) {
  SQLite::Statement add(database,
                        "INSERT INTO payments VALUES (?1, ?2, 1, ?3, 0) ON CONFLICT DO UPDATE "
                        "SET times = times + 1, in_vain = in_vain + (good > 0), good = good + ?3");
  std::uint64_t items = 0;
  std::uint64_t tokens = 0;
  for (const Payment& payment : payments) {
    add.reset();
    add.bind(1, payment.custom_id);
    add.bind(2, payment.input_hash);
    add.bind(3, payment.is_good ? 1 : 0);
    add.exec();
    items += payment.items;
    tokens += payment.tokens;
  }
  add_to_total(database, "items_paid", items);
  add_to_total(database, "tokens_paid", tokens);
}

Json count_batches(SQLite::Database& database) {
  Json counts = {{"created", 0}, {"by_status", Json::object()}, {"by_metadata", Json::object()}};
  std::int64_t created = 0;
  SQLite::Statement by_status(database, "SELECT status, count(*) FROM batches GROUP BY status");
  while (by_status.executeStep()) {
    counts["by_status"][by_status.getColumn(0).getString()] = by_status.getColumn(1).getInt64();
    created += by_status.getColumn(1).getInt64();
  }
  counts["created"] = created;
  SQLite::Statement by_metadata(database,
                                "SELECT pair.key, pair.value, count(*) FROM batches, "
                                "json_each(batches.batch, '$.metadata') AS pair "
                                "WHERE json_type(batches.batch, '$.metadata') = 'object' GROUP BY 1, 2");
  while (by_metadata.executeStep()) {
    counts["by_metadata"][by_metadata.getColumn(0).getString()][by_metadata.getColumn(1).getString()] =
        by_metadata.getColumn(2).getInt64();
  }
  return counts;
}

Json count_payments(SQLite::Database& database) {
  Json examples = Json::array();
  SQLite::Statement twice(database,
                          "SELECT custom_id, times, in_vain FROM payments WHERE times > 1 "
                          "ORDER BY in_vain DESC, custom_id LIMIT ?");
  twice.bind(1, static_cast<std::int64_t>(kExamplesMax));
  while (twice.executeStep()) {
    examples.push_back({{"custom_id", twice.getColumn(0).getString()},
                        {"times", twice.getColumn(1).getInt64()},
                        {"in_vain", twice.getColumn(2).getInt64()}});
  }
  return {{"items", total(database, "items_paid")},
          {"tokens", total(database, "tokens_paid")},
          {"requests", database.execAndGet("SELECT coalesce(sum(times), 0) FROM payments").getInt64()},
          {"requests_more_than_once", database.execAndGet("SELECT count(*) FROM payments WHERE times > 1").getInt64()},
          {"requests_in_vain", database.execAndGet("SELECT coalesce(sum(in_vain), 0) FROM payments").getInt64()},
          {"examples", examples}};
}

}  // namespace tillite
