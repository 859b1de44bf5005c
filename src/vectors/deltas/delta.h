#pragma once

#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/file.h"
#include "vectors/records/record_text.h"

namespace tillite {

/// What a generation of a collection is bound to; deltas, manifests and batches name it and a merge refuses others.
struct CollectionBinding {
  std::string collection;  ///< "receipt_lines"
  std::int64_t generation = 1;
  std::string model;
  std::size_t dimensions = 0;
  std::string input_format;  ///< "line/plain/1"
  int shards = 1;            ///< 1 to kShardsMax (shard.h)
  bool operator==(const CollectionBinding&) const = default;
};
[[nodiscard]] Json to_json(const CollectionBinding& binding);
[[nodiscard]] Result<CollectionBinding> parse_binding(const Json& json);

struct DeltaHeader {
  DeltaId id;
  BatchId batch_id;  ///< empty for a delta of changes that needed no provider
  CollectionBinding binding;
  std::int64_t created_ms = 0;
};

/// What a delta contains, as its reader found it.
struct DeltaFacts {
  DeltaHeader header;
  std::size_t records = 0;
  std::size_t vectors = 0;
};

/// A record of a delta as text, with its row where it lies while the record is looked at.
struct DeltaLine {
  RecordLine line;                ///< names the delta
  std::span<const float> vector;  ///< empty if there is none
  Sum128 vector_hash;             ///< 0 if there is none
};

/// Writes a delta (docs/formats/delta.md): a .tar.gz of delta.json, records.ndjson, vectors.f32 (stored, not deflated)
/// and checksums.json. Streams through scratch files; memory does not grow with the delta.
class DeltaWriter {
 public:
  [[nodiscard]] static Result<DeltaWriter> create(const Path& scratch, DeltaHeader header);
  DeltaWriter(DeltaWriter&&) noexcept;
  DeltaWriter& operator=(DeltaWriter&&) noexcept;
  ~DeltaWriter();

  /// Adds a record; its vector is normalised here (`invalid_input` if it cannot be) and must have the binding's
  /// dimensions.
  [[nodiscard]] Result<void> add(Record record);
  /// The finished file, on the disk. `header.id` and records' `delta` are the header's.
  [[nodiscard]] Result<Path> finish();

 private:
  struct Parts;
  explicit DeltaWriter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Reads a delta in two steps, as its file has it: first all its lines, then the rows of their vectors. Checks
/// structure, limits, sizes, checksums, unit length; `corrupt` says what and where. For one thread at a time.
class DeltaReader {
 public:
  explicit DeltaReader(std::unique_ptr<ByteSource> file);
  DeltaReader(DeltaReader&&) noexcept;
  DeltaReader& operator=(DeltaReader&&) noexcept;
  ~DeltaReader();

  using BeforeLines = std::function<Result<void>(std::uint64_t bytes)>;
  using EachRow = std::function<Result<void>(std::size_t line, std::span<const float> vector, const Sum128& hash)>;
  class Parts;

  /// The records in the order of the file, each naming the delta. `before_lines`, if there is one, is told their bytes
  /// before they are read; its error is this one's.
  [[nodiscard]] Result<std::vector<RecordLine>> read_lines(const BeforeLines& before_lines = {});
  /// What the header says, from `before_lines` on.
  [[nodiscard]] const DeltaFacts& facts() const;
  /// The vectors of these lines, in their order: the number of the line, the vector, valid until the next, and its
  /// vector_hash(). Nothing that `each` did may count until this returned without error.
  [[nodiscard]] Result<void> read_rows(std::span<const RecordLine> lines, const EachRow& each);

 private:
  std::unique_ptr<Parts> parts_;
};

/// Reads a delta as a stream and checks it: structure, limits, sizes, checksums, unit length. `corrupt` says what and
/// where. Records come in the order of the file. Nothing that `each` did may count until this returned without error.
[[nodiscard]] Result<DeltaFacts> read_delta(ByteSource& file, const std::function<Result<void>(Record&&)>& each);

/// The same with the records as lines. All of them are in memory before the first row comes: `before_lines`, if there
/// is one, is told their bytes before they are read.
[[nodiscard]] Result<DeltaFacts> read_delta_lines(ByteSource& file,
                                                  const std::function<Result<void>(DeltaLine&&)>& each,
                                                  const std::function<void(std::uint64_t bytes)>& before_lines = {});

/// The same without the vectors (Record::vector stays empty): reads only the front of the file, so vectors.f32 is
/// unchecked.
[[nodiscard]] Result<DeltaFacts> read_delta_records(ByteSource& file,
                                                    const std::function<Result<void>(Record&&)>& each);

}  // namespace tillite
