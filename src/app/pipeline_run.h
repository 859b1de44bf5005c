#pragma once

#include <vector>

#include "app/parts/pipeline_host.h"
#include "app/state_machines.h"
#include "steps/batches/spending.h"
#include "steps/reports/census.h"

namespace tillite {

struct RunOptions {
  std::vector<Entity> entities;
  bool wait = true;                ///< until nothing is left; else submit, take what is ready, and end
  bool on_aws = false;             ///< the machines are Step Functions'
  std::int64_t items_planned = 0;  ///< to be embedded: what the progress is shown against
};

struct RunReport {
  bool nothing_to_do = false;
  bool others_at_work = false;  ///< another process walks an execution of the same machines
  Spending::Refused refused;    ///< what stays prepared because the budget does not allow it
  std::vector<Census> census;   ///< as it stands at the end, one for each entity
  Progress::Counts done;
};

/// Has `machines` walk create-batches and poll-store of each entity until nothing is left to do, going on with
/// executions that an earlier run left unfinished; then works on the messages that others have left in the queue, which
/// at AWS is a function's. `cancelled` when the stop token was requested: a later run goes on. Once a batch is beyond
/// the budget (PipelineHost::Options::spending) nothing more is found or submitted: what was sent is waited for, and
/// kept. `progress` is what the machines tell of their steps.
[[nodiscard]] Result<RunReport> run_pipeline(PipelineHost& host, StateMachines& machines, const RunOptions& options,
                                             Progress& progress);

}  // namespace tillite
