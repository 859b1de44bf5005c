#include "embedding/reading_order.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace tillite {
namespace {

double centre(const Box& box) { return box.y + box.height / 2; }
double top(const Box& box) { return box.y + box.height; }
bool holds_centre(const Box& box, const Box& other) { return centre(other) >= box.y && centre(other) <= top(box); }

/// Union-find over the lines.
class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

std::vector<std::vector<std::size_t>> visual_rows(const Receipt& receipt) {
  const auto& lines = receipt.lines;
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return -top(lines[i].box); });

  Groups groups(lines.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Box& box = lines[order[i]].box;
    // Sorted by their tops: below the first that lies wholly underneath, none shares a height with this one.
    for (std::size_t j = i + 1; j < order.size() && top(lines[order[j]].box) >= box.y; ++j) {
      const Box& other = lines[order[j]].box;
      if (holds_centre(box, other) || holds_centre(other, box)) groups.join(order[i], order[j]);
    }
  }
  std::map<std::size_t, std::vector<std::size_t>> by_group;
  for (std::size_t i = 0; i < lines.size(); ++i) by_group[groups.find(i)].push_back(i);

  std::vector<std::vector<std::size_t>> rows;
  for (auto& [group, row] : by_group) {
    std::ranges::stable_sort(row, {}, [&](std::size_t i) { return lines[i].box.x; });
    rows.push_back(std::move(row));
  }
  const auto height_of = [&](const std::vector<std::size_t>& row) {
    double sum = 0;
    for (const std::size_t i : row) sum += centre(lines[i].box);
    return sum / static_cast<double>(row.size());
  };
  std::ranges::stable_sort(rows, [&](const auto& a, const auto& b) { return height_of(a) > height_of(b); });
  return rows;
}

}  // namespace tillite
