#pragma once

#include <vector>

#include "app/local_host.h"
#include "steps/census.h"

namespace tillite {

struct RunOptions {
  std::vector<Entity> entities;
  bool wait = true;  ///< until nothing is left; else submit, take what is ready, and end
};

struct RunReport {
  bool nothing_to_do = false;
  bool others_at_work = false;  ///< another process walks an execution of the same machines
  std::vector<Census> census;   ///< as it stands at the end, one for each entity
  Progress::Counts done;
};

/// Walks create-batches and poll-store of each entity until nothing is left to do, going on with executions that an
/// earlier run left unfinished; then works on the messages that others have left in the queue. `cancelled` when the
/// stop token was requested: a later run goes on.
[[nodiscard]] Result<RunReport> run_pipeline(LocalHost& host, const RunOptions& options, Progress& progress);

}  // namespace tillite
