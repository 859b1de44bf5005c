#include "vectors/hnsw/kept_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "vectors/files/hashed_sink.h"

namespace tillite {
namespace {

// docs/formats/kept-graph.md. Little endian, as the machines are that this is built for.
constexpr std::string_view kMagic = "tillite-graph/1\n";
constexpr std::size_t kTableAlignment = 64;
constexpr std::size_t kPageBytes = 4096;
constexpr std::uint64_t kDimensionsMax = 8192;
constexpr std::uint64_t kNodesMax = (std::uint64_t{1} << 31) - 1;
constexpr std::uint64_t kLinksMax = 64;
constexpr std::uint64_t kLevelMax = 255;
constexpr float kCentreMax = 1e6F;
constexpr std::uint32_t kDeletedBit = std::uint32_t{1} << 31;

/// The numbers behind the magic, in this order.
struct Header {
  std::uint64_t codes_version = kCodesVersion;
  std::uint64_t dimensions = 0;
  std::uint64_t code_bits = 0;
  std::uint64_t m = 0;
  std::uint64_t seed = 0;
  std::uint64_t centred_for = 0;
  std::uint64_t elements = 0;
  std::uint64_t nodes = 0;
  std::uint64_t upper_lists = 0;
  std::uint64_t ways = 0;
  std::uint64_t entry = 0;
  std::uint64_t levels = 0;  ///< of the entry; 0: there are no nodes
};

/// An element as the file has it.
struct StoredElement {
  std::uint64_t label = 0;
  std::uint32_t node = 0;  ///< with kDeletedBit
  std::uint32_t copy = 0;
};

/// Where everything lies: in the order of the file.
struct Layout {
  explicit Layout(const Header& header) {
    const auto code_bytes = Codes::part_bytes(header.dimensions, header.code_bits);
    place(centre, header.dimensions * sizeof(float), kTableAlignment);
    place(elements, header.elements * sizeof(StoredElement), kTableAlignment);
    place(hashes, header.nodes * sizeof(Sum128), kTableAlignment);
    place(nodes, header.nodes * sizeof(KeptGraph::NodeLists), kTableAlignment);
    place(upper_lists, header.upper_lists * sizeof(KeptGraph::UpperList), kTableAlignment);
    place(upper_links, header.upper_lists * GraphLinks::room_of(header.m) * sizeof(Node), kTableAlignment);
    place(ways, header.ways * sizeof(KeptGraph::Way), kTableAlignment);
    place(links, header.nodes * GraphLinks::room_of(2 * header.m) * sizeof(Node), kPageBytes);
    place(codes.signs, header.nodes * code_bytes[0], kPageBytes);
    place(codes.rest, header.nodes * code_bytes[1], kPageBytes);
    place(codes.rough_facts, header.nodes * code_bytes[2], kPageBytes);
    place(codes.facts, header.nodes * code_bytes[3], kPageBytes);
  }

  std::uint64_t centre = 0;
  std::uint64_t elements = 0;
  std::uint64_t hashes = 0;
  std::uint64_t nodes = 0;
  std::uint64_t upper_lists = 0;
  std::uint64_t upper_links = 0;
  std::uint64_t ways = 0;
  std::uint64_t links = 0;
  CodePlaces codes;
  std::uint64_t end = kMagic.size() + sizeof(Header);

