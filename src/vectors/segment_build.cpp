// Builds a segment: reads the base, links what is new, writes everything in one pass.
#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "vectors/copy_tree.h"
#include "vectors/graph.h"
#include "vectors/mixed_bits.h"
#include "vectors/record.h"
#include "vectors/segment.h"
#include "vectors/segment_files.h"

namespace tillite {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::uint64_t kElementsMaxLeast = 1024;  // room that Chroma finds before it has to grow the index
constexpr std::uint64_t kCentreSample = 1000;      // vectors whose mean stands for that of all
constexpr Node kNone = 0xffffffff;
constexpr std::uint64_t kElementBytes = 144;  // about what the tables here and in the graph have besides, an element

struct SumHash {
  std::size_t operator()(const Sum128& sum) const noexcept { return sum.low; }
};

/// An element of the segment that is written: a node of the graph, or a copy of one.
struct Element {
  std::uint64_t label = 0;
  Node node = kNone;           ///< in the graph, or its representative's
  std::uint32_t copy = kNone;  ///< which copy of its representative it is, from 0; kNone: it is the representative
  bool deleted = false;
};

/// Equal rows one after the other, from a file of fixed rows, in bounded memory.
class Rows {
 public:
  Rows(const File& file, std::size_t row_bytes, std::uint64_t count)
      : file_(file),
        row_bytes_(row_bytes),
        count_(count),
        buffer_(std::max(kReadBytes / row_bytes, std::size_t{1}) * row_bytes) {}

  Result<const std::byte*> row(std::uint64_t index) {
    const std::uint64_t per_read = buffer_.size() / row_bytes_;
    const std::uint64_t first = index / per_read * per_read;
    if (first != first_) {
      const std::uint64_t rows = std::min(per_read, count_ - first);
      TRY(file_.read_at(first * row_bytes_, std::span(buffer_).first(rows * row_bytes_)));
      first_ = first;
    }
    return buffer_.data() + (index - first) * row_bytes_;
  }

 private:
  const File& file_;
  std::size_t row_bytes_;
  std::uint64_t count_;
  std::vector<std::byte> buffer_;
  std::uint64_t first_ = UINT64_MAX;
};

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

struct ElementLinks {
  std::uint32_t element = 0;
  std::vector<std::uint32_t> links;
};
constexpr std::size_t kLeafCopyLinks = 2 + kCopyJumps;  // to its node, the copy above, and at random

class Builder {
 public:
  Builder(const SegmentChange& change, const GraphSettings& settings) : change_(change), settings_(settings) {}

  Result<SegmentFacts> build(const Path& folder) {
    removed_ = change_.removed;
    std::ranges::sort(removed_);
    if (change_.base) TRY(open_base());
    TRY(choose_code_bits());
    const auto middle = TRY(centre());
    graph_.emplace(middle, base_header_.elements + change_.new_vectors_count, settings_);
    if (change_.base) TRY(load_base());
    if (has_too_many_deleted()) {
      forget_base(middle);
      TRY(for_each_base_row([&](const RowView& row) { add(row.label(), vector_of(row.vector())); }));
    }
    const auto first_new = facts_.rebuilt ? Node{0} : static_cast<Node>(graph_->size());
    TRY(add_new());
    graph_->link_all();
    TRY(make_findable(first_new));
    facts_.repaired = graph_->repair();
    facts_.elements = elements_.size();
    TRY(write(folder));
    return facts_;
  }

 private:
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
    if (change_.new_vectors_count > 0) {
      const File file = TRY(File::open_read(change_.new_vectors));
      TRY(add_sample(file, change_.dimensions * sizeof(float), 0, change_.new_vectors_count));
    }
    std::vector<float> mean(change_.dimensions, 0);
    if (count > 0) {
      std::ranges::transform(sum, mean.begin(),
                             [&](double number) { return static_cast<float>(number / static_cast<double>(count)); });
    }
    return mean;
  }

