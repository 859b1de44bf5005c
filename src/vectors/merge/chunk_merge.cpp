#include "vectors/merge/chunk_merge.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <set>

#include "base/byte_budget.h"
#include "base/check.h"
#include "base/parallel.h"
#include "base/private_pages.h"
#include "base/serial_worker.h"
#include "vectors/files/xxh3.h"
#include "vectors/records/shard.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

/// A record with its vector, which lies with the gatherer that has it, or here.
struct Head {
  RecordLine line;
  VectorSums sums;
  std::uint64_t row = 0;          ///< with the gatherer
  std::span<const float> vector;  ///< empty until it is fetched
  std::vector<float> own;

  [[nodiscard]] Result<void> write_to(RunWriter& writer) const { return writer.add(line, sums, vector, own.empty()); }
};

/// The order of a run: by id, and the records of one id, which come from different deltas, by these.
bool stands_before(const Head& a, const Head& b) {
  if (a.line.id != b.line.id) return a.line.id < b.line.id;
  return a.line.delta < b.line.delta;
}

/// The highest vector or tombstone of an id.
struct Newest {
  std::int64_t item_version = std::numeric_limits<std::int64_t>::min();  ///< below those of imported records, too
  bool removed = false;                                                  ///< a tombstone has this item_version

  /// Whether a record cannot matter any more, whichever of the deltas turn out to be consumed already: what a consumed
  /// delta said is in the snapshot, and stands above this record there, too.
  [[nodiscard]] bool supersedes(const RecordLine& record) const {
    if (record.item_version != item_version) return record.item_version < item_version;
    return removed && record.kind != RecordKind::tombstone;
  }
};

Newest newest_of(std::span<const Head> heads) {
  Newest newest;
  for (const Head& head : heads) {
    const RecordLine& record = head.line;
    if (record.kind == RecordKind::metadata || record.item_version < newest.item_version) continue;
    const bool removed = record.kind == RecordKind::tombstone;
    newest.removed = removed || (newest.removed && record.item_version == newest.item_version);
    newest.item_version = record.item_version;
  }
  return newest;
}

/// About what a record takes in memory without its vector.
std::uint64_t memory_of(const RecordLine& line) {
  return sizeof(Head) + line.id.str().size() + line.delta.str().size() + line.text.size();
}

/// Records in their order, one after the other; nothing at the end.
class SortedHeads {
 public:
  virtual ~SortedHeads() = default;
  [[nodiscard]] virtual Result<std::optional<Head>> next() = 0;
};

/// Those of a sorted piece on the disk.
class PieceHeads final : public SortedHeads {
 public:
  explicit PieceHeads(RunReader piece) : piece_(std::move(piece)) {}

  Result<std::optional<Head>> next() override {
    auto line = TRY(piece_.next_line());
    if (!line) return std::optional<Head>();
    Head head{.line = std::move(line->line), .sums = line->sums, .own = std::move(line->vector)};
    head.vector = head.own;
    return std::optional(std::move(head));
  }

 private:
  RunReader piece_;
};

/// Several such sequences as one.
class HeadMerge {
 public:
  static Result<HeadMerge> open(std::vector<std::unique_ptr<SortedHeads>> sources) {
    HeadMerge merge;
    for (auto& source : sources) merge.heads_.push_back(TRY(source->next()));
    merge.sources_ = std::move(sources);
    return merge;
  }

