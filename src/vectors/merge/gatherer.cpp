#include "vectors/merge/gatherer.h"

#include <algorithm>

#include "vectors/files/xxh3.h"
#include "vectors/merge/merged_deltas.h"

namespace tillite {
namespace {

/// About what a record takes in memory without its vector.
std::uint64_t memory_of(const RecordLine& line) {
  return sizeof(GatheredRecord) + line.id.str().size() + line.delta.str().size() + line.text.size();
}

/// The records of a sorted piece on the disk.
class RecordsOfPiece final : public SortedRecords {
 public:
  explicit RecordsOfPiece(RunReader piece) : piece_(std::move(piece)) {}

  Result<std::optional<GatheredRecord>> next() override {
    auto line = TRY(piece_.next_line());
    if (!line) return std::optional<GatheredRecord>();
    GatheredRecord record{.line = std::move(line->line), .sums = line->sums, .own = std::move(line->vector)};
    record.vector = record.own;
    return std::optional(std::move(record));
  }

 private:
  RunReader piece_;
};

Result<std::vector<std::unique_ptr<SortedRecords>>> records_of(std::span<const Path> pieces) {
  std::vector<std::unique_ptr<SortedRecords>> all;
  for (const Path& piece : pieces) {
    all.push_back(std::make_unique<RecordsOfPiece>(TRY(RunReader::open(TRY(file_source(piece)), piece.string()))));
  }
  return all;
}

}  // namespace

class Gatherer::RecordsInMemory final : public SortedRecords {
 public:
  explicit RecordsInMemory(Gatherer& gatherer) : gatherer_(gatherer) {}

  Result<std::optional<GatheredRecord>> next() override {
    if (next_ == gatherer_.records_.size()) return std::optional<GatheredRecord>();
    GatheredRecord& record = gatherer_.records_[next_++];
    TRY(gatherer_.fetch_vector(record));
    return std::optional(std::move(record));
  }

 private:
  Gatherer& gatherer_;
  std::size_t next_ = 0;
};

Gatherer::Gatherer(CollectionBinding binding, Path room, std::uint64_t bytes_max, std::size_t pieces_max,
                   GatheredVectors vectors)
    : binding_(std::move(binding)),
      room_(std::move(room)),
      bytes_max_(bytes_max),
      pieces_max_(pieces_max),
      vectors_(std::move(vectors)) {}

Result<Gatherer> Gatherer::create(const CollectionBinding& binding, const Path& room, std::uint64_t bytes_max,
                                  std::size_t pieces_max) {
  const std::uint64_t of_vectors = bytes_max / 4 * 3;
  TRY(make_folders(room));
  return Gatherer(binding, room, bytes_max - of_vectors, pieces_max,
                  GatheredVectors(binding.dimensions, of_vectors, TRY(File::create(room / "vectors.f32"))));
}

Result<void> Gatherer::add(ByteSource& file, const DeltaId& delta, ByteBudget& line_budget) {
  ByteBudget::Share share(line_budget);
  records_before_ = records_.size();
  pieces_of_delta_.clear();
  const std::uint64_t rows_before = vectors_.rows();
  const auto read = read_delta_lines(
      file, [&](DeltaLine&& next) { return add(std::move(next)); }, [&](std::uint64_t bytes) { share.take(bytes); });
  const auto belongs = [&]() -> Result<void> { return check_is(TRY(read).header, delta, binding_); }();
  if (belongs) {
    pieces_.insert(pieces_.end(), pieces_of_delta_.begin(), pieces_of_delta_.end());
  } else {
    records_.resize(records_before_);
    if (pieces_of_delta_.empty()) vectors_.resize(rows_before);
  }
  return belongs;
}

Result<void> Gatherer::add(DeltaLine&& next) {
  GatheredRecord record;
  if (next.line.kind == RecordKind::vector) {
    if (next.vector.size() != binding_.dimensions) {
      return fail(Code::corrupt, "its vectors have {} dimensions, the collection has {}", next.vector.size(),
                  binding_.dimensions);
    }
    record.row = vectors_.rows();
    record.sums = {.hash = next.vector_hash, .xxh3 = xxh3(std::as_bytes(next.vector))};
    TRY(vectors_.add(next.vector));
  }
  bytes_ += memory_of(next.line);
  record.line = std::move(next.line);
  records_.push_back(std::move(record));
  return bytes_ > bytes_max_ ? spill() : Result<void>();
}

/// Puts all records on the disk, those of the delta that is being read in a piece of their own: should it turn out to
/// be torn, they do not count.
Result<void> Gatherer::spill() {
  const auto all = std::span(records_);
  if (records_before_ > 0) pieces_.push_back(TRY(write_piece(all.first(records_before_))));
  pieces_of_delta_.push_back(TRY(write_piece(all.subspan(records_before_))));
  records_.clear();
  records_before_ = 0;
  vectors_.resize(0);
  bytes_ = 0;
  return {};
}

Result<Path> Gatherer::write_piece(std::span<GatheredRecord> records) {
  std::ranges::sort(records, stands_before, &GatheredRecord::line);
  Path file = next_piece();
  auto writer = TRY(RunWriter::create(file, {.binding = binding_}));
  for (GatheredRecord& record : records) {
    TRY(fetch_vector(record));
    TRY(record.write_to(writer));
    record = GatheredRecord();  // its memory is needed no more
  }
  TRY(writer.finish());
  return file;
}

void Gatherer::sort() { std::ranges::sort(records_, stands_before, &GatheredRecord::line); }

Result<std::vector<std::unique_ptr<SortedRecords>>> Gatherer::sorted() {
  while (pieces_.size() > pieces_max_) TRY(merge_first_pieces());
  auto all = TRY(records_of(pieces_));
  all.push_back(std::make_unique<RecordsInMemory>(*this));
  return all;
}

/// Makes one piece of the first few, behind the others: in this order each record is read and written once a pass.
Result<void> Gatherer::merge_first_pieces() {
  const std::vector<Path> first(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(pieces_max_));
  {
    auto records = TRY(SortedMerge::open(TRY(records_of(first))));
    Path file = next_piece();
    auto writer = TRY(RunWriter::create(file, {.binding = binding_}));
    while (const auto record = TRY(records.next())) TRY(record->write_to(writer));
    TRY(writer.finish());
    pieces_.push_back(std::move(file));
  }
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(pieces_max_));
  std::error_code kept;  // then it goes with the folder
  for (const Path& piece : first) std::filesystem::remove(piece, kept);
  return {};
}

Path Gatherer::next_piece() { return room_ / fmt::format("piece-{}", pieces_written_++); }

Result<void> Gatherer::fetch_vector(GatheredRecord& record) {
  if (record.line.kind != RecordKind::vector) return {};
  record.vector = TRY(vectors_.read(record.row, record.own));
  return {};
}

}  // namespace tillite