  /// As many bits as the memory allows for as many nodes as may come.
  Result<void> choose_code_bits() {
    const std::uint64_t nodes_max = base_header_.elements + change_.new_vectors_count;
    std::uint64_t bytes = 0;
    for (; settings_.code_bits > 0; settings_.code_bits /= 2) {
      const std::uint64_t node_bytes = Codes::bytes_of(change_.dimensions, settings_.code_bits) +
                                       GraphLinks::bytes_of_node(settings_.m) + kElementBytes;
      bytes = nodes_max * node_bytes;
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

  void forget_base(const std::vector<float>& middle) {
    facts_ = {.code_bits = settings_.code_bits, .rebuilt = true};
    elements_.clear();
    kept_.clear();
    groups_.clear();
    element_of_.clear();
    copies_.clear();
    graph_.emplace(middle, base_header_.elements + change_.new_vectors_count, settings_);
  }

  [[nodiscard]] bool is_removed(const RowView& row) const {
    return row.is_deleted() || std::ranges::binary_search(removed_, row.label());
  }

  Result<void> for_each_row(const std::function<Result<void>(const RowView&)>& each) {
    Rows rows(*base_file_, base_header_.row_bytes(), base_header_.elements);
    for (std::uint64_t i = 0; i < base_header_.elements; ++i) TRY(each(RowView(TRY(rows.row(i)), base_header_)));
    return {};
  }

  Result<void> for_each_base_row(const std::function<void(const RowView&)>& each) {
    std::uint64_t index = 0;
    return for_each_row([&](const RowView& row) -> Result<void> {
      if (!is_removed(row)) {
        kept_.push_back(index);
        each(row);
      }
      ++index;
      return {};
    });
  }

  /// Adds an element: a new node, or a copy of the one that has its vector.
  void add(std::uint64_t label, std::span<const float> vector) {
    const auto [group, is_first] = groups_.try_emplace(vector_hash(vector));
    Element element{.label = label};
    if (is_first) {
      group->second.node = graph_->add(vector);
      group->second.first = static_cast<std::uint32_t>(elements_.size());
      element_of_.push_back(group->second.first);
      copies_.emplace_back();
    } else {
      element.copy = static_cast<std::uint32_t>(copies_[group->second.node].size());
      copies_[group->second.node].push_back(static_cast<std::uint32_t>(elements_.size()));
      graph_->add_copy(element.node = group->second.node);
    }
    element.node = group->second.node;
    elements_.push_back(element);
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
      const auto [group, is_first] = groups_.try_emplace(vector_hash(vector));
      Element element{.label = row.label(), .deleted = is_removed(row)};
      if (!elements_.empty() && element.label <= elements_.back().label) {
        return fail(Code::corrupt, "the labels of {} do not ascend", change_.base->string());
      }
      if (is_first) {
        if (row.links() > kLinks0)
          return fail(Code::corrupt, "{} has an element with too many links", change_.base->string());
        group->second = {graph_->add_linked(vector, static_cast<int>(upper[index].size())), index};
        element_of_.push_back(index);
        copies_.emplace_back();
        links0.push_back(links_of(row));
      } else {
        element.copy = static_cast<std::uint32_t>(copies_[group->second.node].size());
        copies_[group->second.node].push_back(index);
        graph_->add_copy(group->second.node);
        if (row.links() > kLeafCopyLinks) copies_with_ways.push_back({index, links_of(row)});
      }
      element.node = group->second.node;
      facts_.deleted += element.deleted ? 1 : 0;
      elements_.push_back(element);
      return {};
    }));
    TRY(take_over_links(links0, upper));
    TRY(take_over_ways(copies_with_ways));
    if (!elements_.empty()) graph_->take_over(elements_[base_header_.entry].node, base_header_.max_level);
    for (std::uint64_t i = 0; i < base_header_.elements; ++i) kept_.push_back(i);
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

  Result<void> add_new() {
    if (change_.new_vectors_count == 0) return {};
    const File file = TRY(File::open_read(change_.new_vectors));
    const std::size_t row_bytes = change_.dimensions * sizeof(float);
    check(elements_.empty() || elements_.back().label < change_.first_new_label, "labels ascend");
    Rows rows(file, row_bytes, change_.new_vectors_count);
    for (std::uint64_t i = 0; i < change_.new_vectors_count; ++i) {
      add(change_.first_new_label + i, vector_of(reinterpret_cast<const float*>(TRY(rows.row(i)))));
    }
    return {};
  }