  Result<std::optional<Head>> next() {
    std::size_t least = sources_.size();
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (heads_[i] && (least == sources_.size() || stands_before(*heads_[i], *heads_[least]))) least = i;
    }
    if (least == sources_.size()) return std::optional<Head>();
    Head head = *std::move(heads_[least]);
    heads_[least] = TRY(sources_[least]->next());
    return std::optional(std::move(head));
  }

 private:
  std::vector<std::unique_ptr<SortedHeads>> sources_;
  std::vector<std::optional<Head>> heads_;
};

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
  Result<void> add(const Head& head) {
    RunWriter& writer = writers_[static_cast<std::size_t>(shard_of(head.line.id, static_cast<int>(writers_.size())))];
    return head.write_to(writer);
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

/// The rows of vectors: in memory as long as they have room there, then in a file, to which they go many at a time.
class GatheredVectors {
  static constexpr std::uint64_t kTailBytesMax = std::uint64_t{128} << 10;

 public:
  GatheredVectors(std::size_t dimensions, std::uint64_t bytes_max, File file)
      : dimensions_(dimensions),
        tail_bytes_(std::min(bytes_max / 16, kTailBytesMax)),
        in_memory_max_((bytes_max - tail_bytes_) / row_bytes()),
        file_(std::move(file)),
        tail_begin_(in_memory_max_) {
    numbers_.reserve(in_memory_max_ * dimensions_);
  }

  [[nodiscard]] std::uint64_t rows() const { return rows_; }

  Result<void> add(std::span<const float> vector) {
    const std::uint64_t row = rows_++;
    if (row >= in_memory_max_) {
      tail_.insert(tail_.end(), vector.begin(), vector.end());
      return tail_.size() * sizeof(float) < tail_bytes_ ? Result<void>() : write_tail();
    }
    numbers_.resize(std::max<std::size_t>(numbers_.size(), rows_ * dimensions_));
    std::ranges::copy(vector, numbers_.data() + row * dimensions_);
    return {};
  }

  /// A row where it lies, or as it was read into `room`.
  [[nodiscard]] Result<std::span<const float>> read(std::uint64_t row, std::vector<float>& room) {
    if (row < in_memory_max_) return numbers_.values().subspan(row * dimensions_, dimensions_);
    if (row >= tail_begin_) return std::span(tail_).subspan((row - tail_begin_) * dimensions_, dimensions_);
    room.resize(dimensions_);
    TRY(file_.read_at(place_of(row), std::as_writable_bytes(std::span(room))));
    return std::span<const float>(room);
  }

  /// Forgets the rows from this one on.
  void resize(std::uint64_t rows) {
    rows_ = rows;
    tail_begin_ = std::clamp(rows, in_memory_max_, tail_begin_);
    tail_.resize((std::max(rows, tail_begin_) - tail_begin_) * dimensions_);
  }

 private:
  [[nodiscard]] std::uint64_t row_bytes() const { return dimensions_ * sizeof(float); }
  [[nodiscard]] std::uint64_t place_of(std::uint64_t row) const { return (row - in_memory_max_) * row_bytes(); }

  Result<void> write_tail() {
    TRY(file_.write_at(place_of(tail_begin_), std::as_bytes(std::span(tail_))));
    tail_begin_ = rows_;
    tail_.clear();
    return {};
  }

  std::size_t dimensions_;
  std::uint64_t tail_bytes_;
  std::uint64_t in_memory_max_;  ///< rows
  File file_;
  PagedArray<float> numbers_{PagesRead::in_passing};  ///< of the rows in memory
  std::vector<float> tail_;                           ///< of those behind the file's
  std::uint64_t tail_begin_;
  std::uint64_t rows_ = 0;
};

/// The records of deltas in their order. What is more than the memory may hold waits in sorted pieces on the disk.
class Gatherer {
 public:
  /// `room`: a folder of its own. `pieces_max`: so many are open at once.
  static Result<Gatherer> create(const CollectionBinding& binding, const Path& room, std::uint64_t bytes_max,
                                 std::size_t pieces_max) {
    const std::uint64_t of_vectors = bytes_max / 4 * 3;
    TRY(make_folders(room));
    return Gatherer(binding, room, bytes_max - of_vectors, pieces_max,
                    GatheredVectors(binding.dimensions, of_vectors, TRY(File::create(room / "vectors.f32"))));
  }

  /// Adds a delta whole, or not at all.
  Result<void> add(ByteSource& file, const DeltaId& delta, ByteBudget& line_budget) {
    ByteBudget::Share share(line_budget);
    heads_before_ = heads_.size();
    pieces_of_delta_.clear();
    const std::uint64_t rows_before = vectors_.rows();
    const auto read = read_delta_lines(
        file, [&](DeltaLine&& next) { return add(std::move(next)); }, [&](std::uint64_t bytes) { share.take(bytes); });
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
      if (pieces_of_delta_.empty()) vectors_.resize(rows_before);
    }
    return belongs;
  }

  /// After the last delta.
  void sort() { std::ranges::sort(heads_, stands_before); }

  /// What was gathered and sorted, as sequences. The gatherer must outlive them.
  Result<std::vector<std::unique_ptr<SortedHeads>>> sorted() {
    while (pieces_.size() > pieces_max_) TRY(merge_first_pieces());
    auto all = TRY(heads_of(pieces_));
    all.push_back(std::make_unique<HeadsInMemory>(*this));
    return all;
  }

 private:
  class HeadsInMemory final : public SortedHeads {
   public:
    explicit HeadsInMemory(Gatherer& gatherer) : gatherer_(gatherer) {}
    Result<std::optional<Head>> next() override {
      if (next_ == gatherer_.heads_.size()) return std::optional<Head>();
      Head& head = gatherer_.heads_[next_++];
      TRY(gatherer_.fetch_vector(head));
      return std::optional(std::move(head));
    }

   private:
    Gatherer& gatherer_;
    std::size_t next_ = 0;
  };

  Gatherer(CollectionBinding binding, Path room, std::uint64_t bytes_max, std::size_t pieces_max,
           GatheredVectors vectors)
      : binding_(std::move(binding)),
        room_(std::move(room)),
        bytes_max_(bytes_max),
        pieces_max_(pieces_max),
        vectors_(std::move(vectors)) {}

  static Result<std::vector<std::unique_ptr<SortedHeads>>> heads_of(std::span<const Path> pieces) {
    std::vector<std::unique_ptr<SortedHeads>> all;
    for (const Path& piece : pieces) {
      all.push_back(std::make_unique<PieceHeads>(TRY(RunReader::open(TRY(file_source(piece)), piece.string()))));
    }
    return all;
  }

  /// Makes one piece of the first few, behind the others: in this order each record is read and written once a pass.
  Result<void> merge_first_pieces() {
    const std::vector<Path> first(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(pieces_max_));
    {
      auto heads = TRY(HeadMerge::open(TRY(heads_of(first))));
      Path file = next_piece();
      auto writer = TRY(RunWriter::create(file, {.binding = binding_}));
      while (const auto head = TRY(heads.next())) TRY(head->write_to(writer));
      TRY(writer.finish());
      pieces_.push_back(std::move(file));
    }
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(pieces_max_));
    std::error_code kept;  // then it goes with the folder
    for (const Path& piece : first) std::filesystem::remove(piece, kept);
    return {};
  }

  [[nodiscard]] Path next_piece() { return room_ / fmt::format("piece-{}", pieces_written_++); }

  Result<void> add(DeltaLine&& next) {
    Head head;
    if (next.line.kind == RecordKind::vector) {
      if (next.vector.size() != binding_.dimensions) {
        return fail(Code::corrupt, "its vectors have {} dimensions, the collection has {}", next.vector.size(),
                    binding_.dimensions);
      }
      head.row = vectors_.rows();
      head.sums = {.hash = next.vector_hash, .xxh3 = xxh3(std::as_bytes(next.vector))};
      TRY(vectors_.add(next.vector));
    }
    bytes_ += memory_of(next.line);
    head.line = std::move(next.line);
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
    vectors_.resize(0);
    bytes_ = 0;
    return {};
  }

  Result<Path> write_piece(std::span<Head> heads) {
    std::ranges::sort(heads, stands_before);
    Path file = next_piece();
    auto writer = TRY(RunWriter::create(file, {.binding = binding_}));
    for (Head& head : heads) {
      TRY(fetch_vector(head));
      TRY(head.write_to(writer));
      head = Head();  // its memory is needed no more
    }
    TRY(writer.finish());
    return file;
  }

  Result<void> fetch_vector(Head& head) {
    if (head.line.kind != RecordKind::vector) return {};
    head.vector = TRY(vectors_.read(head.row, head.own));
    return {};
  }

  CollectionBinding binding_;
  Path room_;
  std::uint64_t bytes_max_;  ///< of the heads
  std::size_t pieces_max_;   ///< open at once
  GatheredVectors vectors_;
  std::vector<Head> heads_;
  std::size_t heads_before_ = 0;  ///< those of the deltas before the one that is being read
  std::uint64_t bytes_ = 0;       ///< about the memory of the heads
  std::vector<Path> pieces_;
  std::vector<Path> pieces_of_delta_;  ///< of the delta that is being read
  std::size_t pieces_written_ = 0;
};

