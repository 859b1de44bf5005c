#pragma once

#include <vector>

#include "emulator/api_error.h"
#include "emulator/batches/batch.h"
#include "emulator/batches/results.h"
#include "emulator/store/emulator_database.h"

namespace tillite {

struct BatchPage {
  std::vector<EmulatedBatch> batches;  ///< newest first
  bool has_more = false;
};

// The rows of batches. What takes a SQLite::Database is called within a transaction of the caller's.

/// Gives the batch its number.
void insert_batch(SQLite::Database& database, EmulatedBatch& batch);
[[nodiscard]] Result<std::optional<EmulatedBatch>> find_batch(SQLite::Database& database, std::string_view id);
/// False if the row is not as `before` any more: somebody else moved it on, and nothing is written.
[[nodiscard]] bool update_batch(SQLite::Database& database, const EmulatedBatch& before, const EmulatedBatch& after);
/// Of those created up to `created_ms_max`, after the one with the number (0: from the newest on).
[[nodiscard]] Result<BatchPage> list_batches(SQLite::Database& database, std::int64_t after_number,
                                             std::int64_t created_ms_max, std::size_t limit);
/// The batch whose time has come first, if it has.
[[nodiscard]] Result<std::optional<EmulatedBatch>> due_batch(SQLite::Database& database, std::int64_t now_ms);
[[nodiscard]] std::optional<std::int64_t> next_due_ms(SQLite::Database& database);
/// Tokens of the batches of a model that are in progress.
[[nodiscard]] std::uint64_t enqueued_tokens(SQLite::Database& database, const std::string& model);

void add_payments(SQLite::Database& database, const std::vector<Payment>& payments);

/// {"batches": {"created": 3, "by_status": {...}, "by_metadata": {...}}, "paid": {...}}
[[nodiscard]] Json count_batches(SQLite::Database& database);
[[nodiscard]] Json count_payments(SQLite::Database& database);

}  // namespace tillite
