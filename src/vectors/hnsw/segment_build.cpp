// Builds a segment: reads the base, links what is new, writes everything in one pass.

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "vectors/files/hashed_sink.h"
#include "vectors/hnsw/copy_tree.h"
#include "vectors/hnsw/kept_graph.h"
#include "vectors/hnsw/segment.h"
#include "vectors/hnsw/segment_rows.h"
#include "vectors/hnsw/sum_hash.h"
#include "vectors/records/record.h"

namespace tillite {
namespace {

constexpr std::uint64_t kElementsMaxLeast = 1024;  // room that Chroma finds before it has to grow the index
constexpr std::uint64_t kCentreSample = 1000;      // vectors whose mean stands for that of all
constexpr Node kNone = Element::kNone;
constexpr std::uint64_t kCentreGrowthMax = 2;  // of the elements that a centre was chosen for: then it is chosen anew
constexpr std::size_t kNewElementsMany = 4;    // a share of the nodes from which all of them are looked for again
constexpr std::uint64_t kElementBytes = 160;   // about what the tables here and in the graph have besides, an element
constexpr std::size_t kAddedAtOnce = 256;      // rows of a base that is read anew

/// link_lists.bin of a segment: per element the lists above level 0.
Result<std::vector<std::vector<std::vector<std::uint32_t>>>> read_upper_links(const Path& folder,
                                                                              std::uint64_t elements) {
  const auto broken = [&] { return fail(Code::corrupt, "{} is torn", (folder / kLinkListsFile).string()); };
  const std::string content = TRY(read_file(folder / kLinkListsFile));
  std::vector<std::vector<std::vector<std::uint32_t>>> all(elements);
  std::size_t position = 0;
  const auto take_u32 = [&](std::uint32_t& value) {
    if (content.size() - position < sizeof value) return false;
    std::memcpy(&value, content.data() + position, sizeof value);
    position += sizeof value;
    return true;
  };
  for (auto& levels : all) {
    std::uint32_t size = 0;
    if (!take_u32(size) || size % kUpperLevelBytes != 0 || content.size() - position < size) return broken();
    for (std::size_t level = 0; level < size / kUpperLevelBytes; ++level) {
      std::uint32_t head = 0;
      take_u32(head);
      const std::size_t count = head & 0xffff;
      if (count > kUpperLinks) return broken();
      std::vector<std::uint32_t> links(count);
      std::memcpy(links.data(), content.data() + position, count * sizeof(std::uint32_t));
      position += kUpperLevelBytes - sizeof head;
      if (std::ranges::any_of(links, [&](std::uint32_t link) { return link >= elements; })) return broken();
      levels.push_back(std::move(links));
    }
  }
  return all;
}

/// Whether an error says that a file is not what it is to be.
bool is_of_file(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported || error.code() == Code::not_found;
}

struct ElementLinks {
  std::uint32_t element = 0;
  std::vector<std::uint32_t> links;
};
constexpr std::size_t kLeafCopyLinks = 2 + kCopyJumps;  // to its node, the copy above, and at random

class Builder {
 public:
  Builder(const SegmentChange& change, const GraphSettings& settings, const std::stop_token& stop)
      : change_(change), stop_(stop), settings_(settings) {}

  Result<SegmentFacts> build(const Path& folder) {
    const bool is_in_place = change_.new_vectors.empty();
    new_rows_ = {.file = is_in_place ? folder / kLevel0File : change_.new_vectors,
                 .layout = new_rows_layout(!is_in_place, change_.dimensions)};
    removed_ = change_.removed;
    std::ranges::sort(removed_);
    if (change_.base) TRY(open_base());
    TRY(choose_code_bits(base_header_.elements, new_count()));
    if (change_.base_graph) {
      TRY(continue_base());
    } else {
      TRY(start_graph());
      if (change_.base) TRY(load_base());
    }
    if (has_too_many_deleted()) {
      forget_base();
      TRY(choose_code_bits(0, base_header_.elements + new_count()));
      TRY(start_graph());
      TRY(add_base());
    }
    const auto first_new = facts_.rebuilt ? Node{0} : static_cast<Node>(graph_->size());
    const std::size_t elements_before = elements_.size();
    TRY(add_new());
    graph_->link_all();
    // Many new copies make crowds that hide nodes of the base, too.
    const bool is_crowded = elements_.size() - elements_before >= graph_->size() / kNewElementsMany;
    TRY(make_findable(is_crowded ? Node{0} : first_new));
    facts_.repaired = graph_->repair();
    facts_.elements = elements_.size();
    TRY(write(folder));
    return facts_;
  }

