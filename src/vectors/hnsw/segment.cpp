// Reads a segment through its mapped files.
#include "vectors/hnsw/segment.h"

#include <algorithm>
#include <mutex>
#include <queue>

#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/nearest_pool.h"
#include "vectors/hnsw/seen_nodes.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/hnsw/upper_lists.h"
#include "vectors/hnsw/widening_beam.h"

namespace tillite {
namespace {

constexpr std::uint64_t kRowsAtOnce = 4096;
constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kAskedAtOnce = 32;
constexpr std::size_t kWidenedAtOnce = 4;  // times
constexpr std::size_t kHopeless = 2;       // times as many comparisons as may be, if all goes on as it began

/// How wide a beam must be for what it has met up to a rank to be the nearest. Twice the rank, as the wider a beam is,
/// the smaller the share that it misses at its edge; and with what is added to that, as wide for ten of which one in
/// two is wanted as a beam of `ef` wanted ones was.
std::size_t width_for(std::size_t rank, std::size_t ef) { return 2 * rank + 8 * ef / 5; }

/// What a search needs besides the segment, kept from one to the next.
struct Workspace {
  SeenNodes seen;
  NearestPool nearest;
  std::vector<std::pair<float, std::uint32_t>> open;  ///< a heap, the nearest on top
  std::vector<std::uint32_t> fresh;
  WideningBeam beam;
  std::size_t compared = 0;  ///< vectors, by search_on()
};

/// Workspaces that no search uses now: as many as ever ran at once. Threads: any.
class Workspaces {
 public:
  std::unique_ptr<Workspace> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Workspace>();
    auto workspace = std::move(idle_.back());
    idle_.pop_back();
    return workspace;
  }
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace

struct Segment::Parts {
  SegmentHeader header;
  MappedFile level0;
  UpperLists upper_lists;
  std::uint64_t live = 0;
  mutable Workspaces workspaces;

  [[nodiscard]] RowView row(std::uint64_t element) const {
    return {level0.bytes().data() + element * header.row_bytes(), header};
  }

  /// One pass over everything: none of it need stay in memory.
  [[nodiscard]] std::uint64_t count_live() {
    std::uint64_t count = 0;
    for (std::uint64_t element = 0; element < header.elements; ++element) {
      count += row(element).is_deleted() ? 0 : 1;
      if (element % kRowsAtOnce == 0) level0.release();
    }
    level0.release();
    return count;
  }

