#pragma once

#include <map>
#include <string>

#include "ports/execution_store.h"
#include "ports/object_store.h"
#include "workflow/walk_events.h"

namespace tillite {

/// Reads a Distributed Map's items from an object, from the files that a manifest in one names, or lists objects as
/// items. An object may have at most 64 MiB, unpacked.
[[nodiscard]] News read_items(const ItemsToRead& wanted, const std::map<std::string, ObjectStore*>& buckets);

/// Writes the children of a map run into objects below the writer's Prefix: manifest.json, SUCCEEDED_{n}.json and
/// FAILED_{n}.json, as AWS does (".jsonl" with OutputType JSONL). Of those that succeeded Transformation COMPACT keeps
/// only the output, FLATTEN an output's items one by one; those that did not stay as they are. A writer without a
/// resource writes nothing: the answer is the array itself.
[[nodiscard]] News write_results(const ResultsToWrite& wanted, const std::string& map_run_arn, ExecutionStore& store,
                                 const std::map<std::string, ObjectStore*>& buckets);

}  // namespace tillite
