#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "expressions/value.h"

namespace tillite {

/// Tasks that end when somebody sends their token, and those of activities that wait for a worker.
///
/// Threads: any.
class TasksByToken {
 public:
  /// Which request of which execution a token stands for.
  struct Place {
    std::string execution;
    std::int64_t request = 0;
  };
  struct ActivityTask {
    std::string token;
    Value input;
    Place place;
  };

  void add(const std::string& token, Place place);
  /// Of an activity: somebody may take it.
  void offer(const std::string& activity, const std::string& token, const Value& input);
  /// The next task of an activity whose token still stands for something.
  [[nodiscard]] std::optional<ActivityTask> take(const std::string& activity);
  [[nodiscard]] std::optional<Place> find(const std::string& token) const;
  void remove(const std::string& token);
  void clear();

 private:
  struct Offered {
    std::string token;
    Value input;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Place> places_;
  std::map<std::string, std::deque<Offered>> offered_;  ///< by activity
};

}  // namespace tillite