  /// The first element from `element` on whose label is at least `label`. Labels ascend, by one where nothing was
  /// removed: it is at most as many elements away as labels, and mostly just so many. From there steps that double lead
  /// back to it.
  [[nodiscard]] std::uint64_t first_from(std::uint64_t label, std::uint64_t element) const {
    if (element >= header.elements || row(element).label() >= label) return element;
    std::uint64_t low = element;  // its label is less
    std::uint64_t high = header.elements;
    if (label - row(element).label() < high - element) high = element + (label - row(element).label());
    if (high < header.elements && row(high).label() == label) return high;
    for (std::uint64_t step = 1; high < header.elements && step < high - low; step *= 2) {
      if (row(high - step).label() < label) {
        low = high - step;
        break;
      }
      high -= step;
    }
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (row(middle).label() < label) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  [[nodiscard]] float distance(std::span<const float> query, std::uint64_t element) const {
    return 1 - dot(query.data(), row(element).vector(), header.dimensions);
  }

  /// Asks for a vector's bytes before they are needed.
  void prefetch(std::uint64_t element) const {
    const std::byte* const vector = level0.bytes().data() + element * header.row_bytes() + kVectorOffset;
    for (std::size_t at = 0; at < header.dimensions * sizeof(float); at += kCacheLineBytes) {
      __builtin_prefetch(vector + at, 0, 2);
    }
  }

  /// Where the upper levels lead: the element to start from on level 0.
  [[nodiscard]] std::uint32_t descend(std::span<const float> query) const;
  /// The elements that `element` leads to on level 0 and that were not seen yet.
  void look_around(std::uint32_t element, SeenNodes& seen, std::vector<std::uint32_t>& fresh) const;
  /// Fills `space.nearest` with the nearest `ef` elements, starting from one.
  void search_all(std::span<const float> query, std::uint32_t from, std::size_t ef, Workspace& space) const;
  /// The same with those alone that `accepts` takes; the others are passed through.
  template <typename Accepts>
  void search_some(std::span<const float> query, std::uint32_t from, std::size_t ef, const Accepts& accepts,
                   Workspace& space) const;
  /// The first k that are wanted.
  struct FirstWanted {
    std::vector<SegmentHit> hits;
    std::size_t passed = 0;  ///< how many were passed on the way to the last, itself included
  };
  [[nodiscard]] Result<FirstWanted> first_wanted(std::span<const float> query, std::span<const WideningBeam::Met> met,
                                                 std::size_t k, const LabelsWanted& wanted) const;
  /// Goes on with the search in `space.beam` as far as that is wide, and no more than `compared_max` were compared.
  void search_on(std::span<const float> query, std::size_t compared_max, Workspace& space) const;
};

Segment::Segment(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Segment::Segment(Segment&&) noexcept = default;
Segment& Segment::operator=(Segment&&) noexcept = default;
Segment::~Segment() = default;

Result<Segment> Segment::open(const Path& folder, std::optional<std::uint64_t> live) {
  const auto header = TRY(read_header(folder));
  auto level0 = TRY(MappedFile::open(folder / kLevel0File));
  auto link_lists = TRY(MappedFile::open(folder / kLinkListsFile));
  auto parts = std::unique_ptr<Parts>(
      new Parts{header, std::move(level0), UpperLists(std::move(link_lists), header.elements), 0, {}});
  const auto torn = [&](std::string_view file) { return fail(Code::corrupt, "{} is torn", (folder / file).string()); };
  if (parts->level0.bytes().size() != header.elements * header.row_bytes()) return torn(kLevel0File);
  // An element has a size here, and so many whole levels: what that leaves to be wrong, a descent bears.
  const std::uint64_t list_bytes = parts->upper_lists.size_bytes();
  const std::uint64_t sizes_bytes = header.elements * sizeof(std::uint32_t);
  if (list_bytes < sizes_bytes || (list_bytes - sizes_bytes) % kUpperLevelBytes != 0) return torn(kLinkListsFile);
  parts->live = live ? *live : parts->count_live();
  return Segment(std::move(parts));
}

std::uint64_t Segment::size() const { return parts_->live; }
std::size_t Segment::dimensions() const { return parts_->header.dimensions; }

std::optional<std::vector<float>> Segment::vector_of(std::uint64_t label) const {
  const std::uint64_t element = parts_->first_from(label, 0);
  if (element == parts_->header.elements) return std::nullopt;
  const RowView row = parts_->row(element);
  if (row.label() != label || row.is_deleted()) return std::nullopt;
  return std::vector<float>(row.vector(), row.vector() + parts_->header.dimensions);
}

namespace {

/// Calls `each` for an element's links on level 0 that lead somewhere.
template <typename Each>
void for_each_link(const RowView& row, std::uint64_t elements, Each each) {
  const std::size_t links = std::min(row.links(), kLinks0);
  for (std::size_t i = 0; i < links; ++i) {
    if (row.link(i) < elements) each(row.link(i));
  }
}

std::vector<SegmentHit> sorted_hits(std::vector<SegmentHit> hits, std::size_t k) {
  const auto order = [](const SegmentHit& hit) { return std::pair(hit.distance, hit.label); };
  std::ranges::sort(hits, {}, order);
  if (hits.size() > k) hits.resize(k);
  return hits;
}

}  // namespace

std::uint32_t Segment::Parts::descend(std::span<const float> query) const {
  std::uint32_t nearest = header.entry;
  float least = distance(query, nearest);
  for (int level = header.max_level; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto link : upper_lists.links(nearest, level)) {
        const float d = distance(query, link);
        if (d >= least) continue;
        least = d;
        nearest = link;
        moved = true;
      }
    }
  }
  return nearest;
}

void Segment::Parts::look_around(std::uint32_t element, SeenNodes& seen, std::vector<std::uint32_t>& fresh) const {
  fresh.clear();
  for_each_link(row(element), header.elements, [&](std::uint32_t link) {
    if (seen.insert(link)) fresh.push_back(link);
  });
}

namespace {

/// Rounding can leave the distance of a vector from itself a little below 0, which a pool does not take.
float for_pool(float distance) { return std::max(distance, 0.0F); }

}  // namespace

void Segment::Parts::search_all(std::span<const float> query, std::uint32_t from, std::size_t ef,
                                Workspace& space) const {
  space.nearest.start(ef, ef);
  space.nearest.offer(for_pool(distance(query, from)), from);
  while (const auto element = space.nearest.expand_next()) {
    look_around(*element, space.seen, space.fresh);
    if (!space.fresh.empty()) prefetch(space.fresh.front());
    for (std::size_t i = 0; i < space.fresh.size(); ++i) {
      if (i + 1 < space.fresh.size()) prefetch(space.fresh[i + 1]);
      const float d = for_pool(distance(query, space.fresh[i]));
      if (space.nearest.has_room_for(d)) space.nearest.offer(d, space.fresh[i]);
    }
  }
}

template <typename Accepts>
void Segment::Parts::search_some(std::span<const float> query, std::uint32_t from, std::size_t ef,
                                 const Accepts& accepts, Workspace& space) const {
  space.nearest.start(ef, 0);
  space.open.clear();
  const auto visit = [&](std::uint32_t element) {
    const float d = for_pool(distance(query, element));
    if (!space.nearest.has_room_for(d)) return;
    space.open.emplace_back(d, element);
    std::ranges::push_heap(space.open, std::ranges::greater());
    if (accepts(row(element))) space.nearest.offer(d, element);
  };
  visit(from);
  while (!space.open.empty()) {
    std::ranges::pop_heap(space.open, std::ranges::greater());
    const auto [d, element] = space.open.back();
    space.open.pop_back();
    if (!space.nearest.has_room_for(d)) break;
    look_around(element, space.seen, space.fresh);
    for (std::size_t i = 0; i < space.fresh.size(); ++i) {
      if (i + 1 < space.fresh.size()) prefetch(space.fresh[i + 1]);
      visit(space.fresh[i]);
    }
  }
}

void Segment::Parts::search_on(std::span<const float> query, std::size_t compared_max, Workspace& space) const {
  while (space.compared <= compared_max) {
    const auto element = space.beam.expand_next();
    if (!element) return;
    look_around(*element, space.seen, space.fresh);
    space.compared += space.fresh.size();
    if (!space.fresh.empty()) prefetch(space.fresh.front());
    for (std::size_t i = 0; i < space.fresh.size(); ++i) {
      if (i + 1 < space.fresh.size()) prefetch(space.fresh[i + 1]);
      space.beam.offer(for_pool(distance(query, space.fresh[i])), space.fresh[i]);
    }
  }
}

Result<Segment::Parts::FirstWanted> Segment::Parts::first_wanted(std::span<const float> query,
                                                                 std::span<const WideningBeam::Met> met, std::size_t k,
                                                                 const LabelsWanted& wanted) const {
  FirstWanted first;
  std::vector<std::uint64_t> labels;
  std::vector<std::size_t> places;
  for (std::size_t next = 0; next < met.size() && first.hits.size() < k;) {
    labels.clear();
    places.clear();
    for (; next < met.size() && labels.size() < kAskedAtOnce; ++next) {
      const RowView element = row(met[next].node);
      if (element.is_deleted()) continue;
      labels.push_back(element.label());
      places.push_back(next);
    }
    const auto flags = TRY(wanted(labels));
    first.passed = next;
    for (std::size_t i = 0; i < labels.size() && first.hits.size() < k; ++i) {
      if (!flags[i]) continue;
      first.hits.push_back({labels[i], distance(query, met[places[i]].node)});
      if (first.hits.size() == k) first.passed = places[i] + 1;
    }
  }
  return first;
}

std::vector<SegmentHit> Segment::search(std::span<const float> query, std::size_t k, std::size_t ef,
                                        const std::function<bool(std::uint64_t)>& accepts) const {
  const Parts& parts = *parts_;
  const std::uint64_t elements = parts.header.elements;
  if (elements == 0 || k == 0) return {};
  ef = std::max(ef, k);

  auto space = parts.workspaces.take();
  const std::uint32_t from = parts.descend(query);
  space->seen.start(elements);
  space->seen.insert(from);
  if (!accepts && parts.live == elements) {
    parts.search_all(query, from, ef, *space);
  } else {
    const auto is_wanted = [&](const RowView& row) { return !row.is_deleted() && (!accepts || accepts(row.label())); };
    parts.search_some(query, from, ef, is_wanted, *space);
  }
  std::vector<SegmentHit> hits;
  for (std::size_t i = 0; i < space->nearest.size(); ++i) {
    const std::uint32_t element = space->nearest.node(i);
    hits.push_back({parts.row(element).label(), parts.distance(query, element)});
  }
  parts.workspaces.give_back(std::move(space));
  return sorted_hits(std::move(hits), k);
}

Result<std::optional<std::vector<SegmentHit>>> Segment::search_wanted(std::span<const float> query, std::size_t k,
                                                                      std::size_t ef, std::size_t compared_max,
                                                                      const LabelsWanted& wanted) const {
  const Parts& parts = *parts_;
  const std::uint64_t elements = parts.header.elements;
  if (elements == 0 || k == 0) return std::vector<SegmentHit>();

  auto space = parts.workspaces.take();
  const std::uint32_t from = parts.descend(query);
  space->seen.start(elements);
  space->seen.insert(from);
  std::size_t width = width_for(k, ef);
  space->beam.start(width);
  space->beam.offer(for_pool(parts.distance(query, from)), from);
  space->compared = 1;
  std::optional<std::vector<SegmentHit>> hits;
  Result<void> asked;
  while (true) {
    parts.search_on(query, compared_max, *space);
    if (space->compared > compared_max) break;
    auto first = parts.first_wanted(query, space->beam.nearest(), k, wanted);
    if (!first) {
      asked = std::unexpected(first.error());
      break;
    }
    const bool found = first->hits.size() == k;
    const std::size_t rank = found ? first->passed : first->passed * (k + 1) / (first->hits.size() + 1);
    const std::size_t needed = width_for(rank, ef);
    if (found && (needed <= width || space->beam.is_done())) {
      hits = std::move(first->hits);
      break;
    }
    if (space->beam.is_done() || space->compared * needed > kHopeless * compared_max * width) break;
    width = std::min(std::max(needed, width + 1), kWidenedAtOnce * width);
    space->beam.widen(width);
  }
  parts.workspaces.give_back(std::move(space));
  TRY(std::move(asked));
  if (!hits) return std::nullopt;
  return sorted_hits(*std::move(hits), k);
}

std::vector<SegmentHit> Segment::scan(std::span<const float> query, std::size_t k,
                                      const std::optional<std::vector<std::uint64_t>>& labels) const {
  if (k == 0) return {};
  const std::uint64_t elements = parts_->header.elements;
  std::vector<std::uint64_t> of_labels;
  if (labels) {
    of_labels.reserve(labels->size());
    std::uint64_t element = 0;
    for (const std::uint64_t label : *labels) {
      element = parts_->first_from(label, element);
      if (element < elements && parts_->row(element).label() == label) of_labels.push_back(element);
    }
  }
  const std::uint64_t count = labels ? of_labels.size() : elements;
  const auto element_at = [&](std::uint64_t i) { return labels ? of_labels[i] : i; };
  std::priority_queue<std::pair<float, std::uint64_t>> best;  // the farthest on top
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i + 1 < count) parts_->prefetch(element_at(i + 1));
    const std::uint64_t element = element_at(i);
    const RowView row = parts_->row(element);
    if (row.is_deleted()) continue;
    const float distance = parts_->distance(query, element);
    if (best.size() == k && distance > best.top().first) continue;
    best.emplace(distance, row.label());
    if (best.size() > k) best.pop();
  }
  std::vector<SegmentHit> hits;
  for (; !best.empty(); best.pop()) hits.push_back({best.top().second, best.top().first});
  return sorted_hits(std::move(hits), k);
}

std::uint64_t Segment::unreachable() const {
  const std::uint64_t elements = parts_->header.elements;
  if (elements == 0) return 0;
  std::vector<bool> reached(elements, false);
  std::vector<std::uint32_t> open = {parts_->header.entry};
  reached[open.front()] = true;
  while (!open.empty()) {
    const std::uint32_t element = open.back();
    open.pop_back();
    for_each_link(parts_->row(element), elements, [&](std::uint32_t link) {
      if (reached[link]) return;
      reached[link] = true;
      open.push_back(link);
    });
  }
  std::uint64_t lost = 0;
  for (std::uint64_t element = 0; element < elements; ++element) {
    lost += reached[element] || parts_->row(element).is_deleted() ? 0 : 1;
  }
  return lost;
}

}  // namespace tillite
