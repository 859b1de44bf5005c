#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <string>

#include "base/hash.h"

namespace tillite {

/// The texts that were met, each as 16 bytes of its hash. Memory: at most 100 MB; beyond kTextsMax texts no more are
/// remembered, and each that is not known counts as a new one.
class DistinctTexts {
 public:
  static constexpr std::size_t kTextsMax = 3'000'000;

  /// Takes note of a text by its input_hash. Whether it is a new one.
  [[nodiscard]] bool insert(const std::string& input_hash);
  /// Whether texts were met that could not be remembered: of those that were new some may have come before.
  [[nodiscard]] bool is_overfull() const { return overfull_; }

 private:
  /// A hash is spread already.
  struct Front {
    std::size_t operator()(const Sum128& hash) const { return hash.low; }
  };
  boost::unordered_flat_set<Sum128, Front> texts_;
  bool overfull_ = false;
};

}  // namespace tillite
