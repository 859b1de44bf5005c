#include "vectors/chunk_merge.h"

#include <algorithm>
#include <limits>
#include <set>

#include "vectors/keys.h"

namespace tillite {
namespace {

/// A record whose vector lies in the scratch file.
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

/// The records of deltas, their vectors moved to a file.
class Gatherer {
 public:
  static Result<Gatherer> create(const CollectionBinding& binding, const Path& scratch) {
    return Gatherer(binding, TRY(File::create(scratch / "vectors.f32")));
  }

  /// Adds a delta whole, or not at all.
  Result<void> add(ByteSource& file, const DeltaId& delta) {
    const std::size_t heads_before = heads_.size();
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
    if (!belongs) {
      heads_.resize(heads_before);
      rows_ = rows_before;
    }
    return belongs;
  }

  /// Writes what was gathered in the order of ids.
  Result<void> write(RunWriter& writer) {
    std::ranges::stable_sort(heads_, {}, [](const Head& head) -> const RecordId& { return head.record.id; });
    for (auto begin = heads_.begin(); begin != heads_.end();) {
      const auto end =
          std::find_if(begin, heads_.end(), [&](const Head& head) { return head.record.id != begin->record.id; });
      TRY(write_of_one_id(std::span(begin, end), writer));
      begin = end;
    }
    return {};
  }

 private:
  Gatherer(CollectionBinding binding, File vectors) : binding_(std::move(binding)), vectors_(std::move(vectors)) {}

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
    head.record = std::move(record);
    heads_.push_back(std::move(head));
    return {};
  }

  Result<void> write_of_one_id(std::span<Head> heads, RunWriter& writer) const {
    const Newest newest = newest_of(heads);
    for (Head& head : heads) {
      if (newest.supersedes(head.record)) continue;
      if (head.record.kind == RecordKind::vector) head.record.vector = TRY(vector_at(head.row));
      TRY(writer.add(head.record));
      head.record = Record{};  // its memory is needed no more
    }
    return {};
  }

  [[nodiscard]] std::uint64_t row_bytes() const { return binding_.dimensions * sizeof(float); }

  Result<std::vector<float>> vector_at(std::uint64_t row) const {
    std::vector<float> vector(binding_.dimensions);
    TRY(vectors_.read_at(row * row_bytes(), std::as_writable_bytes(std::span(vector))));
    return vector;
  }

  CollectionBinding binding_;
  File vectors_;
  std::vector<Head> heads_;
  std::uint64_t rows_ = 0;
};

/// A delta that cannot be read must not stop its neighbours, not even if a newer program could read it: its items are
/// sent again.
bool is_the_deltas_fault(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported;
}

}  // namespace

Result<RunHeader> merge_deltas(ObjectStore& objects, const CollectionBinding& binding,
                               const std::vector<DeltaId>& deltas, const Path& scratch, const Path& run) {
  auto gatherer = TRY(Gatherer::create(binding, scratch));
  RunHeader header{.binding = binding};
  std::set<DeltaId> seen;
  for (const DeltaId& delta : deltas) {
    if (!seen.insert(delta).second) continue;
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
  auto writer = TRY(RunWriter::create(run, header));
  TRY(gatherer.write(writer));
  TRY(writer.finish());
  return header;
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
