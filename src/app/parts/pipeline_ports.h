#pragma once

#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "adapters/local/home.h"
#include "base/environment.h"
#include "base/log.h"
#include "lambda/function_ports.h"
#include "steps/step.h"

namespace tillite {

/// Where intermediate files lie, and snapshots that were fetched.
struct WorkFolders {
  Path scratch;
  Path snapshots;
  [[nodiscard]] static WorkFolders below(const Path& folder) { return {folder / "scratch", folder / "snapshots"}; }
};

/// Everything that the steps work with. The one place that chooses adapters: a part lies on AWS if the variable that
/// names it is set (DYNAMODB_TABLE_NAME, CHROMADB_BUCKET, S3_BUCKET, COMPACTION_QUEUE_URL), else in the home; vectors
/// are made by the local embedder or by OpenAI's API.
class PipelinePorts : public FunctionPorts {
 public:
  struct Options {
    Environment environment;
    const Home* home = nullptr;  ///< nullptr: there is none, and all parts must lie on AWS
    WorkFolders folders;
    Logger log = Logger::none();
    PortStops stops = {};
  };
  /// Nothing outside this machine is called yet, but to learn which models the collections have. `invalid_input` names
  /// the variable. Errors: those of reading what the collections have, but for damage (models_of_home.h).
  [[nodiscard]] static Result<std::unique_ptr<PipelinePorts>> open(const Options& options);

  /// The parts that lie on AWS, by the variables that name them.
  [[nodiscard]] virtual const std::set<std::string>& on_aws() const = 0;
};

/// Whether all parts lie on AWS.
[[nodiscard]] bool is_all_on_aws(const Environment& environment);

}  // namespace tillite
