#include "emulator/service/statistics.h"

#include <algorithm>

namespace tillite {

void Statistics::Counts::enter() {
  ++count;
  in_flight_max = std::max(in_flight_max, ++in_flight);
}

std::shared_ptr<const void> Statistics::enter(const std::string& operation) {
  const std::scoped_lock lock(mutex_);
  all_.enter();
  by_operation_[operation].enter();
  return {this, [this, operation](const void*) {
            const std::scoped_lock leaving(mutex_);
            --all_.in_flight;
            --by_operation_[operation].in_flight;
          }};
}

void Statistics::count_status(const std::string& operation, unsigned status) {
  const std::scoped_lock lock(mutex_);
  ++by_operation_[operation].by_status[std::to_string(status)];
}

void Statistics::count_fault(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  ++faults_[std::string(name)];
}

void Statistics::reset() {
  const std::scoped_lock lock(mutex_);
  const auto forget = [](Counts& counts) {
    counts = {.in_flight = counts.in_flight, .in_flight_max = counts.in_flight};
  };
  forget(all_);
  for (auto& [operation, counts] : by_operation_) forget(counts);
  faults_.clear();
}

Json Statistics::json() {
  const std::scoped_lock lock(mutex_);
  Json operations = Json::object();
  for (const auto& [operation, counts] : by_operation_) {
    operations[operation] = {
        {"count", counts.count}, {"in_flight_max", counts.in_flight_max}, {"by_status", counts.by_status}};
  }
  return {
      {"total", all_.count}, {"in_flight_max", all_.in_flight_max}, {"by_operation", operations}, {"faults", faults_}};
}

}  // namespace tillite