 private:
  void place(std::uint64_t& offset, std::uint64_t bytes, std::uint64_t alignment) {
    offset = (end + alignment - 1) / alignment * alignment;
    end = offset + bytes;
  }
};

std::unexpected<Error> broken(const File& file, std::string_view what) {
  return fail(Code::corrupt, "the kept graph {} is damaged: {}", file.path().string(), what);
}

Result<Header> read_header(const File& file) {
  const std::uint64_t size = TRY(file.size());
  std::array<std::byte, kMagic.size()> magic{};
  Header header;
  if (size < magic.size() + sizeof header) return broken(file, "it is too short");
  TRY(file.read_at(0, magic));
  if (as_text(magic) != kMagic) {
    return fail(Code::unsupported, "{} is not a kept graph of version 1", file.path().string());
  }
  TRY(file.read_at(magic.size(), std::as_writable_bytes(std::span(&header, 1))));
  if (header.codes_version != kCodesVersion) {
    return fail(Code::unsupported, "{} has codes of version {}, not {}", file.path().string(), header.codes_version,
                kCodesVersion);
  }
  const bool is_sane =
      header.dimensions >= 1 && header.dimensions <= kDimensionsMax &&
      (header.code_bits == 1 || header.code_bits == 2 || header.code_bits == 4 || header.code_bits == 8) &&
      header.m >= 2 && header.m <= kLinksMax && header.elements <= kNodesMax && header.nodes <= header.elements &&
      header.upper_lists <= header.nodes * kLevelMax && header.ways <= header.elements * kCopyWaysMax &&
      header.levels <= kLevelMax + 1 && (header.levels == 0) == (header.nodes == 0) &&
      (header.nodes == 0 ? header.entry == 0 && header.elements == 0 : header.entry < header.nodes);
  if (!is_sane) return broken(file, "its numbers do not fit together");
  if (size != Layout(header).end) return broken(file, "its size does not fit its numbers");
  return header;
}

template <typename T>
Result<std::vector<T>> read_table(const File& file, std::uint64_t offset, std::uint64_t count) {
  std::vector<T> table(count);
  TRY(file.read_at(offset, std::as_writable_bytes(std::span(table))));
  return table;
}

/// Elements ascend by label; nodes and their copies are numbered in the order in which they come.
Result<std::vector<Element>> read_elements(const File& file, std::uint64_t offset, const Header& header,
                                           std::vector<std::uint32_t>& copies) {
  const auto stored = TRY(read_table<StoredElement>(file, offset, header.elements));
  std::vector<Element> elements;
  elements.reserve(stored.size());
  for (const auto& [label, node_and_flag, copy] : stored) {
    const Element element{.label = label,
                          .node = node_and_flag & ~kDeletedBit,
                          .copy = copy,
                          .deleted = (node_and_flag & kDeletedBit) != 0};
    if (!elements.empty() && label <= elements.back().label) return broken(file, "its labels do not ascend");
    if (copy == Element::kNone) {
      if (element.node != copies.size()) return broken(file, "its nodes are not numbered one by one");
      copies.push_back(0);
    } else if (element.node >= copies.size() || copy != copies[element.node]++) {
      return broken(file, "it has copies of what is not there");
    }
    elements.push_back(element);
  }
  if (copies.size() != header.nodes) return broken(file, "it has nodes without an element");
  return elements;
}

/// Levels, and the lists above level 0: their links lead to nodes that have the level.
Result<void> check_lists(const KeptGraph& kept, const Header& header) {
  std::size_t list = 0;
  for (const auto& [level, links, diverse] : kept.nodes) {
    if (links > 2 * header.m || diverse > links) return broken(kept.file, "a node has too many links");
    if (level > kept.max_level || list + level > kept.upper_lists.size())
      return broken(kept.file, "a node is too high");
    for (std::size_t at = 1; at <= level; ++at, ++list) {
      const auto& counts = kept.upper_lists[list];
      if (counts.links > header.m || counts.diverse > counts.links) return broken(kept.file, "a list is too long");
      for (std::size_t i = 0; i < counts.links; ++i) {
        const Node link = kept.upper_links[list * GraphLinks::room_of(header.m) + i];
        if (link >= header.nodes || kept.nodes[link].level < at) {
          return broken(kept.file, "a link leads nowhere");
        }
      }
    }
  }
  if (list != kept.upper_lists.size()) return broken(kept.file, "it has lists of no node");
  if (header.nodes > 0 && kept.nodes[kept.entry].level != kept.max_level)
    return broken(kept.file, "its entry is too low");
  return {};
}

Result<void> check_ways(const KeptGraph& kept, const std::vector<std::uint32_t>& copies) {
  const auto copy_of = [](const KeptGraph::Way& way) { return std::pair(way.node, way.copy); };
  if (!std::ranges::is_sorted(kept.ways, {}, copy_of))
    return broken(kept.file, "its ways out of copies are not sorted");
  for (const auto& [node, copy, to] : kept.ways) {
    if (node >= copies.size() || copy >= copies[node] || to >= copies.size()) {
      return broken(kept.file, "a way out of a copy leads nowhere");
    }
  }
  return {};
}

/// A sink with everything where the layout has it.
class PlacedSink {
 public:
  explicit PlacedSink(File file) : sink_(std::move(file)) {}

