#pragma once

#include <memory>

#include "base/environment.h"
#include "base/log.h"
#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/port_stops.h"
#include "ports/queue.h"
#include "ports/table.h"

namespace tillite {

/// The parts of a pipeline that lie on AWS; nullptr: the variable that names this part is not set.
struct AwsParts {
  std::unique_ptr<Table> table;              ///< DYNAMODB_TABLE_NAME
  std::unique_ptr<ObjectStore> vectors;      ///< CHROMADB_BUCKET
  std::unique_ptr<ObjectStore> batch_files;  ///< S3_BUCKET
  std::unique_ptr<Queue> queue;              ///< COMPACTION_QUEUE_URL
};

/// What the environment names. Nothing is called yet; without any of the variables AWS's settings are not even read.
/// Files of snapshots stay below `snapshots` once they were fetched, at most TILLITE_SNAPSHOT_CACHE_BYTES of them.
/// Clock and random numbers must outlive the parts. `stops` end the calls of all parts. `invalid_input` names the
/// variable.
[[nodiscard]] Result<AwsParts> open_aws_parts(const Environment& environment, const Path& snapshots, Clock& clock,
                                              Random& random, const Logger& log, const PortStops& stops);

}  // namespace tillite
