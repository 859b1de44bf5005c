#include "adapters/local/group_commit.h"

#include <algorithm>

#include "base/check.h"

namespace tillite {
namespace {

WriteOutcome apply_each(const std::vector<Write>& writes, SqliteRows& rows) {
  std::vector<bool> happened;
  happened.reserve(writes.size());
  for (const Write& write : writes) happened.push_back(TRY(rows.apply(write)));
  return happened;
}

/// Applies a job inside the open transaction. Its error may have ended that: then there is nothing left to undo.
WriteOutcome apply_job(const WriteJob& job, SqliteRows& rows) {
  rows.database().exec("SAVEPOINT job");
  auto outcome = apply_each(job.writes, rows);
  if (!rows.in_transaction()) return outcome;
  const bool undo = !outcome || (job.all_or_none && std::ranges::find(*outcome, false) != outcome->end());
  rows.database().exec(undo ? "ROLLBACK TO job; RELEASE job" : "RELEASE job");
  return outcome;
}

}  // namespace

std::vector<WriteOutcome> commit_group(std::span<const WriteJob> jobs, SqliteRows& rows) {
  std::vector<WriteOutcome> outcomes;
  const auto committed =
      with_sqlite(fmt::format("writing to {}", rows.database().getFilename()), [&]() -> Result<void> {
        SQLite::Transaction transaction(rows.database(), SQLite::TransactionBehavior::IMMEDIATE);
        for (const WriteJob& job : jobs) {
          outcomes.push_back(apply_job(job, rows));
          // Without the group's transaction the next savepoint would open and commit one of its own.
          if (rows.in_transaction()) continue;
          check(!outcomes.back(), "only an error ends the group's transaction");
          return std::unexpected(outcomes.back().error());
        }
        transaction.commit();
        return {};
      });
  if (!committed) outcomes.assign(jobs.size(), std::unexpected(committed.error()));
  return outcomes;
}

}  // namespace tillite
