#include "emulator/service/statistics.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace tillite {
namespace {

struct Counts {
  std::uint64_t count = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t in_flight_max = 0;
  std::map<std::string, std::uint64_t> by_status;

  void enter() {
    ++count;
    in_flight_max = std::max(in_flight_max, ++in_flight);
  }
  void forget() { *this = {.in_flight = in_flight, .in_flight_max = in_flight}; }
};

}  // namespace

struct Statistics::State {
  std::mutex mutex;
  Counts all;
  std::map<std::string, Counts> by_operation;
  std::map<std::string, std::uint64_t> faults;
  std::uint64_t embedded_items = 0;
  std::uint64_t embedded_tokens = 0;
};

Statistics::Statistics() : state_(std::make_shared<State>()) {}

std::shared_ptr<const void> Statistics::enter(const std::string& operation) {
  const std::scoped_lock lock(state_->mutex);
  state_->all.enter();
  state_->by_operation[operation].enter();
  return {state_.get(), [state = state_, operation](const void*) {
            const std::scoped_lock leaving(state->mutex);
            --state->all.in_flight;
            --state->by_operation[operation].in_flight;
          }};
}

void Statistics::count_status(const std::string& operation, unsigned status) {
  const std::scoped_lock lock(state_->mutex);
  ++state_->by_operation[operation].by_status[std::to_string(status)];
}

void Statistics::count_fault(std::string_view name) {
  const std::scoped_lock lock(state_->mutex);
  ++state_->faults[std::string(name)];
}

void Statistics::count_embedded(std::uint64_t items, std::uint64_t tokens) {
  const std::scoped_lock lock(state_->mutex);
  state_->embedded_items += items;
  state_->embedded_tokens += tokens;
}

void Statistics::reset() {
  const std::scoped_lock lock(state_->mutex);
  state_->all.forget();
  for (auto& [operation, counts] : state_->by_operation) counts.forget();
  state_->faults.clear();
  state_->embedded_items = state_->embedded_tokens = 0;
}

Json Statistics::json() {
  const std::scoped_lock lock(state_->mutex);
  Json operations = Json::object();
  for (const auto& [operation, counts] : state_->by_operation) {
    operations[operation] = {
        {"count", counts.count}, {"in_flight_max", counts.in_flight_max}, {"by_status", counts.by_status}};
  }
  return {{"total", state_->all.count},
          {"in_flight_max", state_->all.in_flight_max},
          {"by_operation", operations},
          {"faults", state_->faults},
          {"embedded", {{"items", state_->embedded_items}, {"tokens", state_->embedded_tokens}}}};
}

}  // namespace tillite
