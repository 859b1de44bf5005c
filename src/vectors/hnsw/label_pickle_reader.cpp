#include "vectors/hnsw/label_pickle_reader.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "base/text.h"

namespace tillite {
namespace {

// Python's pickletools.py describes these instructions.
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinUnicode = 'X',
  kEmptyDict = '}',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kReduce = 'R',
  kProto = 0x80,
  kNewObject = 0x81,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

constexpr std::size_t kIdBytesMax = std::size_t{64} << 10;
// Pairs of plain values leave the stack at once, so only the few that hold dicts are on it together.
constexpr std::size_t kStackMax = 64;
constexpr std::size_t kProtocolMax = 5;

struct Nothing {};
struct Dict {};
struct Mark {};
using Value = std::variant<Nothing, bool, std::int64_t, std::string_view, Dict, Mark>;

class PickleMachine {
 public:
  PickleMachine(std::string_view text, std::string_view file, const LabelPickleListener& listener)
      : text_(text), file_(file), listener_(listener) {}

  Result<LabelPickleFacts> run() {
    while (true) {
      place_ = at_;
      const auto opcode = TRY(number<std::uint8_t>());
      if (opcode == kStop) return finish();
      TRY(step(opcode));
      if (stack_.size() > kStackMax) return broken("holds dicts within dicts that no server writes");
    }
  }

 private:
  template <typename... Args>
  std::unexpected<Error> broken(fmt::format_string<Args...> what, Args&&... args) const {
    return fail(Code::corrupt, "{} at byte {}: it {}", file_, place_, fmt::format(what, std::forward<Args>(args)...));
  }

  Result<std::string_view> take(std::uint64_t size) {
    if (size > text_.size() - at_) return broken("ends in the middle: it is torn");
    const auto part = text_.substr(at_, size);
    at_ += size;
    return part;
  }

  template <typename Number>
  Result<Number> number() {
    const auto bytes = TRY(take(sizeof(Number)));
    Number value;
    bytes.copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }

  Result<void> step(std::uint8_t opcode) {
    switch (opcode) {
      case kProto:
        if (TRY(number<std::uint8_t>()) > kProtocolMax) return broken("is of a protocol that is not known");
        return {};
      case kFrame:
        TRY(take(sizeof(std::uint64_t)));
        return {};
      case kMark:
        return mark();
      case kSetItem:
        return set_item();
      case kSetItems:
        return set_items();
      case kBinGet:
        return recall(TRY(number<std::uint8_t>()));
      case kLongBinGet:
        return recall(TRY(number<std::uint32_t>()));
      case kBinPut:
        return remember(TRY(number<std::uint8_t>()));
      case kLongBinPut:
        return remember(TRY(number<std::uint32_t>()));
      case kMemoize:
        return remember(memo_.size());
      case kGlobal:
      case kStackGlobal:
      case kReduce:
      case kNewObject:
        return fail(
            Code::unsupported,
            "{} at byte {}: it wants a Python class to be made, as servers before 1.0 wrote it; that is never done: "
            "copy the collection to a newer server through its client",
            file_, place_);
      default:
        return push(TRY(plain_value(opcode)));
    }
  }

  /// The value that an instruction makes by itself.
  Result<Value> plain_value(std::uint8_t opcode) {
    switch (opcode) {
      case kNone:
        return Nothing{};
      case kNewTrue:
        return true;
      case kNewFalse:
        return false;
      case kEmptyDict:
        return Dict{};
      case kBinInt:
        return std::int64_t{TRY(number<std::int32_t>())};
      case kBinInt1:
        return std::int64_t{TRY(number<std::uint8_t>())};
      case kBinInt2:
        return std::int64_t{TRY(number<std::uint16_t>())};
      case kLong1:
        return long_number();
      case kShortBinUnicode:
        return string(TRY(number<std::uint8_t>()));
      case kBinUnicode:
        return string(TRY(number<std::uint32_t>()));
      case kBinUnicode8:
        return string(TRY(number<std::uint64_t>()));
      default:
        return broken("has an instruction, {:#04x}, that no plain dict needs", opcode);
    }
  }

  /// A whole number from 0 of up to nine bytes, little endian, with a sign.
  Result<Value> long_number() {
    const auto bytes = TRY(take(TRY(number<std::uint8_t>())));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(bytes[i]);
      if (i >= sizeof value && byte != 0) return broken("has a number above all that can be counted");
      if (i < sizeof value) value |= static_cast<std::uint64_t>(byte) << (8 * i);
    }
    const bool negative = !bytes.empty() && (static_cast<std::uint8_t>(bytes.back()) & 0x80U) != 0;
    if (negative || value > INT64_MAX) return broken("has a number that is none from 0 to 2^63 - 1");
    return static_cast<std::int64_t>(value);
  }

  Result<Value> string(std::uint64_t size) {
    if (size > kIdBytesMax) return broken("has a text of {} bytes, at most {} are allowed", size, kIdBytesMax);
    const auto text = TRY(take(size));
    if (!is_utf8(text)) return broken("has a text that is not UTF-8");
    return text;
  }

  /// The memo keeps places, not values: a text is read again where it stands.
  Result<void> remember(std::size_t index) {
    if (stack_.empty() || index > memo_.size()) return broken("keeps a value in a place that nobody counts");
    if (index == memo_.size()) memo_.push_back(0);
    memo_[index] = last_place_;
    return {};
  }

