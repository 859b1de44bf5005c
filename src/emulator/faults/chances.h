#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace tillite {

/// A number in [0, 1) that a seed, what it is for, and a count decide: the same in every run.
[[nodiscard]] double seeded_unit(std::uint64_t seed, std::string_view purpose, std::uint64_t count);

/// What may happen, each with its probability; at most one of them happens. The probabilities sum up to 1 at most.
template <typename Event>
class Chances {
 public:
  void add(Event event, double probability) { chances_.emplace_back(event, probability); }
  [[nodiscard]] double sum() const {
    double sum = 0;
    for (const auto& [event, probability] : chances_) sum += probability;
    return sum;
  }
  /// The event that a number in [0, 1) stands for.
  [[nodiscard]] std::optional<Event> pick(double unit) const {
    for (const auto& [event, probability] : chances_) {
      if (unit < probability) return event;
      unit -= probability;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool empty() const { return chances_.empty(); }

 private:
  std::vector<std::pair<Event, double>> chances_;
};

}  // namespace tillite
