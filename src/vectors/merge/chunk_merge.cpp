#include "vectors/merge/chunk_merge.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/check.h"
#include "vectors/records/shard.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

/// A record; its vector lies in the scratch file if the record does not have it.
struct Head {
  Record record;
  std::uint64_t row = 0;
};

/// The highest vector or tombstone of an id.
struct Newest {
  std::int64_t item_version = std::numeric_limits<std::int64_t>::min();  ///< below those of imported records, too
  bool removed = false;                                                  ///< a tombstone has this item_version

  /// Whether a record cannot matter any more, whichever of the deltas turn out to be consumed already: what a consumed
  /// delta said is in the snapshot, and stands above this record there, too.
  [[nodiscard]] bool supersedes(const Record& record) const {
    if (record.item_version != item_version) return record.item_version < item_version;
    return removed && record.kind != RecordKind::tombstone;
  }
};

Newest newest_of(std::span<const Head> heads) {
  Newest newest;
  for (const auto& [record, row] : heads) {
    if (record.kind == RecordKind::metadata || record.item_version < newest.item_version) continue;
    const bool removed = record.kind == RecordKind::tombstone;
    newest.removed = removed || (newest.removed && record.item_version == newest.item_version);
    newest.item_version = record.item_version;
  }
  return newest;
}

/// About what a record takes in memory without its vector.
std::uint64_t memory_of(const Record& record) {
  constexpr std::uint64_t kMetadataValueBytes = 160;
  return sizeof(Head) + record.id.str().size() + record.input_hash.size() + record.document.size() +
         kMetadataValueBytes * record.metadata.size();
}

/// The records of sorted pieces in the order of ids, those of one id in the order of the pieces.
class PieceMerge {
 public:
  static Result<PieceMerge> open(const std::vector<Path>& pieces) {
    PieceMerge merge;
    for (const Path& piece : pieces) {
      merge.pieces_.push_back(TRY(RunReader::open(TRY(file_source(piece)), piece.string())));
      merge.heads_.push_back(TRY(merge.pieces_.back().next()));
    }
    return merge;
  }

  Result<std::optional<Head>> next() {
    std::size_t least = pieces_.size();
    for (std::size_t piece = 0; piece < pieces_.size(); ++piece) {
      if (heads_[piece] && (least == pieces_.size() || heads_[piece]->id < heads_[least]->id)) least = piece;
    }
    if (least == pieces_.size()) return std::nullopt;
    Head head{.record = *std::move(heads_[least])};
    heads_[least] = TRY(pieces_[least].next());
    return std::optional(std::move(head));
  }

 private:
  std::vector<RunReader> pieces_;
  std::vector<std::optional<Record>> heads_;
};

/// The run files that come out: one, or one for each shard.
class RunWriters {
 public:
  static Result<RunWriters> create(const std::vector<Path>& files, RunHeader header) {
    RunWriters writers;
    for (const Path& file : files) {
      if (files.size() > 1) header.shard = static_cast<int>(writers.writers_.size());
      writers.writers_.push_back(TRY(RunWriter::create(file, header)));
    }
    return writers;
  }
  Result<void> add(const Record& record) {
    return writers_[static_cast<std::size_t>(shard_of(record.id, static_cast<int>(writers_.size())))].add(record);
  }
  Result<void> finish() {
    for (RunWriter& writer : writers_) TRY(writer.finish());
    return {};
  }

 private:
  std::vector<RunWriter> writers_;
};

/// The records of deltas in the order of ids, their vectors moved to a file. What is more than the memory may hold
/// waits in sorted pieces on the disk.
class Gatherer {
 public:
  static Result<Gatherer> create(const CollectionBinding& binding, const Path& scratch, std::uint64_t bytes_max) {
    return Gatherer(binding, scratch, bytes_max, TRY(File::create(scratch / "vectors.f32")));
  }