 private:
  [[nodiscard]] std::uint64_t new_count() const { return change_.new_hashes.size(); }
  std::span<const float> vector_of(const float* numbers) const { return {numbers, change_.dimensions}; }

  Result<void> open_base() {
    base_header_ = TRY(read_header(*change_.base));
    if (base_header_.elements > 0 && base_header_.dimensions != change_.dimensions) {
      return fail(Code::corrupt, "the segment {} has {} dimensions, not {}", change_.base->string(),
                  base_header_.dimensions, change_.dimensions);
    }
    base_file_ = TRY(File::open_read(*change_.base / kLevel0File));
    return {};
  }

  /// The mean of a sample of the vectors.
  Result<std::vector<float>> centre() {
    std::vector<double> sum(change_.dimensions, 0.0);
    std::uint64_t count = 0;
    const auto add_sample = [&](const File& file, std::size_t row_bytes, std::size_t offset,
                                std::uint64_t rows) -> Result<void> {
      std::vector<float> vector(change_.dimensions);
      const std::uint64_t step = std::max<std::uint64_t>(rows / kCentreSample, 1);
      for (std::uint64_t row = 0; row < rows; row += step, ++count) {
        TRY(file.read_at(row * row_bytes + offset, std::as_writable_bytes(std::span(vector))));
        std::ranges::transform(vector, sum, sum.begin(), std::plus<>());
      }
      return {};
    };
    if (base_file_) TRY(add_sample(*base_file_, base_header_.row_bytes(), kVectorOffset, base_header_.elements));
    if (new_count() > 0) {
      const File file = TRY(File::open_read(new_rows_.file));
      TRY(add_sample(file, new_rows_.layout.row_bytes, new_rows_.layout.vector_offset, new_count()));
    }
    std::vector<float> mean(change_.dimensions, 0);
    if (count > 0) {
      std::ranges::transform(sum, mean.begin(),
                             [&](double number) { return static_cast<float>(number / static_cast<double>(count)); });
    }
    return mean;
  }

  /// As many bits as the memory allows for as many nodes as may come to the known ones.
  Result<void> choose_code_bits(std::uint64_t known, std::uint64_t added) {
    const std::uint64_t nodes_max = known + added;
    std::uint64_t bytes = 0;
    for (; settings_.code_bits > 0; settings_.code_bits /= 2) {
      const std::uint64_t node_bytes = Codes::bytes_of(change_.dimensions, settings_.code_bits) +
                                       GraphLinks::bytes_of_node(settings_.m) + kElementBytes;
      bytes = nodes_max * node_bytes + Graph::batch_bytes(known, added, change_.dimensions, settings_.code_bits);
      if (settings_.memory_bytes == 0 || bytes <= settings_.memory_bytes) break;
    }
    facts_.code_bits = settings_.code_bits;
    if (settings_.code_bits > 0) return {};
    return fail(Code::limit_exceeded, "a graph of {} vectors needs {} bytes of memory, but may take {}: raise --memory",
                nodes_max, bytes, settings_.memory_bytes);
  }

  /// Beyond a share of deleted elements the graph is built anew without them.
  [[nodiscard]] bool has_too_many_deleted() const {
    const auto deleted_max = settings_.dead_share_max * static_cast<double>(base_header_.elements);
    return facts_.deleted > 0 && static_cast<double>(facts_.deleted) > deleted_max;
  }

  Result<void> start_graph() {
    const std::uint64_t elements = base_header_.elements + new_count();
    graph_.emplace(TRY(centre()), elements, settings_);
    centred_for_ = elements;
    return {};
  }

  void forget_base() {
    facts_ = {.rebuilt = true};
    elements_.clear();
    kept_.clear();
    groups_.clear();
    hashes_.clear();
    element_of_.clear();
    copies_.clear();
  }

  [[nodiscard]] bool is_removed(const RowView& row) const {
    return row.is_deleted() || std::ranges::binary_search(removed_, row.label());
  }

  Result<void> for_each_row(const std::function<Result<void>(const RowView&)>& each) {
    Rows rows(*base_file_, base_header_.row_bytes(), base_header_.elements);
    for (std::uint64_t i = 0; i < base_header_.elements; ++i) {
      TRY(go_on());
      TRY(each(RowView(TRY(rows.row(i)), base_header_)));
    }
    return {};
  }

