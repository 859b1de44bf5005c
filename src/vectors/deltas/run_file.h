#pragma once

#include <memory>

#include "vectors/deltas/delta.h"

namespace tillite {

class SerialWorker;

/// An intermediate result: records of several deltas, sorted by id, each as its delta brought it, those that a newer
/// one of the same run supersedes left out. An id may have several: should some of the deltas be consumed meanwhile,
/// the others' records still say all that they said. Format: docs/formats/run.md.
struct RunHeader {
  CollectionBinding binding;
  std::vector<DeltaId> deltas;  ///< all that went in, those that left no record too
  struct Quarantined {
    DeltaId delta;
    std::string reason;
    bool operator==(const Quarantined&) const = default;
  };
  std::vector<Quarantined> quarantined;  ///< deltas that could not be read; they are not in `deltas`
  std::optional<int> shard;              ///< the only one whose records are in it; nothing: all are
  bool operator==(const RunHeader&) const = default;
};

/// What a run says of a vector, made where its delta was read: what damages it from there on is found.
struct VectorSums {
  Sum128 hash;             ///< its vector_hash()
  std::uint64_t xxh3 = 0;  ///< of its bytes, too: what a reader of the run compares
  bool operator==(const VectorSums&) const = default;
};

/// A record of a run as text, with its vector.
struct RunLine {
  RecordLine line;
  VectorSums sums;            ///< 0 if there is no vector
  std::vector<float> vector;  ///< empty if there is none
};

class RunWriter {
 public:
  /// `beside`, if there is one, writes to the file while more is added. It must go before the writer does.
  [[nodiscard]] static Result<RunWriter> create(const Path& file, const RunHeader& header,
                                                SerialWorker* beside = nullptr);
  /// Ids must not decrease. A vector that `stays` as it is until finish() is not copied.
  [[nodiscard]] Result<void> add(const RecordLine& line, const VectorSums& sums, std::span<const float> vector,
                                 bool stays = false);
  [[nodiscard]] Result<void> add(const Record& record);
  /// Ends the file with its count and checksum. Who wants to keep it syncs it.
  [[nodiscard]] Result<void> finish();
  RunWriter(RunWriter&&) noexcept;
  RunWriter& operator=(RunWriter&&) noexcept;
  ~RunWriter();

 private:
  struct Parts;
  explicit RunWriter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Reads a run from front to end, one record in memory. `corrupt` for anything that RunWriter did not write.
class RunReader {
 public:
  [[nodiscard]] static Result<RunReader> open(std::unique_ptr<ByteSource> source, std::string name);
  [[nodiscard]] const RunHeader& header() const;
  /// The next record; nothing at the end (the checksum was right then).
  [[nodiscard]] Result<std::optional<Record>> next();
  /// The same as a line.
  [[nodiscard]] Result<std::optional<RunLine>> next_line();
  RunReader(RunReader&&) noexcept;
  RunReader& operator=(RunReader&&) noexcept;
  ~RunReader();

 private:
  struct Parts;
  explicit RunReader(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
