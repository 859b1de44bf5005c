#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"

namespace tillite {

/// A value of the metadata as an index has it: by name, then by value, then by the row's number.
struct IndexedValue {
  std::string_view name;
  std::uint64_t lead = 0;  ///< orders as the value does: the whole of a number, the first bytes of a text
  std::string_view text;   ///< the whole text; empty for a number
  std::int64_t row = 0;
};

/// How numbers become leads, and back.
[[nodiscard]] std::uint64_t lead_of(std::int64_t number);
[[nodiscard]] std::uint64_t lead_of(double number);
[[nodiscard]] std::uint64_t lead_of(std::string_view text);
[[nodiscard]] std::int64_t whole_of(std::uint64_t lead);
[[nodiscard]] double real_of(std::uint64_t lead);

/// Sorts the values of one index. What is more than the memory may hold waits in sorted parts on the disk, all of which
/// are read at once in the end: the parts grow with their number, and the memory becomes that of a 64th of the values
/// at most.
class ValueOrder {
 public:
  /// `file`: where parts may lie.
  [[nodiscard]] static Result<ValueOrder> create(const Path& file, std::uint64_t bytes_max);
  /// Rows come in their order.
  [[nodiscard]] Result<void> add(const IndexedValue& value);
  /// How many parts lie on the disk.
  [[nodiscard]] std::size_t parts() const { return part_ends_.size(); }
  /// All of them in their order; once. The file is gone then, but for its room, which goes with this.
  [[nodiscard]] Result<void> for_each(const std::function<Result<void>(const IndexedValue&)>& each);

 private:
  struct Entry {
    std::uint64_t lead = 0;
    std::int64_t row = 0;
    std::uint32_t offset = 0;  ///< of the text
    std::uint32_t size = 0;
  };
  /// The values of one name.
  struct Values {
    std::vector<Entry> entries;
    std::string texts;
    bool is_sorted = true;

    [[nodiscard]] std::string_view text(const Entry& entry) const {
      return std::string_view(texts).substr(entry.offset, entry.size);
    }
    [[nodiscard]] bool stands_before(const Entry& a, const Entry& b) const;
    void sort();
  };
  class Part;

  ValueOrder(File file, std::uint64_t bytes_max) : sink_(std::move(file)), bytes_max_(bytes_max) {}
  Result<void> write_part();
  void remove_file();

  FileSink sink_;
  std::uint64_t bytes_max_;  ///< of the next part
  std::map<std::string, Values, std::less<>> values_;
  std::uint64_t bytes_ = 0;
  std::vector<std::uint64_t> part_ends_;  ///< in the file
};

}  // namespace tillite