  Result<void> make_findable(Node first_new) {
    std::optional<File> added;
    if (change_.new_vectors_count > 0) added = TRY(File::open_read(change_.new_vectors));
    const std::size_t vector_bytes = change_.dimensions * sizeof(float);
    facts_.hard_to_find = TRY(graph_->make_findable(first_new, [&](Node node, std::span<float> vector) -> Result<void> {
      const std::size_t element = element_of_[node];
      const auto bytes = std::as_writable_bytes(vector);
      if (element >= kept_.size()) return added->read_at((element - kept_.size()) * vector_bytes, bytes);
      return base_file_->read_at(kept_[element] * base_header_.row_bytes() + kVectorOffset, bytes);
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
    FileSink head(TRY(File::create(folder / kHeaderFile)));
    TRY(head.write(as_bytes(header_text(header))));
    TRY(head.flush());
    TRY(write_level0(folder, header));
    TRY(write_upper(folder));
    return write_lengths(folder);
  }

  Result<void> write_level0(const Path& folder, const SegmentHeader& header) {
    FileSink sink(TRY(File::create(folder / kLevel0File)));
    std::optional<Rows> base;
    if (base_file_) base.emplace(*base_file_, base_header_.row_bytes(), base_header_.elements);
    std::optional<File> new_file;
    std::optional<Rows> new_rows;
    const std::size_t vector_bytes = change_.dimensions * sizeof(float);
    if (change_.new_vectors_count > 0) {
      new_file = TRY(File::open_read(change_.new_vectors));
      new_rows.emplace(*new_file, vector_bytes, change_.new_vectors_count);
    }
    std::vector<std::byte> row(header.row_bytes());
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& element = elements_[i];
      const auto links = links0_of(element);
      check(links.size() <= kLinks0, "an element has at most 32 links on level 0");
      std::ranges::fill(std::span(row).first(kVectorOffset), std::byte{0});
      const auto count = static_cast<std::uint16_t>(links.size());
      std::memcpy(row.data(), &count, sizeof count);
      row[2] = std::byte{element.deleted ? kDeletedFlag : std::uint8_t{0}};
      std::memcpy(row.data() + 4, links.data(), links.size() * sizeof(std::uint32_t));
      const std::byte* vector =
          i < kept_.size() ? TRY(base->row(kept_[i])) + kVectorOffset : TRY(new_rows->row(i - kept_.size()));
      std::memcpy(row.data() + kVectorOffset, vector, vector_bytes);
      std::memcpy(row.data() + header.label_offset(), &element.label, sizeof element.label);
      TRY(sink.write(row));
    }
    return sink.flush();
  }

  Result<void> write_upper(const Path& folder) {
    FileSink sink(TRY(File::create(folder / kLinkListsFile)));
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
    return sink.flush();
  }

  /// Vectors come in with unit length: so is their original norm.
  Result<void> write_lengths(const Path& folder) {
    FileSink sink(TRY(File::create(folder / kLengthFile)));
    const float one = 1;
    for (std::size_t i = 0; i < elements_.size(); ++i) TRY(sink.write(std::as_bytes(std::span(&one, 1))));
    return sink.flush();
  }

  struct Group {
    Node node = kNone;
    std::uint32_t first = kNone;  ///< the representative's element
  };

  const SegmentChange& change_;
  GraphSettings settings_;
  std::optional<Graph> graph_;
  SegmentHeader base_header_;
  std::optional<File> base_file_;
  std::vector<std::uint64_t> removed_;                 ///< sorted
  std::vector<Element> elements_;                      ///< as they are written
  std::vector<std::uint64_t> kept_;                    ///< the base's row of the first elements
  std::unordered_map<Sum128, Group, SumHash> groups_;  ///< by the hash of the vector
  std::vector<std::uint32_t> element_of_;              ///< by node
  std::vector<std::vector<std::uint32_t>> copies_;     ///< by node: the elements with the same vector
  SegmentFacts facts_;
};

}  // namespace

Result<SegmentFacts> write_segment(const SegmentChange& change, const GraphSettings& settings, const Path& folder) {
  check(settings.m == kUpperLinks, "the layout is that of M 16");
  return Builder(change, settings).build(folder);
}

}  // namespace tillite