Result<void> write_of_one_id(std::span<const Head> heads, RunWriters& writers) {
  const Newest newest = newest_of(heads);
  for (const Head& head : heads) {
    if (!newest.supersedes(head.line)) TRY(writers.add(head));
  }
  return {};
}

Result<void> write_sorted(HeadMerge& heads, RunWriters& writers) {
  std::vector<Head> of_one_id;
  while (auto head = TRY(heads.next())) {
    if (!of_one_id.empty() && of_one_id.front().line.id != head->line.id) {
      TRY(write_of_one_id(of_one_id, writers));
      of_one_id.clear();
    }
    of_one_id.push_back(*std::move(head));
  }
  return write_of_one_id(of_one_id, writers);
}

/// A delta that cannot be read must not stop its neighbours, not even if a newer program could read it: its items are
/// sent again.
bool is_the_deltas_fault(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported;
}

/// Reads deltas on several threads, each into a gatherer of its own.
class DeltaGathering {
  static constexpr std::size_t kPiecesMax = 64;  // each with a descriptor and a buffer of 256 KiB

 public:
  static Result<DeltaGathering> create(const CollectionBinding& binding, const Path& scratch, std::uint64_t bytes_max,
                                       std::size_t deltas) {
    DeltaGathering gathering(bytes_max);
    const std::size_t count = gatherers_for(bytes_max, deltas);
    for (std::size_t i = 0; i < count; ++i) {
      gathering.gatherers_.push_back(
          TRY(Gatherer::create(binding, scratch / fmt::format("gatherer-{}", i), bytes_max / count,
                               std::max<std::size_t>(kPiecesMax / count, 8))));
    }
    return gathering;
  }

