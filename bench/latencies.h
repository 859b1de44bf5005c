#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/json.h"
#include "measure.h"

namespace tillite::bench {

/// How long single calls take.
class Latencies {
 public:
  template <typename Call>
  auto time(const Call& call) {
    const auto start = std::chrono::steady_clock::now();
    auto answer = call();
    ms_.push_back(seconds_since(start) * 1e3);
    return answer;
  }

  /// The facts with "p50_ms" and "p99_ms".
  [[nodiscard]] Json json(Json facts) {
    std::ranges::sort(ms_);
    facts["p50_ms"] = ms_.at(ms_.size() / 2);
    facts["p99_ms"] = ms_.at(ms_.size() * 99 / 100);
    return facts;
  }

 private:
  std::vector<double> ms_;
};

}  // namespace tillite::bench
