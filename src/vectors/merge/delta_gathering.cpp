#include "vectors/merge/delta_gathering.h"

#include <algorithm>
#include <atomic>

#include "base/parallel.h"
#include "vectors/merge/gatherer.h"
#include "vectors/merge/merged_deltas.h"
#include "vectors/merge/superseded.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::size_t kPiecesMax = 64;  // each with a descriptor and a buffer of 256 KiB

/// With less memory each gatherer would put most of a delta on the disk.
std::size_t gatherers_for(std::uint64_t bytes_max, std::size_t deltas) {
  constexpr std::uint64_t kBytesEach = std::uint64_t{16} << 20;
  const std::size_t most = std::min(machine_threads(), deltas);
  return std::clamp<std::size_t>(bytes_max / kBytesEach, 1, std::max<std::size_t>(most, 1));
}

Result<std::vector<Gatherer>> make_gatherers(const CollectionBinding& binding, const Path& scratch,
                                             std::uint64_t bytes_max, std::size_t deltas) {
  std::vector<Gatherer> gatherers;
  const std::size_t count = gatherers_for(bytes_max, deltas);
  gatherers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    gatherers.push_back(TRY(Gatherer::create(binding, scratch / fmt::format("gatherer-{}", i), bytes_max / count,
                                             std::max<std::size_t>(kPiecesMax / count, 8))));
  }
  return gatherers;
}

/// Reads deltas on several threads, each into a gatherer of its own.
class DeltaReading {
 public:
  DeltaReading(ObjectStore& objects, const CollectionBinding& binding, std::uint64_t line_bytes_max,
               const std::stop_token& stop)
      : objects_(objects), binding_(binding), line_budget_(line_bytes_max), stop_(stop) {}

  /// The outcome of each delta. After an error that is no delta's fault the rest is left out.
  std::vector<Result<void>> read(const std::vector<DeltaId>& deltas, std::vector<Gatherer>& gatherers) {
    std::vector<Result<void>> outcomes(deltas.size());
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> has_failed = false;
    const auto read_into = [&](Gatherer& gatherer) {
      for (std::size_t i = next++; i < deltas.size() && !has_failed; i = next++) {
        outcomes[i] = read_one(deltas[i], gatherer);
        if (!outcomes[i] && !is_the_deltas_fault(outcomes[i].error())) has_failed = true;
      }
      gatherer.sort();
    };
    for_each_parallel(gatherers.size(), gatherers.size(), [&](std::size_t i) { read_into(gatherers[i]); });
    return outcomes;
  }

 private:
  Result<void> read_one(const DeltaId& delta, Gatherer& gatherer) {
    if (stop_.stop_requested()) return fail(Code::cancelled, "stopped while merging deltas");
    const ObjectKey key = delta_key(binding_.collection, binding_.generation, delta);
    const auto file = objects_.open(key);
    if (!file) return pass_on(file, fmt::format("the delta {}", key.str()));
    auto added = gatherer.add(**file, delta, line_budget_);
    if (added || is_the_deltas_fault(added.error())) return added;
    return pass_on(added, fmt::format("the delta {}", key.str()));
  }

  ObjectStore& objects_;
  const CollectionBinding& binding_;
  ByteBudget line_budget_;
  const std::stop_token& stop_;
};

/// What went in, and what did not.
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

Result<SortedMerge> sorted(std::vector<Gatherer>& gatherers) {
  std::vector<std::unique_ptr<SortedRecords>> all;
  for (Gatherer& gatherer : gatherers) {
    for (auto& records : TRY(gatherer.sorted())) all.push_back(std::move(records));
  }
  return SortedMerge::open(std::move(all));
}

}  // namespace

struct DeltaGathering::Parts {
  RunHeader header;
  std::vector<Gatherer> gatherers;  ///< never moved once `sorted` reads from them
  SortedMerge sorted;
  std::vector<GatheredRecord> of_one_id;
};

DeltaGathering::DeltaGathering(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DeltaGathering::DeltaGathering(DeltaGathering&&) noexcept = default;
DeltaGathering& DeltaGathering::operator=(DeltaGathering&&) noexcept = default;
DeltaGathering::~DeltaGathering() = default;

Result<DeltaGathering> DeltaGathering::read(ObjectStore& objects, const CollectionBinding& binding,
                                            const std::vector<DeltaId>& deltas, const Path& scratch,
                                            std::uint64_t bytes_max, const std::stop_token& stop) {
  const std::vector<DeltaId> once = without_repeats(deltas);
  auto parts = std::make_unique<Parts>();
  parts->gatherers = TRY(make_gatherers(binding, scratch, bytes_max, once.size()));
  // Lines take nearly twice their texts: with twice as much for these, and an eighth of the memory for all gatherings
  // at a time, half of the memory is left.
  DeltaReading reading(objects, binding, 2 * bytes_max, stop);
  parts->header = TRY(header_of(binding, once, reading.read(once, parts->gatherers)));
  parts->sorted = TRY(sorted(parts->gatherers));
  return DeltaGathering(std::move(parts));
}

const RunHeader& DeltaGathering::header() const { return parts_->header; }

bool DeltaGathering::at_end() const { return parts_->sorted.peek() == nullptr; }

Result<std::span<const GatheredRecord>> DeltaGathering::next_id() {
  auto& [header, gatherers, sorted, of_one_id] = *parts_;
  of_one_id.clear();
  const auto is_of_the_id = [&](const GatheredRecord* next) {
    return next != nullptr && (of_one_id.empty() || next->line.id == of_one_id.front().line.id);
  };
  while (is_of_the_id(sorted.peek())) of_one_id.push_back(*TRY(sorted.next()));
  Newest newest;
  for (const GatheredRecord& record : of_one_id) newest.note(record.line);
  std::erase_if(of_one_id, [&](const GatheredRecord& record) { return newest.supersedes(record.line); });
  return std::span<const GatheredRecord>(of_one_id);
}

}  // namespace tillite
