#include "vectors/chroma/value_order.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tillite {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr std::size_t kPartBufferBytes = std::size_t{1} << 15;
constexpr std::size_t kPartsOfOneSize = 64;
constexpr std::size_t kNodeBytes = 64;  // about what a name takes besides its text and values

/// What stands before a value in a part.
struct StoredHead {
  std::uint64_t lead = 0;
  std::int64_t row = 0;
  std::uint32_t text_size = 0;
  std::uint32_t name_size = 0;  ///< 0: the name is that of the value before
};

template <typename Value>
std::span<const std::byte> bytes_of(const Value& value) {
  return std::as_bytes(std::span(&value, 1));
}

int compared(std::uint64_t lead_a, std::string_view text_a, std::uint64_t lead_b, std::string_view text_b) {
  if (lead_a != lead_b) return lead_a < lead_b ? -1 : 1;
  return text_a.compare(text_b);
}

}  // namespace

std::uint64_t lead_of(std::int64_t number) { return static_cast<std::uint64_t>(number) ^ kSign; }

std::uint64_t lead_of(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number);  // there is one zero
  return (bits & kSign) != 0 ? ~bits : bits ^ kSign;
}

std::uint64_t lead_of(std::string_view text) {
  std::uint64_t lead = 0;
  std::memcpy(&lead, text.data(), std::min(text.size(), sizeof lead));
  return std::endian::native == std::endian::little ? __builtin_bswap64(lead) : lead;
}

std::int64_t whole_of(std::uint64_t lead) { return static_cast<std::int64_t>(lead ^ kSign); }

double real_of(std::uint64_t lead) { return std::bit_cast<double>((lead & kSign) != 0 ? lead ^ kSign : ~lead); }

bool ValueOrder::Values::stands_before(const Entry& a, const Entry& b) const {
  const int order = compared(a.lead, text(a), b.lead, text(b));
  return order != 0 ? order < 0 : a.row < b.row;
}

void ValueOrder::Values::sort() {
  if (is_sorted) return;
  // Rows came in their order, and equal values stay in it: many values of a name are few different ones.
  std::ranges::stable_sort(
      entries, [this](const Entry& a, const Entry& b) { return compared(a.lead, text(a), b.lead, text(b)) < 0; });
}

/// One of the sorted parts as it is read.
class ValueOrder::Part {
 public:
  Part(const File& file, std::uint64_t begin, std::uint64_t end) : file_(&file), position_(begin), end_(end) {}

  [[nodiscard]] bool at_end() const { return at_end_; }
  [[nodiscard]] IndexedValue value() const { return {.name = name_, .lead = lead_, .text = text_, .row = row_}; }

  Result<void> advance() {
    if (taken_ == buffer_.size() && position_ == end_) {
      at_end_ = true;
      return {};
    }
    StoredHead head;
    TRY(take(std::as_writable_bytes(std::span(&head, 1))));
    lead_ = head.lead;
    row_ = head.row;
    if (head.name_size > 0) {
      name_.resize(head.name_size);
      TRY(take(std::as_writable_bytes(std::span(name_))));
    }
    text_.resize(head.text_size);
    return take(std::as_writable_bytes(std::span(text_)));
  }

 private:
  Result<void> take(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      if (taken_ == buffer_.size()) {
        buffer_.resize(std::min<std::uint64_t>(kPartBufferBytes, end_ - position_));
        if (buffer_.empty()) return fail(Code::corrupt, "{} ends in the middle", file_->path().string());
        TRY(file_->read_at(position_, buffer_));
        position_ += buffer_.size();
        taken_ = 0;
      }
      const std::size_t size = std::min(bytes.size(), buffer_.size() - taken_);
      std::memcpy(bytes.data(), buffer_.data() + taken_, size);
      taken_ += size;
      bytes = bytes.subspan(size);
    }
    return {};
  }

  const File* file_;
  std::uint64_t position_;
  std::uint64_t end_;
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0;
  std::string name_;
  std::string text_;
  std::uint64_t lead_ = 0;
  std::int64_t row_ = 0;
  bool at_end_ = false;
};

