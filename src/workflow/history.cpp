#include "workflow/history.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::size_t kEventsAtOnce = 90;  // and the execution's row: a transaction has at most 100 writes

}  // namespace

ItemKey execution_key(const ExecutionId& id) { return {fmt::format("EXECUTION#{}", id.str()), "EXECUTION"}; }

Result<void> History::load() {
  return for_each_item(table_, {.hash = execution_key(id_).pk, .range_prefix = "EVENT#"},
                       [&](const Item& row) -> Result<void> {
                         ++events_;
                         index(row);
                         return {};
                       });
}

void History::index(const Item& row) {
  const std::string place = row.value("place", "");
  if (place.empty()) return;
  const std::string type = row.at("type").get<std::string>();
  if (type.ends_with("StateExited") || type == "MapIterationSucceeded") ended_[place] = row.value("record", Json());
  if (type.ends_with("StateEntered")) entered_.emplace(place, row.at("timestamp_ms").get<std::int64_t>());
  if (type == "TaskFailed" || type == "MapStateFailed")
    failures_[place].push_back(row.at("details").value("error", ""));
}

void History::add(const std::string& type, Json details, const std::string& place, Json record) {
  const std::scoped_lock lock(mutex_);
  const std::int64_t number = ++events_;
  Item row = {{"PK", execution_key(id_).pk},     {"SK", fmt::format("EVENT#{:010}", number)},
              {"TYPE", "EXECUTION_EVENT"},       {"event_id", number},
              {"previous_id", number - 1},       {"type", type},
              {"timestamp_ms", clock_.now_ms()}, {"details", std::move(details)}};
  if (!place.empty()) row["place"] = place;
  if (!record.is_null()) row["record"] = std::move(record);
  index(row);
  waiting_.push_back(std::move(row));
}

Result<void> History::flush() {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty()) return {};
  return write(Json::object(), {});
}

Result<void> History::finish(Json set) {
  const std::scoped_lock lock(mutex_);
  return write(std::move(set), {"owner", "lease_until_ms", "GSI3PK", "GSI3SK"});
}

/// In transactions of bounded size; what ends the execution comes with the last.
Result<void> History::write(Json set, std::vector<std::string> remove) {
  const auto row = execution_key(id_);
  do {
    const std::size_t count = std::min(waiting_.size(), kEventsAtOnce);
    const bool last = count == waiting_.size();
    Update own{.key = row,
               .set = {{"events", waiting_.empty() ? events_ : waiting_[count - 1].at("event_id").get<std::int64_t>()}},
               .condition = {equal("owner", owner_)}};
    if (last) {
      own.set.update(set);
      own.remove = remove;
    }
    std::vector<Write> writes = {std::move(own)};
    for (std::size_t i = 0; i < count; ++i) writes.emplace_back(Put{waiting_[i], {absent("PK")}});
    const auto written = table_.transact(writes);
    if (!written && written.error().code() == Code::conflict) {
      return fail(Code::lost_lease, "the execution {} was taken over by another process", id_.str());
    }
    if (!written) return written;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  } while (!waiting_.empty());
  return {};
}

std::optional<Json> History::ended(const std::string& place) {
  const std::scoped_lock lock(mutex_);
  const auto found = ended_.find(place);
  return found == ended_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> History::entered_ms(const std::string& place) {
  const std::scoped_lock lock(mutex_);
  const auto found = entered_.find(place);
  return found == entered_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> History::failures(const std::string& place) {
  const std::scoped_lock lock(mutex_);
  const auto found = failures_.find(place);
  return found == failures_.end() ? std::vector<std::string>{} : found->second;
}

std::int64_t History::size() {
  const std::scoped_lock lock(mutex_);
  return events_;
}

}  // namespace tillite
