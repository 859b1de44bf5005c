#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/ids.h"

namespace tillite {

/// An HNSW segment in hnswlib's layout, as Chroma keeps it (docs/formats/snapshot.md): header.bin, data_level0.bin,
/// length.bin, link_lists.bin, index_metadata.pickle. Cosine space: vectors of unit length, distance = 1 - dot product.
/// Labels (from 1) ascend with internal ids in segments that we write.

struct GraphSettings {
  std::size_t m = 16;  ///< links a node on upper levels; twice that on level 0
  std::size_t ef_construction = 100;
  std::uint64_t seed = 100;
  std::size_t code_bits = 8;       ///< for each number of the codes that the graph is built on: 8, 4, 2 or 1
  std::uint64_t memory_bytes = 0;  ///< that the graph may take; codes have fewer bits if it must be; 0: no limit
  std::size_t threads = 0;         ///< 0: as many as the machine has
  double dead_share_max = 0.2;     ///< above this share of deleted elements the graph is built anew without them
};

struct SegmentChange {
  std::optional<Path> base;            ///< the segment folder to start from; never changed
  std::optional<Path> base_graph;      ///< the kept graph of `base`, which saves reading all of its vectors twice
  std::string base_checksum;           ///< that data_level0.bin of `base` is to have; empty: that is not checked
  std::vector<std::uint64_t> removed;  ///< labels in `base` that end
  /// File of float32 rows, unit length, in the order of their labels. Empty, only without a base: they lie in
  /// data_level0.bin of the new folder, where they belong, in rows without links and labels.
  Path new_vectors;
  std::vector<Sum128> new_hashes;     ///< vector_hash() of each of these rows
  std::uint64_t first_new_label = 1;  ///< labels of the new rows: this one and the following
  std::size_t dimensions = 0;
  std::optional<Path> kept_graph;  ///< where the graph is kept for the next change (docs/formats/kept-graph.md)
};

/// A file that was written, and the checksum of what went in, as manifests have it.
struct WrittenFile {
  Path path;
  std::string checksum;
};

struct SegmentFacts {
  std::uint64_t elements = 0;  ///< in the graph, deleted ones included
  std::uint64_t deleted = 0;
  std::uint64_t hard_to_find = 0;  ///< new vectors that a search for themselves with Chroma's beam may miss
  std::uint64_t repaired = 0;      ///< elements that needed an extra link to be reachable
  std::size_t code_bits = 0;       ///< for each number, as the memory allowed
  bool rebuilt = false;
  bool continued = false;          ///< from the kept graph of the base
  std::string not_continued;       ///< why not, if there was one
  std::vector<WrittenFile> files;  ///< all that were written
};

/// Writes the segment that results from a change into `folder` (which exists, and is not `base`), without the pickle.
/// The graph is built on codes; full vectors pass through as a stream, so memory is about dimensions * 9 / 8 + 400
/// bytes an element that is not a copy of another, and what a batch of nodes needs (Graph::batch_bytes()). With the
/// base's kept graph only the new vectors are read and encoded, and the base's codes are read where searches go; a kept
/// graph that is damaged, or made with other settings, is passed over (`not_continued`). `corrupt` if the base is
/// damaged. Equal vectors are linked through one representative. Every element that is not deleted can be reached on
/// level 0 from the entry point when this returns (checked, repaired). The same input gives the same bytes, with any
/// number of threads. `limit_exceeded` if the graph does not even fit with one bit; `cancelled` soon after `stop` was
/// requested, as long as vectors are linked.
[[nodiscard]] Result<SegmentFacts> write_segment(const SegmentChange& change, const GraphSettings& settings,
                                                 const Path& folder, const std::stop_token& stop = {});

/// Writes index_metadata.pickle into a segment's folder. `each_label` calls back for every live (id, label), ascending
/// by label. `labels_given` = how many labels were ever given (Chroma's total_elements_added). The answer: the file.
[[nodiscard]] Result<WrittenFile> write_label_pickle(
    const Path& folder, std::uint64_t labels_given,
    const std::function<Result<void>(const std::function<Result<void>(const RecordId&, std::uint64_t)>&)>& each_label);

struct SegmentHit {
  std::uint64_t label = 0;
  float distance = 0;  ///< as Chroma returns it: 1 - dot product
};

/// Tells of labels whether they are wanted: a flag for each, in their order.
using LabelsWanted = std::function<Result<std::vector<bool>>(std::span<const std::uint64_t> labels)>;

/// A segment for reading: its files mapped, nothing loaded. Threads: any, after open.
class Segment {
 public:
  /// `corrupt` if files are torn (sizes and header do not fit). `live`: how many elements are not deleted, if that is
  /// known; else all are looked at.
  [[nodiscard]] static Result<Segment> open(const Path& folder, std::optional<std::uint64_t> live = std::nullopt);
  Segment(Segment&&) noexcept;
  Segment& operator=(Segment&&) noexcept;
  ~Segment();

  [[nodiscard]] std::uint64_t size() const;  ///< live elements
  [[nodiscard]] std::size_t dimensions() const;
  /// The stored vector of a live label; nothing if there is none.
  [[nodiscard]] std::optional<std::vector<float>> vector_of(std::uint64_t label) const;
  /// The nearest k of the graph search (ef candidates, at least k), nearest first; `accepts` (may be empty) leaves
  /// labels out.
  [[nodiscard]] std::vector<SegmentHit> search(std::span<const float> query, std::size_t k, std::size_t ef,
                                               const std::function<bool(std::uint64_t)>& accepts) const;
  /// The nearest k of those that are wanted, nearest first. Nothing is asked about while the graph is searched: what it
  /// has found is asked about from the nearest on, some at a time, until k are wanted. The beam is made as wide as the
  /// last of these needs it, and wider than `ef`. Nothing if that takes more than `compared_max` comparisons.
  [[nodiscard]] Result<std::optional<std::vector<SegmentHit>>> search_wanted(std::span<const float> query,
                                                                             std::size_t k, std::size_t ef,
                                                                             std::size_t compared_max,
                                                                             const LabelsWanted& wanted) const;
  /// The nearest k by comparing all live labels of `labels` (ascending), or all if it is nothing. Exact.
  [[nodiscard]] std::vector<SegmentHit> scan(std::span<const float> query, std::size_t k,
                                             const std::optional<std::vector<std::uint64_t>>& labels) const;
  /// Live elements that cannot be reached on level 0 from the entry point (0 in what we publish).
  [[nodiscard]] std::uint64_t unreachable() const;

 private:
  struct Parts;
  explicit Segment(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
