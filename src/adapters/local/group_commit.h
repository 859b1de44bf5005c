#pragma once

#include <span>
#include <vector>

#include "adapters/local/sqlite_rows.h"

namespace tillite {

/// Writes that belong together: all or none, or each for itself.
struct WriteJob {
  const std::vector<Write>& writes;
  bool all_or_none = false;
};

/// Per write whether it happened (false: its condition did not hold); an error: none of the job's writes happened.
using WriteOutcome = Result<std::vector<bool>>;

/// Applies the jobs in one transaction, each with its own outcome. What an error or a failed condition of an
/// all-or-none job leaves is undone. If the transaction itself fails nothing of any job is written, and every job has
/// that error.
[[nodiscard]] std::vector<WriteOutcome> commit_group(std::span<const WriteJob> jobs, SqliteRows& rows);

}  // namespace tillite