  [[nodiscard]] Result<void> go_on() const {
    if (stop_.stop_requested()) return fail(Code::cancelled, "stopped while vectors were linked");
    return {};
  }

  Result<void> for_each_base_row(const std::function<Result<void>(const RowView&)>& each) {
    std::uint64_t index = 0;
    return for_each_row([&](const RowView& row) -> Result<void> {
      const std::uint64_t place = index++;
      if (is_removed(row)) return {};
      kept_.push_back(place);
      return each(row);
    });
  }

  /// Notes a new element: of a new node, or a copy of the one that has its vector. Whether it is the first.
  bool note_new(std::uint64_t label, const Sum128& hash) {
    const auto [group, is_first] = groups_.try_emplace(hash, static_cast<Node>(element_of_.size()));
    add_element({.label = label, .node = group->second}, is_first, hash);
    return is_first;
  }

  /// Notes an element whose node is known: its representative, or the next of its copies.
  void add_element(Element element, bool is_first, const Sum128& hash) {
    const auto index = static_cast<std::uint32_t>(elements_.size());
    if (is_first) {
      element_of_.push_back(index);
      copies_.emplace_back();
      hashes_.push_back(hash);
    } else {
      element.copy = static_cast<std::uint32_t>(copies_[element.node].size());
      copies_[element.node].push_back(index);
    }
    facts_.deleted += element.deleted ? 1 : 0;
    elements_.push_back(element);
  }

  /// Goes on with the graph that was kept of the base. Of its vectors only those are known by their hash that may have
  /// new copies.
  Result<void> continue_base() {
    const KeptGraph kept = TRY(read_kept_graph(*change_.base_graph));
    TRY(check_fits(kept));
    graph_.emplace(kept.centre, base_header_.elements + new_count(), settings_);
    TRY(graph_->take_over(kept, new_count()));
    centred_for_ = kept.centred_for;
    std::unordered_set<Sum128, SumHash> wanted(change_.new_hashes.begin(), change_.new_hashes.end());
    for (Element element : kept.elements) {
      const bool is_first = element.copy == kNone;
      const Sum128& hash = kept.hashes[element.node];
      element.deleted = element.deleted || std::ranges::binary_search(removed_, element.label);
      if (is_first && wanted.contains(hash)) groups_.emplace(hash, element.node);
      add_element(element, is_first, hash);
    }
    keep_all_of_base();
    facts_.continued = true;
    return {};
  }

  Result<void> check_fits(const KeptGraph& kept) const {
    const KeptGraphKind wanted = kind();
    const auto name = change_.base_graph->string();
    if (kept.kind != wanted) {
      return fail(Code::unsupported, "{} was made with {} bits a number, m {} and seed {}, not {}, {} and {}", name,
                  kept.kind.code_bits, kept.kind.m, kept.kind.seed, wanted.code_bits, wanted.m, wanted.seed);
    }
    if (kept.centred_for * kCentreGrowthMax < base_header_.elements) {
      return fail(Code::unsupported, "the centre of {} was chosen for {} vectors, now there are {}", name,
                  kept.centred_for, base_header_.elements);
    }
    if (kept.elements.size() == base_header_.elements && kept.max_level == base_header_.max_level) return {};
    return fail(Code::corrupt, "{} has {} elements, its segment {}", name, kept.elements.size(), base_header_.elements);
  }

  [[nodiscard]] KeptGraphKind kind() const {
    return {
        .dimensions = change_.dimensions, .code_bits = settings_.code_bits, .m = settings_.m, .seed = settings_.seed};
  }

  void keep_all_of_base() {
    kept_.resize(base_header_.elements);
    std::iota(kept_.begin(), kept_.end(), std::uint64_t{0});
  }