  /// Adds a delta whole, or not at all.
  Result<void> add(ByteSource& file, const DeltaId& delta) {
    heads_before_ = heads_.size();
    pieces_of_delta_.clear();
    const std::uint64_t rows_before = rows_;
    const auto read = read_delta(file, [&](Record&& record) { return add(std::move(record)); });
    const auto belongs = [&]() -> Result<void> {
      if (!read) return std::unexpected(read.error());
      if (read->header.id != delta) return fail(Code::corrupt, "it says that it is {}", read->header.id.str());
      if (read->header.binding != binding_) {
        return fail(Code::corrupt, "it is bound to something else: {}", to_text(to_json(read->header.binding)));
      }
      return {};
    }();
    if (belongs) {
      pieces_.insert(pieces_.end(), pieces_of_delta_.begin(), pieces_of_delta_.end());
    } else {
      heads_.resize(heads_before_);
      if (pieces_of_delta_.empty()) rows_ = rows_before;
    }
    return belongs;
  }

  /// Writes what was gathered in the order of ids.
  Result<void> write(RunWriters& writer) {
    if (pieces_.empty()) {
      sort(heads_);
      std::size_t next = 0;
      return write_sorted(writer, [&]() -> Result<std::optional<Head>> {
        return next < heads_.size() ? std::optional(std::move(heads_[next++])) : std::nullopt;
      });
    }
    if (!heads_.empty()) pieces_.push_back(TRY(write_piece(heads_)));
    heads_.clear();
    auto merge = TRY(PieceMerge::open(pieces_));
    return write_sorted(writer, [&] { return merge.next(); });
  }

 private:
  Gatherer(CollectionBinding binding, Path scratch, std::uint64_t bytes_max, File vectors)
      : binding_(std::move(binding)),
        scratch_(std::move(scratch)),
        bytes_max_(bytes_max),
        vectors_(std::move(vectors)) {}

  Result<void> add(Record&& record) {
    Head head;
    if (record.kind == RecordKind::vector) {
      if (record.vector.size() != binding_.dimensions) {
        return fail(Code::corrupt, "its vectors have {} dimensions, the collection has {}", record.vector.size(),
                    binding_.dimensions);
      }
      head.row = rows_++;
      TRY(vectors_.write_at(head.row * row_bytes(), std::as_bytes(std::span(record.vector))));
      record.vector = {};
    }
    bytes_ += memory_of(record);
    head.record = std::move(record);
    heads_.push_back(std::move(head));
    return bytes_ > bytes_max_ ? spill() : Result<void>();
  }

  /// Puts all records on the disk, those of the delta that is being read in a piece of their own: should it turn out to
  /// be torn, they do not count.
  Result<void> spill() {
    const auto all = std::span(heads_);
    if (heads_before_ > 0) pieces_.push_back(TRY(write_piece(all.first(heads_before_))));
    pieces_of_delta_.push_back(TRY(write_piece(all.subspan(heads_before_))));
    heads_.clear();
    heads_before_ = 0;
    rows_ = 0;
    bytes_ = 0;
    return {};
  }

  static void sort(std::span<Head> heads) {
    std::ranges::stable_sort(heads, {}, [](const Head& head) -> const RecordId& { return head.record.id; });
  }

  Result<Path> write_piece(std::span<Head> heads) {
    sort(heads);
    Path file = scratch_ / fmt::format("piece-{}", pieces_written_++);
    auto writer = TRY(RunWriter::create(file, {.binding = binding_}));
    for (Head& head : heads) {
      TRY(fetch_vector(head));
      TRY(writer.add(head.record));
      head.record = Record{};  // its memory is needed no more
    }
    TRY(writer.finish());
    return file;
  }

  /// `next()`: the records in the order of ids.
  template <typename Next>
  Result<void> write_sorted(RunWriters& writer, const Next& next) const {
    std::vector<Head> of_one_id;
    while (auto head = TRY(next())) {
      if (!of_one_id.empty() && of_one_id.front().record.id != head->record.id) {
        TRY(write_of_one_id(of_one_id, writer));
        of_one_id.clear();
      }
      of_one_id.push_back(*std::move(head));
    }
    return write_of_one_id(of_one_id, writer);
  }

