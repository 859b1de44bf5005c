#pragma once

#include <vector>

#include "app/parts/pipeline_host.h"
#include "steps/batches/spending.h"
#include "steps/reports/census.h"

namespace tillite {

struct RunOptions {
  std::vector<Entity> entities;
  bool wait = true;                ///< until nothing is left; else submit, take what is ready, and end
  std::int64_t items_planned = 0;  ///< to be embedded: what the progress is shown against
};

struct RunReport {
  bool nothing_to_do = false;
  bool others_at_work = false;  ///< another process walks an execution of the same machines
  Spending::Refused refused;    ///< what stays prepared because the budget does not allow it
  std::vector<Census> census;   ///< as it stands at the end, one for each entity
  Progress::Counts done;
};

/// Walks create-batches and poll-store of each entity until nothing is left to do, going on with executions that an
/// earlier run left unfinished; then works on the messages that others have left in the queue. `cancelled` when the
/// stop token was requested: a later run goes on. Once a batch is beyond the budget (PipelineHost::Options::spending)
/// nothing more is found or submitted: what was sent is waited for, and kept.
[[nodiscard]] Result<RunReport> run_pipeline(PipelineHost& host, const RunOptions& options, Progress& progress);

}  // namespace tillite
