#pragma once

#include "vectors/chroma/chroma_directory.h"

namespace tillite {

/// Something that is not as it must be.
struct Finding {
  std::string file;  ///< relative to the directory
  std::string what;
};

struct ChromaCheck {
  struct Collection {
    std::string name;
    std::string space;
    std::size_t dimensions = 0;
    std::uint64_t records = 0;
    std::uint64_t elements = 0;  ///< of the saved segment, deleted ones included
    std::uint64_t deleted = 0;   ///< of these
    std::uint64_t queued = 0;    ///< records whose vector is in the queue only
  };
  std::vector<Collection> collections;
  std::vector<Finding> findings;
};

/// Checks a Chroma directory: SQLite's own structure, one row of the full text for each document, the sequence numbers;
/// and for each collection that the segment's files are whole and fit together, that every record has a vector and
/// every vector a record, unit length in cosine space, and that every live element is reachable on level 0. An export
/// of several shards is checked shard by shard. A finding is no error: errors are those of reading. `not_found` if it
/// is no Chroma directory.
[[nodiscard]] Result<ChromaCheck> check_chroma_directory(const Path& folder, const Path& scratch,
                                                         const std::stop_token& stop);

/// Adds what a check says of one of several shards, with its name before the names of collections and files.
void append_shard(ChromaCheck& all, ChromaCheck shard, const std::string& name);

}  // namespace tillite
