#pragma once

#include <string>

#include "base/hash.h"
#include "vectors/hnsw/graph.h"

namespace tillite {

/// An element of a segment: a node of the graph, or a copy of one.
struct Element {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint64_t label = 0;
  Node node = kNone;           ///< in the graph, or its representative's
  std::uint32_t copy = kNone;  ///< which copy of its representative it is, from 0; kNone: it is the representative
  bool deleted = false;
};

/// What a graph was made with; it can be gone on with by a build that wants the same.
struct KeptGraphKind {
  std::size_t dimensions = 0;
  std::size_t code_bits = 0;
  std::size_t m = 0;
  std::uint64_t seed = 0;
  bool operator==(const KeptGraphKind&) const = default;
};

/// A graph as a file keeps it beside its segment (docs/formats/kept-graph.md), so that the next build need not read and
/// encode all vectors: the tables whole, links and codes where they lie in the file.
struct KeptGraph {
  KeptGraphKind kind;
  std::uint64_t centred_for = 0;  ///< how many elements there were when the centre was chosen
  std::vector<float> centre;
  std::vector<Element> elements;
  std::vector<Sum128> hashes;  ///< of the vectors, by node
  Node entry = 0;
  int max_level = -1;

  struct NodeLists {
    std::uint8_t level = 0;
    std::uint8_t links = 0;    ///< on level 0
    std::uint8_t diverse = 0;  ///< of these
  };
  struct UpperList {
    std::uint8_t links = 0;
    std::uint8_t diverse = 0;
  };
  struct Way {
    Node node = 0;
    std::uint32_t copy = 0;
    Node to = 0;
  };
  std::vector<NodeLists> nodes;
  std::vector<UpperList> upper_lists;  ///< node by node, from level 1 up
  std::vector<Node> upper_links;       ///< GraphLinks::room_of(m) places for each upper list
  std::vector<Way> ways;               ///< out of copies

  File file;
  std::uint64_t links_offset = 0;  ///< of the links on level 0
  CodePlaces codes;
};

/// Reads a kept graph, all but the links on level 0 and the codes. Everything in it fits together when this returns.
/// `not_found`, `corrupt`, and `unsupported` for another version; errors name the file.
[[nodiscard]] Result<KeptGraph> read_kept_graph(const Path& path);

/// Writes a graph with its elements (which follow each other as in the segment) and the hashes of its vectors; the
/// answer is the file's checksum.
[[nodiscard]] Result<std::string> write_kept_graph(const Path& path, const Graph& graph, const KeptGraphKind& kind,
                                                   std::uint64_t centred_for, std::span<const Element> elements,
                                                   std::span<const Sum128> hashes);

}  // namespace tillite
