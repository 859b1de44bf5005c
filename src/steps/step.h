#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "ports/batch_provider.h"
#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/queue.h"
#include "ports/table.h"
#include "ports/text_embedder.h"
#include "ports/vector_cache.h"
#include "steps/settings.h"

namespace tillite {

/// Everything outside that a step may touch.
struct Ports {
  Table& table;
  ObjectStore& vectors;      ///< deltas, manifests, snapshots (CHROMADB_BUCKET)
  ObjectStore& batch_files;  ///< requests and lists of items (S3_BUCKET)
  Queue& queue;
  BatchProvider& provider;
  TextEmbedder& texts;  ///< the provider's synchronous call
  VectorCache& cache;
  Clock& clock;
  Random& random;
};

class Spending;

/// What surrounds one call of a step.
struct StepContext {
  const Settings& settings;
  Logger log;
  std::stop_token stop;  ///< requested at the deadline or by the user: end soon, with `cancelled`
  Path scratch;          ///< folder for intermediate files
  std::string owner;     ///< who does it, for lock rows and manifests
  /// What this process has seen of publish locks that others hold: kept between the calls that wait for one.
  std::shared_ptr<LockWatch> lock_watch = std::make_shared<LockWatch>();
  std::shared_ptr<Spending> spending =
      nullptr;  ///< what submits may spend (steps/batches/spending.h); nothing: any amount
};

/// A step of the pipeline: from an event to a result, the same in every host. Steps may be repeated at any time, after
/// a crash at any point too, and by several callers at once.
using Step = Result<Json> (*)(const Json& event, const Ports& ports, const StepContext& context);

struct NamedStep {
  std::string_view handler_type;   ///< HANDLER_TYPE: "find_unembedded"
  std::string_view function_name;  ///< its name in AWS and in the state machines: "embedding-line-find"
  Step step;
  bool calls_provider = false;  ///< it mostly waits for the batch provider
};

/// All steps.
[[nodiscard]] const std::vector<NamedStep>& all_steps();
/// The step with that function name; `not_found` lists the valid names.
[[nodiscard]] Result<NamedStep> step_of_function(std::string_view function_name);

// One file each. Events and results: docs/steps.md.
[[nodiscard]] Result<Json> find_unembedded(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> find_unembedded_words(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> submit_batch(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> list_pending(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> poll_batch(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> split_into_chunks(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> process_chunk(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> final_merge(const Json& event, const Ports& ports, const StepContext& context);
/// compact_for_queue if a queue calls, else process_chunk or final_merge, by the event's `operation`.
[[nodiscard]] Result<Json> compaction(const Json& event, const Ports& ports, const StepContext& context);
[[nodiscard]] Result<Json> mark_complete(const Json& event, const Ports& ports, const StepContext& context);

}  // namespace tillite
