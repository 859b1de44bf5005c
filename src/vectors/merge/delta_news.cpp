#include "vectors/merge/delta_news.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"
#include "base/parallel.h"
#include "vectors/merge/merged_deltas.h"
#include "vectors/merge/superseded.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::size_t kDeltasMax = 32;     // open at once, each with its buffers
constexpr std::uint64_t kLineBytes = 300;  // half of what one takes besides its text, about

/// A delta whose lines are there.
struct OpenDelta {
  DeltaId id;
  Result<void> outcome;
  std::optional<DeltaReader> reader;
  std::vector<RecordLine> lines;
  std::vector<std::optional<std::uint64_t>> rows;  ///< where the vector of each line goes; nothing: it is superseded
};

/// A line of some delta.
struct LineAt {
  OpenDelta* delta = nullptr;
  std::size_t number = 0;

  [[nodiscard]] RecordLine& line() const { return delta->lines[number]; }
  [[nodiscard]] std::optional<std::uint64_t>& row() const { return delta->rows[number]; }
};

}  // namespace

class DeltaNews::Parts {
 public:
  Parts(ObjectStore& objects, CollectionBinding binding, ScratchFolder room, const RowLayout& layout,
        std::uint64_t lines_bytes_max, std::stop_token stop)
      : objects_(objects),
        room_(std::move(room)),
        layout_(layout),
        lines_bytes_max_(lines_bytes_max),
        stop_(std::move(stop)) {
    header_.binding = std::move(binding);
  }

  /// Whether the lines have room. A delta whose rows turn out to be damaged may have given others their places: it is
  /// left out, and all begins anew.
  Result<bool> read(std::vector<DeltaId> ids) {
    while (true) {
      TRY(open(ids));
      if (lines_bytes_ > lines_bytes_max_) return false;
      quarantine(ids);
      give_places();
      TRY(write_rows());
      if (!quarantine(ids)) break;
    }
    header_.deltas = std::move(ids);
    return true;
  }

  [[nodiscard]] const RunHeader& header() const { return header_; }
  [[nodiscard]] bool is_empty() const { return lines_.empty(); }
  [[nodiscard]] RowFile rows() const { return {.path = file(), .layout = layout_, .rows = hashes_.size()}; }

  Result<std::optional<std::pair<RecordId, RecordState>>> next() {
    if (next_ == lines_.size()) return std::optional<std::pair<RecordId, RecordState>>{};
    std::pair<RecordId, RecordState> answer{lines_[next_].line().id, {}};
    while (next_ < lines_.size() && lines_[next_].line().id == answer.first) {
      fold(answer.second, TRY(record_of(lines_[next_++])));
    }
    const auto& base = answer.second.base;
    check(!base || base->kind != RecordKind::vector || base->row, "the vector that stays has a place");
    return std::optional(std::move(answer));
  }

 private:
  [[nodiscard]] Path file() const { return room_.path() / "rows"; }

  [[nodiscard]] Result<void> go_on() const {
    return stop_.stop_requested() ? fail(Code::cancelled, "stopped while merging deltas") : Result<void>();
  }

  /// Runs work for each delta; an error that is no delta's fault is this one's, and the rest is left out then.
  template <typename Work>
  Result<void> for_each_delta(const Work& work) {
    std::atomic<bool> has_failed = false;
    for_each_parallel(deltas_.size(), machine_threads(), [&](std::size_t i) {
      OpenDelta& delta = deltas_[i];
      if (has_failed || !delta.outcome) return;
      delta.outcome = go_on();
      if (delta.outcome) delta.outcome = work(delta);
      if (!delta.outcome && !is_the_deltas_fault(delta.outcome.error())) has_failed = true;
    });
    for (const OpenDelta& delta : deltas_) {
      if (delta.outcome || is_the_deltas_fault(delta.outcome.error())) continue;
      if (delta.outcome.error().code() == Code::cancelled) return delta.outcome;
      const ObjectKey key = delta_key(header_.binding.collection, header_.binding.generation, delta.id);
      return pass_on(delta.outcome, fmt::format("the delta {}", key.str()));
    }
    return {};
  }