  /// The outcome of each delta. After an error that is no delta's fault the rest is left out.
  std::vector<Result<void>> read(ObjectStore& objects, const CollectionBinding& binding,
                                 const std::vector<DeltaId>& deltas, const std::stop_token& stop) {
    std::vector<Result<void>> outcomes(deltas.size());
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> has_failed = false;
    const auto read_into = [&](Gatherer& gatherer) {
      for (std::size_t i = next++; i < deltas.size() && !has_failed; i = next++) {
        outcomes[i] =
            read_one(gatherer, objects, delta_key(binding.collection, binding.generation, deltas[i]), deltas[i], stop);
        if (!outcomes[i] && !is_the_deltas_fault(outcomes[i].error())) has_failed = true;
      }
      gatherer.sort();
    };
    for_each_parallel(gatherers_.size(), gatherers_.size(), [&](std::size_t i) { read_into(gatherers_[i]); });
    return outcomes;
  }

  /// All that was read, in its order. The gathering must outlive it.
  Result<HeadMerge> sorted() {
    std::vector<std::unique_ptr<SortedHeads>> all;
    for (Gatherer& gatherer : gatherers_) {
      for (auto& heads : TRY(gatherer.sorted())) all.push_back(std::move(heads));
    }
    return HeadMerge::open(std::move(all));
  }

 private:
  /// Of a chunk `bytes_max` is a sixteenth of the memory, and two may be merged at once. Lines take nearly twice their
  /// texts: with twice as much for these, half of the memory is left.
  explicit DeltaGathering(std::uint64_t bytes_max) : line_budget_(std::make_unique<ByteBudget>(2 * bytes_max)) {}

  /// With less memory each would put most of a delta on the disk.
  static std::size_t gatherers_for(std::uint64_t bytes_max, std::size_t deltas) {
    constexpr std::uint64_t kBytesEach = std::uint64_t{16} << 20;
    const std::size_t most = std::min(machine_threads(), deltas);
    return std::clamp<std::size_t>(bytes_max / kBytesEach, 1, std::max<std::size_t>(most, 1));
  }

  Result<void> read_one(Gatherer& gatherer, ObjectStore& objects, const ObjectKey& key, const DeltaId& delta,
                        const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while merging deltas");
    const auto file = objects.open(key);
    if (!file) return pass_on(file, fmt::format("the delta {}", key.str()));
    auto added = gatherer.add(**file, delta, *line_budget_);
    if (added || is_the_deltas_fault(added.error())) return added;
    return pass_on(added, fmt::format("the delta {}", key.str()));
  }

  std::unique_ptr<ByteBudget> line_budget_;
  std::vector<Gatherer> gatherers_;
};

/// What the runs say of the deltas that went in.
Result<RunHeader> header_of(const CollectionBinding& binding, const std::vector<DeltaId>& deltas,
                            std::span<const Result<void>> outcomes) {
  RunHeader header{.binding = binding};
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    if (outcomes[i]) {
      header.deltas.push_back(deltas[i]);
    } else if (is_the_deltas_fault(outcomes[i].error())) {
      header.quarantined.push_back({deltas[i], outcomes[i].error().message()});
    } else {
      return std::unexpected(outcomes[i].error());
    }
  }
  return header;
}

Result<RunHeader> merge_into_runs(ObjectStore& objects, const CollectionBinding& binding,
                                  const std::vector<DeltaId>& deltas, const Path& scratch,
                                  const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                  const std::stop_token& stop) {
  std::vector<DeltaId> once;
  std::set<DeltaId> seen;
  std::ranges::copy_if(deltas, std::back_inserter(once), [&](const DeltaId& id) { return seen.insert(id).second; });
  auto gathering = TRY(DeltaGathering::create(binding, scratch, records_bytes_max, once.size()));
  const auto outcomes = gathering.read(objects, binding, once, stop);
  const RunHeader header = TRY(header_of(binding, once, outcomes));
  auto writers = TRY(RunWriters::create(runs, header));
  auto heads = TRY(gathering.sorted());
  TRY(write_sorted(heads, writers));
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
