#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace tillite {

/// A collection of a directory that a Chroma server, or we, wrote.
struct ChromaCollection {
  std::string id;
  std::string name;
  std::string space;           ///< "cosine", "l2" or "ip"
  std::size_t dimensions = 0;  ///< 0: no vector was ever added
  std::string vector_segment;  ///< also the name of its folder, which appears when the server saves it first
  std::string metadata_segment;
};

/// A record as a server would return it.
struct ChromaRecord {
  std::string id;
  Json metadata = Json::object();  ///< scalars, and lists of scalars
  std::string document;            ///< empty: none
  std::vector<float> vector;       ///< as the server stores it: of unit length in cosine space, else as it was given
};

/// A persistent directory of a Chroma server (1.0 and later), for reading: the saved HNSW segments, Chroma's tables,
/// and the changes that are in embeddings_queue only. The directory is not changed, and no server should be running on
/// it. Every file may come from anybody: `corrupt` names the file and the place. Memory does not grow with the
/// collection; what joins ids, labels and places of vectors is a file below `scratch`, which must outlive it. Threads:
/// one at a time.
class ChromaDirectory {
 public:
  /// `not_found` if `folder` has no chroma.sqlite3.
  [[nodiscard]] static Result<ChromaDirectory> open(const Path& folder, const Path& scratch);
  ChromaDirectory(ChromaDirectory&&) noexcept;
  ChromaDirectory& operator=(ChromaDirectory&&) noexcept;
  ~ChromaDirectory();

  /// All collections, by name.
  [[nodiscard]] const std::vector<ChromaCollection>& collections() const;
  /// The collection with that name; `not_found` names those that are there.
  [[nodiscard]] Result<ChromaCollection> collection(std::string_view name) const;

  /// When its newest record or change was written, in seconds since 1970 by the server's clock; 0 if nothing says so.
  [[nodiscard]] std::int64_t written_s() const;

  /// Calls `each` for every record of a collection, as it stands when the whole queue has gone in, in the order in
  /// which the records were first added. `corrupt` for a record without a vector. `cancelled` when `stop` is requested.
  [[nodiscard]] Result<void> for_each(const ChromaCollection& collection,
                                      const std::function<Result<void>(ChromaRecord&&)>& each,
                                      const std::stop_token& stop = {});

 private:
  struct Parts;
  explicit ChromaDirectory(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