  Result<void> put(std::uint64_t offset, std::span<const std::byte> bytes) {
    constexpr std::array<std::byte, kPageBytes> kZeros{};
    check(offset >= sink_.position() && offset - sink_.position() < kZeros.size(), "parts follow each other");
    TRY(sink_.write(std::span(kZeros).first(offset - sink_.position())));
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kPieceBytes))) {
      TRY(sink_.write(bytes.first(std::min(bytes.size(), kPieceBytes))));
    }
    return {};
  }
  template <typename T>
  Result<void> put_table(std::uint64_t offset, const T& table) {
    return put(offset, std::as_bytes(std::span(table)));
  }
  Result<std::string> finish() { return sink_.finish(); }

 private:
  static constexpr std::size_t kPieceBytes = std::size_t{1} << 18;  // what is hashed is still in the cache when written
  HashedSink sink_;
};

}  // namespace

Result<KeptGraph> read_kept_graph(const Path& path) {
  auto file = TRY(File::open_read(path));
  const Header header = TRY(read_header(file));
  const Layout layout(header);
  KeptGraph kept{
      .kind = {.dimensions = header.dimensions, .code_bits = header.code_bits, .m = header.m, .seed = header.seed},
      .centred_for = header.centred_for,
      .entry = static_cast<Node>(header.entry),
      .max_level = static_cast<int>(header.levels) - 1,
      .file = std::move(file),
      .links_offset = layout.links,
      .codes = layout.codes};
  kept.centre = TRY(read_table<float>(kept.file, layout.centre, header.dimensions));
  kept.hashes = TRY(read_table<Sum128>(kept.file, layout.hashes, header.nodes));
  kept.nodes = TRY(read_table<KeptGraph::NodeLists>(kept.file, layout.nodes, header.nodes));
  kept.upper_lists = TRY(read_table<KeptGraph::UpperList>(kept.file, layout.upper_lists, header.upper_lists));
  const std::size_t upper_links = header.upper_lists * GraphLinks::room_of(header.m);
  kept.upper_links = TRY(read_table<Node>(kept.file, layout.upper_links, upper_links));
  kept.ways = TRY(read_table<KeptGraph::Way>(kept.file, layout.ways, header.ways));
  const auto is_sane = [](float number) { return std::abs(number) <= kCentreMax; };
  if (!std::ranges::all_of(kept.centre, is_sane)) return broken(kept.file, "its centre is none");
  std::vector<std::uint32_t> copies;
  kept.elements = TRY(read_elements(kept.file, layout.elements, header, copies));
  TRY(check_lists(kept, header));
  TRY(check_ways(kept, copies));
  return kept;
}