  Result<void> open(const std::vector<DeltaId>& ids) {
    lines_bytes_ = 0;
    deltas_.clear();
    deltas_.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) deltas_[i].id = ids[i];
    return for_each_delta([this](OpenDelta& delta) { return read_lines(delta); });
  }

  Result<void> read_lines(OpenDelta& delta) {
    const CollectionBinding& binding = header_.binding;
    delta.reader.emplace(TRY(objects_.open(delta_key(binding.collection, binding.generation, delta.id))));
    bool has_room = true;
    auto lines = delta.reader->read_lines([&](std::uint64_t bytes) -> Result<void> {
      has_room = (lines_bytes_ += bytes + delta.reader->facts().records * kLineBytes) <= lines_bytes_max_;
      return has_room ? Result<void>() : fail(Code::limit_exceeded, "there are too many lines");
    });
    if (!has_room) return {};  // nobody reads any of these
    delta.lines = TRY(std::move(lines));
    delta.rows.resize(delta.lines.size());
    return check_is(delta.reader->facts().header, delta.id, binding);
  }

  /// Moves deltas that cannot be read from the list to the header. The answer: whether there was one.
  bool quarantine(std::vector<DeltaId>& ids) {
    std::vector<DeltaId> readable;
    for (const OpenDelta& delta : deltas_) {
      if (delta.outcome) {
        readable.push_back(delta.id);
      } else {
        header_.quarantined.push_back({delta.id, delta.outcome.error().message()});
      }
    }
    std::erase_if(deltas_, [](const OpenDelta& delta) { return !delta.outcome; });
    const bool any = readable.size() != ids.size();
    ids = std::move(readable);
    return any;
  }

  /// Sorts the lines, leaves out those that are superseded, and numbers the vectors that are left in this order.
  void give_places() {
    std::vector<LineAt> all;
    for (OpenDelta& delta : deltas_) {
      for (std::size_t i = 0; i < delta.lines.size(); ++i) all.push_back({&delta, i});
    }
    std::ranges::sort(all, stands_before, &LineAt::line);
    lines_.clear();
    std::uint64_t rows = 0;
    for (auto first = all.begin(); first != all.end();) {
      const auto last =
          std::find_if(first, all.end(), [&](const LineAt& one) { return one.line().id != first->line().id; });
      Newest newest;
      for (const LineAt& one : std::ranges::subrange(first, last)) newest.note(one.line());
      std::optional<LineAt> vector;
      for (const LineAt& one : std::ranges::subrange(first, last)) {
        if (newest.supersedes(one.line())) continue;
        lines_.push_back(one);
        if (one.line().kind == RecordKind::vector) vector = one;  // of several the last delta's stays: see fold()
      }
      if (vector) vector->row() = rows++;
      first = last;
    }
    hashes_.assign(rows, {});
  }

  Result<void> write_rows() {
    auto rows = TRY(File::create(file()));
    std::error_code error;
    std::filesystem::resize_file(file(), hashes_.size() * layout_.row_bytes, error);
    if (error) return std::unexpected(system_error(error.value(), "making room in", file()));
    return for_each_delta([&](OpenDelta& delta) {
      auto read = delta.reader->read_rows(
          delta.lines, [&](std::size_t line, std::span<const float> vector, const Sum128& hash) -> Result<void> {
            const auto row = delta.rows[line];
            if (!row) return go_on();
            hashes_[*row] = hash;
            TRY(rows.write_at(*row * layout_.row_bytes + layout_.vector_offset, std::as_bytes(vector)));
            return go_on();
          });
      delta.reader.reset();
      return read;
    });
  }

  Result<Record> record_of(const LineAt& at) {
    const RecordLine line = std::exchange(at.line(), {});
    Record record = TRY(parse_record_text(line.text));
    record.row = at.row();
    if (record.row) record.known_hash = hashes_[*record.row];
    return record;
  }

  ObjectStore& objects_;
  ScratchFolder room_;
  RowLayout layout_;
  std::uint64_t lines_bytes_max_;
  std::stop_token stop_;
  RunHeader header_;
  std::vector<OpenDelta> deltas_;
  std::atomic<std::uint64_t> lines_bytes_ = 0;
  std::vector<LineAt> lines_;   ///< sorted, those that are superseded left out
  std::vector<Sum128> hashes_;  ///< of each row
  std::size_t next_ = 0;        ///< line
};

DeltaNews::DeltaNews(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DeltaNews::DeltaNews(DeltaNews&&) noexcept = default;
DeltaNews& DeltaNews::operator=(DeltaNews&&) noexcept = default;
DeltaNews::~DeltaNews() = default;

Result<std::optional<DeltaNews>> DeltaNews::read(ObjectStore& objects, const CollectionBinding& binding,
                                                 const std::vector<DeltaId>& deltas, const Path& scratch,
                                                 const RowLayout& layout, std::uint64_t lines_bytes_max,
                                                 const std::stop_token& stop) {
  auto once = without_repeats(deltas);
  if (once.size() > kDeltasMax) return std::optional<DeltaNews>();
  auto parts =
      std::make_unique<Parts>(objects, binding, TRY(ScratchFolder::create(scratch)), layout, lines_bytes_max, stop);
  if (!TRY(parts->read(std::move(once)))) return std::optional<DeltaNews>();
  return DeltaNews(std::move(parts));
}

const RunHeader& DeltaNews::header() const { return parts_->header(); }

Result<bool> DeltaNews::is_empty() { return parts_->is_empty(); }

std::optional<RowFile> DeltaNews::rows() const { return parts_->rows(); }

Result<std::optional<std::pair<RecordId, RecordState>>> DeltaNews::next() { return parts_->next(); }

}  // namespace tillite
