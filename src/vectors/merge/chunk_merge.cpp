#include "vectors/merge/chunk_merge.h"

#include "base/check.h"
#include "base/parallel.h"
#include "base/serial_worker.h"
#include "vectors/merge/delta_gathering.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

/// The run files that come out: one, or one for each shard. A thread of their own writes them while records are merged.
class RunWriters {
 public:
  static Result<RunWriters> create(const std::vector<Path>& files, RunHeader header) {
    RunWriters writers;
    writers.beside_ = std::make_unique<SerialWorker>(machine_threads() == 1 ? 0 : kBlocksWaiting);
    for (const Path& file : files) {
      if (files.size() > 1) header.shard = static_cast<int>(writers.writers_.size());
      writers.writers_.push_back(TRY(RunWriter::create(file, header, writers.beside_.get())));
    }
    return writers;
  }
  Result<void> add(const GatheredRecord& record) {
    const int shard = shard_of(record.line.id, static_cast<int>(writers_.size()));
    return record.write_to(writers_[static_cast<std::size_t>(shard)]);
  }
  Result<void> finish() {
    for (RunWriter& writer : writers_) TRY(writer.finish());
    return {};
  }

 private:
  static constexpr std::size_t kBlocksWaiting = 2;

  std::vector<RunWriter> writers_;
  std::unique_ptr<SerialWorker> beside_;  // behind what it works for
};

Result<RunHeader> merge_into_runs(ObjectStore& objects, const CollectionBinding& binding,
                                  const std::vector<DeltaId>& deltas, const Path& scratch,
                                  const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                  const std::stop_token& stop) {
  auto gathering = TRY(DeltaGathering::read(objects, binding, deltas, scratch, records_bytes_max, stop));
  auto writers = TRY(RunWriters::create(runs, gathering.header()));
  while (!gathering.at_end()) {
    for (const GatheredRecord& record : TRY(gathering.next_id())) TRY(writers.add(record));
  }
  TRY(writers.finish());
  return gathering.header();
}

}  // namespace

Result<RunHeader> merge_deltas(ObjectStore& objects, const CollectionBinding& binding,
                               const std::vector<DeltaId>& deltas, const Path& scratch, const Path& run,
                               std::uint64_t records_bytes_max) {
  return merge_into_runs(objects, binding, deltas, scratch, {run}, records_bytes_max, {});
}

Result<RunHeader> merge_deltas_by_shard(ObjectStore& objects, const CollectionBinding& binding,
                                        const std::vector<DeltaId>& deltas, const Path& scratch,
                                        const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                        const std::stop_token& stop) {
  check(runs.size() == static_cast<std::size_t>(binding.shards), "each shard has a run of its own");
  return merge_into_runs(objects, binding, deltas, scratch, runs, records_bytes_max, stop);
}

}  // namespace tillite
