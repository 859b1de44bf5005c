#include "workflow/durable/tasks_by_token.h"

namespace tillite {

void TasksByToken::add(const std::string& token, Place place) {
  const std::scoped_lock lock(mutex_);
  places_.insert_or_assign(token, std::move(place));
}

void TasksByToken::offer(const std::string& activity, const std::string& token, const Value& input) {
  const std::scoped_lock lock(mutex_);
  offered_[activity].push_back({token, input});
}

std::optional<TasksByToken::ActivityTask> TasksByToken::take(const std::string& activity) {
  const std::scoped_lock lock(mutex_);
  const auto offered = offered_.find(activity);
  if (offered == offered_.end()) return std::nullopt;
  std::optional<ActivityTask> taken;
  while (!taken && !offered->second.empty()) {
    Offered next = std::move(offered->second.front());
    offered->second.pop_front();
    const auto place = places_.find(next.token);
    if (place != places_.end()) taken = ActivityTask{std::move(next.token), std::move(next.input), place->second};
  }
  if (offered->second.empty()) offered_.erase(offered);
  return taken;
}

std::optional<TasksByToken::Place> TasksByToken::find(const std::string& token) const {
  const std::scoped_lock lock(mutex_);
  const auto place = places_.find(token);
  return place == places_.end() ? std::nullopt : std::optional(place->second);
}

void TasksByToken::remove(const std::string& token) {
  const std::scoped_lock lock(mutex_);
  places_.erase(token);
}

void TasksByToken::clear() {
  const std::scoped_lock lock(mutex_);
  places_.clear();
  offered_.clear();
}

}  // namespace tillite