Result<std::string> write_kept_graph(const Path& path, const Graph& graph, const KeptGraphKind& kind,
                                     std::uint64_t centred_for, std::span<const Element> elements,
                                     std::span<const Sum128> hashes) {
  const GraphLinks& links = graph.links();
  std::vector<KeptGraph::NodeLists> nodes;
  nodes.reserve(graph.size());
  for (Node node = 0; node < graph.size(); ++node) {
    nodes.push_back({.level = static_cast<std::uint8_t>(links.level(node)),
                     .links = static_cast<std::uint8_t>(links.of(node, 0).size()),
                     .diverse = static_cast<std::uint8_t>(links.diverse(node, 0))});
  }
  std::vector<StoredElement> stored;
  stored.reserve(elements.size());
  for (const Element& element : elements) {
    stored.push_back({element.label, element.node | (element.deleted ? kDeletedBit : 0), element.copy});
  }
  std::vector<KeptGraph::Way> ways;
  graph.for_each_way([&](Node node, std::uint32_t copy, Node to) { ways.push_back({node, copy, to}); });
  const Header header{.dimensions = kind.dimensions,
                      .code_bits = kind.code_bits,
                      .m = kind.m,
                      .seed = kind.seed,
                      .centred_for = centred_for,
                      .elements = elements.size(),
                      .nodes = graph.size(),
                      .upper_lists = links.upper_counts().size(),
                      .ways = ways.size(),
                      .entry = graph.entry(),
                      .levels = static_cast<std::uint64_t>(graph.max_level() + 1)};
  check(hashes.size() == graph.size(), "each node has the hash of its vector");

  const Layout layout(header);
  PlacedSink sink(TRY(File::create(path)));
  TRY(sink.put(0, as_bytes(kMagic)));
  TRY(sink.put(kMagic.size(), std::as_bytes(std::span(&header, 1))));
  TRY(sink.put_table(layout.centre, graph.codes().centre()));
  TRY(sink.put_table(layout.elements, stored));
  TRY(sink.put_table(layout.hashes, hashes));
  TRY(sink.put_table(layout.nodes, nodes));
  TRY(sink.put_table(layout.upper_lists, links.upper_counts()));
  TRY(sink.put_table(layout.upper_links, links.upper_lists()));
  TRY(sink.put_table(layout.ways, ways));
  TRY(sink.put_table(layout.links, links.lists0()));
  const auto [signs, rest, rough_facts, facts] = graph.codes().parts();
  TRY(sink.put(layout.codes.signs, signs));
  TRY(sink.put(layout.codes.rest, rest));
  TRY(sink.put(layout.codes.rough_facts, rough_facts));
  TRY(sink.put(layout.codes.facts, facts));
  return sink.finish();
}

Result<void> Graph::take_over(const KeptGraph& kept, std::size_t new_max) {
  check(size() == 0, "a kept graph is taken over before anything is added");
  copies_.assign(kept.nodes.size(), 0);
  std::vector<GraphLinks::Counts> counts;
  counts.reserve(kept.nodes.size());
  for (const auto& [level, links, diverse] : kept.nodes) {
    links_.add(level);
    counts.push_back({links, diverse});
  }
  TRY(links_.take_over(kept.file, kept.links_offset, counts));
  std::size_t list = 0;
  for (Node node = 0; node < size(); ++node) {
    for (int level = 1; level <= links_.level(node); ++level, ++list) {
      const auto links = std::span(kept.upper_links).subspan(list * links_.room(1), kept.upper_lists[list].links);
      links_.set(node, level, links, kept.upper_lists[list].diverse);
    }
  }
  TRY(codes_.take_over(kept.file, kept.codes, kept.nodes.size()));
  for (const Element& element : kept.elements) {
    if (element.copy != Element::kNone) add_copy(element.node);
  }
  for (const auto& [node, copy, to] : kept.ways) add_way(node, copy, to);
  if (size() > 0) take_over_known(kept.entry, kept.max_level, new_max);
  return {};
}

void Graph::for_each_way(const std::function<void(Node node, std::uint32_t copy, Node to)>& each) const {
  for (const auto& [copy, ways] : copy_ways_) {
    for (const Node to : ways) each(copy.node, copy.number, to);
  }
}

}  // namespace tillite