Result<ValueOrder> ValueOrder::create(const Path& file, std::uint64_t bytes_max) {
  return ValueOrder(TRY(File::create(file)), bytes_max);
}

Result<void> ValueOrder::add(const IndexedValue& value) {
  const auto found = values_.find(value.name);
  if (found == values_.end()) bytes_ += value.name.size() + sizeof(Values) + kNodeBytes;
  Values& values = found != values_.end() ? found->second : values_[std::string(value.name)];
  const Entry entry{.lead = value.lead,
                    .row = value.row,
                    .offset = static_cast<std::uint32_t>(values.texts.size()),
                    .size = static_cast<std::uint32_t>(value.text.size())};
  values.texts += value.text;
  values.is_sorted = values.is_sorted && (values.entries.empty() || values.stands_before(values.entries.back(), entry));
  values.entries.push_back(entry);
  bytes_ += sizeof entry + value.text.size();
  return bytes_ > bytes_max_ ? write_part() : Result<void>();
}

void ValueOrder::remove_file() {
  std::error_code kept;  // then it goes with its folder
  std::filesystem::remove(sink_.file().path(), kept);
}

Result<void> ValueOrder::write_part() {
  for (auto& [name, values] : values_) {
    values.sort();
    bool is_first = true;
    for (const Entry& entry : values.entries) {
      const StoredHead head{.lead = entry.lead,
                            .row = entry.row,
                            .text_size = entry.size,
                            .name_size = is_first ? static_cast<std::uint32_t>(name.size()) : 0};
      TRY(sink_.write(bytes_of(head)));
      if (is_first) TRY(sink_.write(as_bytes(name)));
      TRY(sink_.write(as_bytes(values.text(entry))));
      is_first = false;
    }
  }
  values_.clear();
  bytes_ = 0;
  part_ends_.push_back(sink_.position());
  if (part_ends_.size() % kPartsOfOneSize == 0) bytes_max_ *= 2;
  return {};
}

Result<void> ValueOrder::for_each(const std::function<Result<void>(const IndexedValue&)>& each) {
  if (part_ends_.empty()) {
    for (auto& [name, values] : values_) {
      values.sort();
      for (const Entry& entry : values.entries) {
        TRY(each({.name = name, .lead = entry.lead, .text = values.text(entry), .row = entry.row}));
      }
      values = Values();
    }
    remove_file();
    return {};
  }
  TRY(write_part());
  TRY(sink_.flush());
  std::vector<Part> parts;
  for (std::size_t i = 0; i < part_ends_.size(); ++i) {
    Part& part = parts.emplace_back(sink_.file(), i == 0 ? 0 : part_ends_[i - 1], part_ends_[i]);
    TRY(part.advance());
  }
  std::erase_if(parts, [](const Part& part) { return part.at_end(); });
  // The rows of a part come before those of the next: equal values need no other rule.
  const auto stands_behind = [&](std::size_t a, std::size_t b) {
    const IndexedValue x = parts[a].value();
    const IndexedValue y = parts[b].value();
    if (const int names = x.name.compare(y.name); names != 0) return names > 0;
    const int order = compared(x.lead, x.text, y.lead, y.text);
    return order != 0 ? order > 0 : a > b;
  };
  std::vector<std::size_t> heap(parts.size());
  for (std::size_t i = 0; i < heap.size(); ++i) heap[i] = i;
  std::ranges::make_heap(heap, stands_behind);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, stands_behind);
    Part& least = parts[heap.back()];
    // Equal values mostly come from one part for a while.
    do {
      TRY(each(least.value()));
      TRY(least.advance());
    } while (!least.at_end() && (heap.size() == 1 || !stands_behind(heap.back(), heap.front())));
    if (least.at_end()) {
      heap.pop_back();
    } else {
      std::ranges::push_heap(heap, stands_behind);
    }
  }
  remove_file();
  return {};
}

}  // namespace tillite