  Result<void> write_of_one_id(std::span<Head> heads, RunWriters& writer) const {
    const Newest newest = newest_of(heads);
    for (Head& head : heads) {
      if (newest.supersedes(head.record)) continue;
      TRY(fetch_vector(head));
      TRY(writer.add(head.record));
    }
    return {};
  }

  Result<void> fetch_vector(Head& head) const {
    if (head.record.kind != RecordKind::vector || !head.record.vector.empty()) return {};
    head.record.vector.resize(binding_.dimensions);
    return vectors_.read_at(head.row * row_bytes(), std::as_writable_bytes(std::span(head.record.vector)));
  }

  [[nodiscard]] std::uint64_t row_bytes() const { return binding_.dimensions * sizeof(float); }

  CollectionBinding binding_;
  Path scratch_;
  std::uint64_t bytes_max_;
  File vectors_;
  std::vector<Head> heads_;
  std::size_t heads_before_ = 0;  ///< those of the deltas before the one that is being read
  std::uint64_t bytes_ = 0;       ///< about the memory of the heads
  std::uint64_t rows_ = 0;
  std::vector<Path> pieces_;
  std::vector<Path> pieces_of_delta_;  ///< of the delta that is being read
  std::size_t pieces_written_ = 0;
};

/// A delta that cannot be read must not stop its neighbours, not even if a newer program could read it: its items are
/// sent again.
bool is_the_deltas_fault(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported;
}

Result<RunHeader> merge_into_runs(ObjectStore& objects, const CollectionBinding& binding,
                                  const std::vector<DeltaId>& deltas, const Path& scratch,
                                  const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                  const std::stop_token& stop) {
  auto gatherer = TRY(Gatherer::create(binding, scratch, records_bytes_max));
  RunHeader header{.binding = binding};
  std::set<DeltaId> seen;
  for (const DeltaId& delta : deltas) {
    if (!seen.insert(delta).second) continue;
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while merging deltas");
    const ObjectKey key = delta_key(binding.collection, binding.generation, delta);
    const auto file = objects.open(key);
    if (!file) return pass_on(file, fmt::format("the delta {}", key.str()));
    const auto added = gatherer.add(**file, delta);
    if (added) {
      header.deltas.push_back(delta);
    } else if (is_the_deltas_fault(added.error())) {
      header.quarantined.push_back({delta, added.error().message()});
    } else {
      return pass_on(added, fmt::format("the delta {}", key.str()));
    }
  }
  auto writers = TRY(RunWriters::create(runs, header));
  TRY(gatherer.write(writers));
  TRY(writers.finish());
  return header;
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

RunMerge::RunMerge(std::vector<RunReader> runs, std::vector<DeltaId> consumed)
    : runs_(std::move(runs)), heads_(runs_.size()), consumed_(std::move(consumed)) {
  std::ranges::sort(consumed_);
}

Result<void> RunMerge::advance(std::size_t run) {
  do {
    heads_[run] = TRY(runs_[run].next());
  } while (heads_[run] && std::ranges::binary_search(consumed_, heads_[run]->delta));
  return {};
}

Result<std::optional<std::pair<RecordId, RecordState>>> RunMerge::next() {
  for (std::size_t run = 0; !primed_ && run < runs_.size(); ++run) TRY(advance(run));
  primed_ = true;
  const RecordId* least = nullptr;
  for (const auto& head : heads_) {
    if (head && (least == nullptr || head->id < *least)) least = &head->id;
  }
  if (least == nullptr) return std::optional<std::pair<RecordId, RecordState>>{};
  std::pair<RecordId, RecordState> answer{*least, {}};
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    while (heads_[run] && heads_[run]->id == answer.first) {
      fold(answer.second, *std::move(heads_[run]));
      TRY(advance(run));
    }
  }
  return std::optional(std::move(answer));
}

}  // namespace tillite