  /// Takes over the base's elements with their links. Of copies only their ways out are: all else follows from the
  /// groups.
  Result<void> load_base() {
    auto upper = TRY(read_upper_links(*change_.base, base_header_.elements));
    std::vector<std::vector<std::uint32_t>> links0;  // of nodes, naming elements
    std::vector<ElementLinks> copies_with_ways;
    TRY(for_each_row([&](const RowView& row) -> Result<void> {
      const auto index = static_cast<std::uint32_t>(elements_.size());
      const auto vector = vector_of(row.vector());
      const Sum128 hash = vector_hash(vector);
      const auto [group, is_first] = groups_.try_emplace(hash);
      if (!elements_.empty() && row.label() <= elements_.back().label) {
        return fail(Code::corrupt, "the labels of {} do not ascend", change_.base->string());
      }
      if (is_first) {
        if (row.links() > kLinks0)
          return fail(Code::corrupt, "{} has an element with too many links", change_.base->string());
        group->second = graph_->add_linked(vector, static_cast<int>(upper[index].size()));
        links0.push_back(links_of(row));
      } else {
        graph_->add_copy(group->second);
        if (row.links() > kLeafCopyLinks) copies_with_ways.push_back({index, links_of(row)});
      }
      add_element({.label = row.label(), .node = group->second, .deleted = is_removed(row)}, is_first, hash);
      return {};
    }));
    TRY(take_over_links(links0, upper));
    TRY(take_over_ways(copies_with_ways));
    if (!elements_.empty()) graph_->take_over(elements_[base_header_.entry].node, base_header_.max_level, new_count());
    keep_all_of_base();
    return {};
  }

  Result<void> take_over_links(const std::vector<std::vector<std::uint32_t>>& links0,
                               const std::vector<std::vector<std::vector<std::uint32_t>>>& upper) {
    for (Node node = 0; node < graph_->size(); ++node) {
      std::vector<std::vector<std::uint32_t>> levels = {links0[node]};
      const auto& above = upper[element_of_[node]];
      levels.insert(levels.end(), above.begin(), above.end());
      for (std::size_t level = 0; level < levels.size(); ++level) {
        std::vector<Node> nodes;
        for (const std::uint32_t link : levels[level]) {
          if (link >= elements_.size())
            return fail(Code::corrupt, "{} links to what is not there", change_.base->string());
          if (elements_[link].copy == kNone && nodes.size() < kLinks0) nodes.push_back(elements_[link].node);
        }
        graph_->set_links(node, static_cast<int>(level), nodes);
      }
    }
    return {};
  }

  /// A copy's links are to its node, the copy above, those below, then its ways out, of which the last are at random.
  Result<void> take_over_ways(const std::vector<ElementLinks>& copies) {
    for (const auto& [index, links] : copies) {
      const Element& element = elements_[index];
      const auto below = copy_children(element.copy, static_cast<std::uint32_t>(copies_[element.node].size()));
      const std::size_t first = 1 + (element.copy > 0 ? 1 : 0) + below.end - below.first;
      for (std::size_t i = first; i + kCopyJumps < links.size(); ++i) {
        if (links[i] >= elements_.size())
          return fail(Code::corrupt, "{} links to what is not there", change_.base->string());
        graph_->add_way(element.node, element.copy, elements_[links[i]].node);
      }
    }
    return {};
  }

  static std::vector<std::uint32_t> links_of(const RowView& row) {
    std::vector<std::uint32_t> links(std::min(row.links(), kLinks0));
    for (std::size_t i = 0; i < links.size(); ++i) links[i] = row.link(i);
    return links;
  }

  /// A new vector, in the order of labels.
  [[nodiscard]] Result<void> read_new(const File& file, std::uint64_t index, std::span<float> vector) const {
    return file.read_at(index * new_rows_.layout.row_bytes + new_rows_.layout.vector_offset,
                        std::as_writable_bytes(vector));
  }

  /// Adds nodes of elements that were noted from `first` on, with their copies. `read`: of the nodes.
  Result<void> add_nodes(std::size_t first, const Graph::ReadVector& read) {
    TRY(graph_->add(element_of_.size() - graph_->size(), [&](Node node, std::span<float> vector) -> Result<void> {
      TRY(go_on());
      return read(node, vector);
    }));
    for (const Element& element : std::span(elements_).subspan(first)) {
      if (element.copy != kNone) graph_->add_copy(element.node);
    }
    return {};
  }

  Result<void> add_new() {
    check(elements_.empty() || elements_.back().label < change_.first_new_label, "labels ascend");
    if (new_count() == 0) return {};
    const File file = TRY(File::open_read(new_rows_.file));
    const std::size_t first = elements_.size();
    for (std::uint64_t i = 0; i < new_count(); ++i) note_new(change_.first_new_label + i, change_.new_hashes[i]);
    groups_ = {};  // all are known, and the graph takes the memory
    return add_nodes(first, [&](Node node, std::span<float> vector) {
      return read_new(file, elements_[element_of_[node]].label - change_.first_new_label, vector);
    });
  }

