#include "embedding/word_neighbours.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "receipts/noise.h"

namespace tillite {
namespace {

constexpr double kNearbyHeight = 0.05;
constexpr double kNearbyWidth = 0.25;
constexpr double kTallestWord =
    0.25;  // taller boxes than this are mistakes of the OCR: they have no same line beyond it

struct Placed {
  RecordId id;
  std::string_view text;
  Box box;
  std::size_t order;  // in the input
  [[nodiscard]] double x() const { return box.x + box.width / 2; }
  [[nodiscard]] double y() const { return box.y + box.height / 2; }
};

bool same_line(const Placed& a, const Placed& b) {
  return a.box.y < b.box.y + b.box.height && b.box.y < a.box.y + a.box.height;
}

bool left_of(const Placed& a, const Placed& b) {
  return a.box.x < b.box.x || (a.box.x == b.box.x && a.order < b.order);
}

std::vector<Placed> place_words(const Receipt& receipt) {
  std::vector<Placed> words;
  for (const Line& line : receipt.lines) {
    for (const Word& word : line.words) {
      if (is_noise(word.text)) continue;
      words.push_back({word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id), word.text,
                       word.box, words.size()});
    }
  }
  return words;
}

/// Fills a side: the nearest of the same line, then nearby words.
void fill(std::array<std::string_view, 2>& side, const std::vector<const Placed*>& same,
          const std::vector<const Placed*>& nearby) {
  std::size_t next = 0;
  for (const auto* list : {&same, &nearby}) {
    for (const Placed* word : *list) {
      if (next == side.size()) return;
      side[next++] = word->text;
    }
  }
}

class Neighbourhood {
 public:
  explicit Neighbourhood(std::vector<Placed> words) : words_(std::move(words)) {
    std::ranges::sort(words_, {}, [](const Placed& word) { return std::pair(word.y(), word.order); });
  }

  [[nodiscard]] std::map<RecordId, WordNeighbours> all() const {
    std::map<RecordId, WordNeighbours> neighbours;
    for (const Placed& word : words_) neighbours.emplace(word.id, of(word));
    return neighbours;
  }

 private:
  [[nodiscard]] WordNeighbours of(const Placed& word) const {
    std::vector<const Placed*> same_left;
    std::vector<const Placed*> same_right;
    std::vector<const Placed*> near_left;
    std::vector<const Placed*> near_right;
    const double reach = std::max(kNearbyHeight, kTallestWord);
    const auto first = std::ranges::lower_bound(words_, word.y() - reach, {}, &Placed::y);
    for (auto other = first; other != words_.end() && other->y() <= word.y() + reach; ++other) {
      if (other->order == word.order) continue;
      if (same_line(word, *other)) {
        (left_of(*other, word) ? same_left : same_right).push_back(&*other);
      } else if (std::abs(other->y() - word.y()) < kNearbyHeight && std::abs(other->x() - word.x()) < kNearbyWidth) {
        (other->x() < word.x() ? near_left : near_right).push_back(&*other);
      }
    }
    const auto by_x = [](const Placed* a, const Placed* b) { return left_of(*a, *b); };
    const auto by_distance = [&](const Placed* a, const Placed* b) {
      const auto rank = [&](const Placed* p) {
        return std::tuple(std::abs(p->y() - word.y()), std::abs(p->x() - word.x()), p->order);
      };
      return rank(a) < rank(b);
    };
    std::ranges::sort(same_left, [&](const Placed* a, const Placed* b) { return by_x(b, a); });
    std::ranges::sort(same_right, by_x);
    std::ranges::sort(near_left, by_distance);
    std::ranges::sort(near_right, by_distance);
    WordNeighbours neighbours;
    fill(neighbours.left, same_left, near_left);
    fill(neighbours.right, same_right, near_right);
    return neighbours;
  }

  std::vector<Placed> words_;  // by the height of their centroids
};

}  // namespace

std::map<RecordId, WordNeighbours> word_neighbours(const Receipt& receipt) {
  return Neighbourhood(place_words(receipt)).all();
}

}  // namespace tillite
