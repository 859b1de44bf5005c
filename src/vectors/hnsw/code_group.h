#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/hnsw/codes.h"

namespace tillite {

/// Some codes of 8 bits with which others are compared, many with many: what is read once of the machine's memory
/// serves them all.
class CodeGroup {
 public:
  /// Whether codes can be compared so: they have 8 bits, and their sums fit 32.
  [[nodiscard]] static bool can_hold(const Codes& codes);

  explicit CodeGroup(const Codes& codes) : codes_(&codes) {}

  [[nodiscard]] std::size_t size() const { return facts_.size(); }
  void reserve(std::size_t count);
  /// Forgets its members and keeps their room.
  void clear();
  /// Adds a code behind the others. No Part may be in use: what it points to moves.
  void add(Node code);

  /// The members of a group that take part in comparisons. One thread's; the group stays as it is meanwhile.
  class Part {
   public:
    /// `members`: places in the group, in the order of add().
    void choose(const CodeGroup& group, std::span<const std::uint32_t> members);
    [[nodiscard]] std::size_t size() const { return levels_.size(); }

    /// Compares each member with each of `codes`, at most kMatrixRows.
    void compare(std::span<const Node> codes);
    /// The Codes::distance() of member `i` of the part from each of the codes that were compared last.
    [[nodiscard]] std::span<const float> distances(std::size_t i) const {
      return std::span(distances_).subspan(i * kMatrixRows, compared_);
    }

   private:
    const Codes* codes_ = nullptr;
    std::vector<const std::int8_t*> levels_;
    std::vector<float> steps_;
    std::vector<float> squares_;
    std::vector<std::int32_t> sums_;
    std::vector<std::int32_t> products_;
    std::vector<float> distances_;
    std::size_t compared_ = 0;
  };

 private:
  struct Facts {
    float step = 0;
    float square = 0;
    std::int32_t sum = 0;  ///< what four times a product has of this code alone
  };

  const Codes* codes_;
  std::vector<std::int8_t> levels_;  ///< less kByteCentre, code by code
  std::vector<Facts> facts_;
};

}  // namespace tillite