  /// Adds what is left of the base to a graph that begins anew, some rows at a time.
  Result<void> add_base() {
    std::vector<float> vectors;  // of the nodes that wait
    std::size_t first = 0;
    const auto add_waiting = [&]() -> Result<void> {
      const auto first_node = static_cast<Node>(graph_->size());
      TRY(add_nodes(first, [&](Node node, std::span<float> vector) -> Result<void> {
        std::ranges::copy(std::span(vectors).subspan((node - first_node) * vector.size(), vector.size()),
                          vector.begin());
        return {};
      }));
      first = elements_.size();
      vectors.clear();
      return {};
    };
    TRY(for_each_base_row([&](const RowView& row) -> Result<void> {
      const auto vector = vector_of(row.vector());
      if (note_new(row.label(), vector_hash(vector))) vectors.insert(vectors.end(), vector.begin(), vector.end());
      return vectors.size() < kAddedAtOnce * change_.dimensions ? Result<void>() : add_waiting();
    }));
    return add_waiting();
  }

  Result<void> make_findable(Node first_new) {
    std::optional<File> added;
    if (new_count() > 0) added = TRY(File::open_read(new_rows_.file));
    facts_.hard_to_find = TRY(graph_->make_findable(first_new, [&](Node node, std::span<float> vector) -> Result<void> {
      const std::size_t element = element_of_[node];
      if (element >= kept_.size()) return read_new(*added, element - kept_.size(), vector);
      return base_file_->read_at(kept_[element] * base_header_.row_bytes() + kVectorOffset,
                                 std::as_writable_bytes(vector));
    }));
    return {};
  }

  /// An element's links on level 0, naming elements.
  [[nodiscard]] std::vector<std::uint32_t> links0_of(const Element& element) const {
    const auto& copies = copies_[element.node];
    std::vector<std::uint32_t> links;
    if (element.copy == kNone) {
      for (const Node link : graph_->links().of(element.node, 0)) links.push_back(element_of_[link]);
      if (!copies.empty()) links.push_back(copies.front());
      return links;
    }
    links.push_back(element_of_[element.node]);
    if (element.copy > 0) links.push_back(copies[copy_parent(element.copy)]);
    const auto children = copy_children(element.copy, static_cast<std::uint32_t>(copies.size()));
    links.insert(links.end(), copies.begin() + children.first, copies.begin() + children.end);
    for (const Node node : graph_->ways_out(element.node, element.copy)) links.push_back(element_of_[node]);
    return links;
  }

  Result<void> write(const Path& folder) {
    SegmentHeader header{.elements = elements_.size(),
                         .elements_max = std::max<std::uint64_t>(elements_.size(), kElementsMaxLeast),
                         .dimensions = change_.dimensions,
                         .ef_construction = settings_.ef_construction};
    if (!elements_.empty()) {
      header.max_level = graph_->max_level();
      header.entry = element_of_[graph_->entry()];
    }
    // The rows and the kept graph are nearly all; neither waits for the other.
    Result<std::string> rows;
    Result<std::string> kept;
    {
      std::optional<std::jthread> other;
      if (change_.kept_graph) other.emplace([&] { kept = write_graph(*change_.kept_graph); });
      rows = write_rows(folder / kLevel0File, header);
    }
    TRY(note(folder / kLevel0File, std::move(rows)));
    if (change_.kept_graph) TRY(note(*change_.kept_graph, std::move(kept)));
    TRY(note(folder / kHeaderFile, write_header(folder / kHeaderFile, header)));
    TRY(note(folder / kLinkListsFile, write_upper(folder / kLinkListsFile)));
    return note(folder / kLengthFile, write_lengths(folder / kLengthFile));
  }

  [[nodiscard]] Result<std::string> write_graph(const Path& file) const {
    return write_kept_graph(file, *graph_, kind(), centred_for_, elements_, hashes_);
  }

  Result<void> note(const Path& path, Result<std::string> checksum) {
    auto sum = TRY(std::move(checksum));
    facts_.files.push_back({path, std::move(sum)});
    return {};
  }

  static Result<std::string> write_header(const Path& file, const SegmentHeader& header) {
    HashedSink sink(TRY(File::create(file)));
    TRY(sink.write(as_bytes(header_text(header))));
    return sink.finish();
  }

  Result<std::string> write_rows(const Path& file, const SegmentHeader& header) {
    Level0Content content{
        .base_rows = kept_,
        .new_vectors = change_.new_vectors,
        .new_vectors_count = new_count(),
        .complete = [&](std::uint64_t element, std::span<std::byte> row) { return complete_row(element, row, header); },
        .threads = thread_count(settings_)};
    if (base_file_) {
      content.base = &*base_file_;
      content.base_elements = base_header_.elements;
      content.base_checksum = change_.base_checksum;
    }
    return write_level0(file, header, content);
  }