  Result<void> recall(std::size_t index) {
    if (index >= memo_.size()) return broken("asks for a value that it never kept");
    const std::size_t back = std::exchange(at_, memo_[index]);
    const auto opcode = TRY(number<std::uint8_t>());
    if (opcode == kEmptyDict) return broken("uses one dict twice");
    Value value = TRY(plain_value(opcode));
    at_ = back;
    TRY(push(value));
    last_place_ = memo_[index];
    return {};
  }

  Result<void> push(Value value) {
    stack_.push_back(value);
    last_place_ = place_;
    // A pair behind a mark is done, unless its value is a dict: that may still get items of its own.
    if (!marks_.empty() && stack_.size() - marks_.back() == 3 && !is_dict(stack_.back())) return emit_above_mark();
    return {};
  }

  [[nodiscard]] static bool is_dict(const Value& value) { return std::holds_alternative<Dict>(value); }

  Result<void> mark() {
    if (stack_.empty() || !is_dict(stack_.back())) return broken("makes something else than a dict");
    marks_.push_back(stack_.size());
    stack_.push_back(Mark{});
    return {};
  }

  /// The one pair that stands above the innermost mark.
  Result<void> emit_above_mark() {
    const std::size_t dict = marks_.back() - 1;
    TRY(item(dict, stack_[dict + 2], stack_[dict + 3]));
    stack_.resize(dict + 2);
    return {};
  }

  Result<void> set_items() {
    if (marks_.empty()) return broken("ends the items of a dict that it never began");
    const std::size_t dict = marks_.back() - 1;
    const std::size_t first = dict + 2;
    if ((stack_.size() - first) % 2 != 0) return broken("has a key without a value");
    for (std::size_t i = first; i < stack_.size(); i += 2) TRY(item(dict, stack_[i], stack_[i + 1]));
    stack_.resize(dict + 1);
    marks_.pop_back();
    return {};
  }

  Result<void> set_item() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back() + 1;
    if (stack_.size() < floor + 3 || !is_dict(stack_[stack_.size() - 3])) return broken("sets an item of no dict");
    TRY(item(stack_.size() - 3, stack_[stack_.size() - 2], stack_.back()));
    stack_.resize(stack_.size() - 2);
    return {};
  }

  /// A pair of the dict at `dict` of the stack: the outermost, or one whose name stands below it.
  Result<void> item(std::size_t dict, const Value& key, const Value& value) {
    if (dict == 0) return outer_item(key, value);
    const auto* const name = std::get_if<std::string_view>(&stack_[dict - 1]);
    if (name == nullptr) return broken("has a dict without a name");
    if (*name == "id_to_label") return label_item(key, value);
    if (*name == "label_to_id") return id_item(key, value);
    return {};
  }

  Result<void> outer_item(const Value& key, const Value& value) {
    const auto* const name = std::get_if<std::string_view>(&key);
    if (name == nullptr) return broken("has a key that is no text");
    const auto* const count = std::get_if<std::int64_t>(&value);
    if (*name == "total_elements_added") {
      if (count == nullptr || *count < 0) return broken("has no number of labels");
      facts_.labels_given = static_cast<std::uint64_t>(*count);
      counted_ = true;
    } else if (*name == "max_seq_id" && count != nullptr && *count >= 0) {
      facts_.max_seq_id = static_cast<std::uint64_t>(*count);
    }
    return {};
  }

  Result<void> label_item(const Value& key, const Value& value) {
    const auto* const id = std::get_if<std::string_view>(&key);
    const auto* const label = std::get_if<std::int64_t>(&value);
    if (id == nullptr || label == nullptr || *label < 0) return broken("has a pair in id_to_label that is none");
    ++facts_.labels;
    return listener_.label_of_id(*id, static_cast<std::uint64_t>(*label));
  }

  Result<void> id_item(const Value& key, const Value& value) {
    const auto* const label = std::get_if<std::int64_t>(&key);
    const auto* const id = std::get_if<std::string_view>(&value);
    if (id == nullptr || label == nullptr || *label < 0) return broken("has a pair in label_to_id that is none");
    ++facts_.ids;
    if (!listener_.id_of_label) return {};
    return listener_.id_of_label(static_cast<std::uint64_t>(*label), *id);
  }

  Result<LabelPickleFacts> finish() {
    if (stack_.size() != 1 || !is_dict(stack_.back()) || !counted_)
      return broken("is not the dict of a segment's labels");
    if (at_ != text_.size()) return broken("goes on behind its end");
    return facts_;
  }

  std::string_view text_;
  std::string_view file_;
  const LabelPickleListener& listener_;
  LabelPickleFacts facts_;
  bool counted_ = false;
  std::size_t at_ = 0;
  std::size_t place_ = 0;       ///< of the instruction that is being followed
  std::size_t last_place_ = 0;  ///< of the one that made the value last pushed
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;  ///< where the stack's marks stand
  std::vector<std::uint64_t> memo_;
};

}  // namespace

Result<LabelPickleFacts> read_label_pickle(std::span<const std::byte> bytes, std::string_view file,
                                           const LabelPickleListener& listener) {
  return PickleMachine({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file, listener).run();
}

}  // namespace tillite