  Result<void> complete_row(std::uint64_t index, std::span<std::byte> row, const SegmentHeader& header) const {
    const Element& element = elements_[index];
    const RowView stored(row.data(), header);
    const bool is_other = stored.label() != element.label || (stored.is_deleted() && !element.deleted);
    if (index < kept_.size() && is_other) {
      return fail(Code::corrupt, "row {} of {} is not what the kept graph says", kept_[index], change_.base->string());
    }
    const auto links = links0_of(element);
    check(links.size() <= kLinks0, "an element has at most 32 links on level 0");
    std::ranges::fill(row.first(kVectorOffset), std::byte{0});
    const auto count = static_cast<std::uint16_t>(links.size());
    std::memcpy(row.data(), &count, sizeof count);
    row[2] = std::byte{element.deleted ? kDeletedFlag : std::uint8_t{0}};
    std::memcpy(row.data() + 4, links.data(), links.size() * sizeof(std::uint32_t));
    std::memcpy(row.data() + header.label_offset(), &element.label, sizeof element.label);
    return {};
  }

  Result<std::string> write_upper(const Path& file) {
    HashedSink sink(TRY(File::create(file)));
    for (const Element& element : elements_) {
      const int levels = element.copy == kNone ? graph_->links().level(element.node) : 0;
      const auto size = static_cast<std::uint32_t>(static_cast<std::size_t>(levels) * kUpperLevelBytes);
      TRY(sink.write(std::as_bytes(std::span(&size, 1))));
      for (int level = 1; level <= levels; ++level) {
        std::array<std::uint32_t, 1 + kUpperLinks> list{};
        const auto neighbours = graph_->links().of(element.node, level);
        check(neighbours.size() <= kUpperLinks, "a node has at most 16 links on an upper level");
        list[0] = static_cast<std::uint32_t>(neighbours.size());
        std::ranges::transform(neighbours, list.begin() + 1, [&](Node neighbour) { return element_of_[neighbour]; });
        TRY(sink.write(std::as_bytes(std::span(list))));
      }
    }
    return sink.finish();
  }

  /// Vectors come in with unit length: so is their original norm.
  Result<std::string> write_lengths(const Path& file) {
    HashedSink sink(TRY(File::create(file)));
    const std::vector<float> ones(elements_.size(), 1.0F);
    TRY(sink.write(std::as_bytes(std::span(ones))));
    return sink.finish();
  }

  /// Where the new vectors lie.
  struct NewRows {
    Path file;
    RowLayout layout;
  };

  const SegmentChange& change_;
  const std::stop_token& stop_;
  NewRows new_rows_;
  GraphSettings settings_;
  std::optional<Graph> graph_;
  SegmentHeader base_header_;
  std::optional<File> base_file_;
  std::vector<std::uint64_t> removed_;                ///< sorted
  std::vector<Element> elements_;                     ///< as they are written
  std::vector<std::uint64_t> kept_;                   ///< the base's row of the first elements
  std::unordered_map<Sum128, Node, SumHash> groups_;  ///< by the hash of the vector
  std::vector<Sum128> hashes_;                        ///< of the vectors, by node
  std::uint64_t centred_for_ = 0;                     ///< how many elements there were when the centre was chosen
  std::vector<std::uint32_t> element_of_;             ///< by node
  std::vector<std::vector<std::uint32_t>> copies_;    ///< by node: the elements with the same vector
  SegmentFacts facts_;
};

}  // namespace

Result<SegmentFacts> write_segment(const SegmentChange& change, const GraphSettings& settings, const Path& folder,
                                   const std::stop_token& stop) {
  check(settings.m == kUpperLinks, "the layout is that of M 16");
  check(!change.new_vectors.empty() || !change.base, "new vectors lie apart from those of a base");
  auto facts = Builder(change, settings, stop).build(folder);
  if (facts || !change.base_graph || !is_of_file(facts.error())) return facts;
  // The segment is what counts. If it is what cannot be read, the second attempt says so.
  SegmentChange without = change;
  without.base_graph.reset();
  auto read = TRY(Builder(without, settings, stop).build(folder));
  read.not_continued = facts.error().message();
  return read;
}

}  // namespace tillite
