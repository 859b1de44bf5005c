#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ports/clock.h"
#include "ports/table.h"
#include "workflow/engine.h"

namespace tillite {

[[nodiscard]] ItemKey execution_key(const ExecutionId& id);

/// The events of one execution: what AWS shows, and all that a walk needs to go on. Events are gathered and written
/// together, at the latest when a state ends; each write checks that this walker still owns the execution. Threads:
/// any.
class History {
 public:
  static constexpr std::int64_t kEventsMax = 25'000;  // as AWS has it

  History(Table& table, Clock& clock, ExecutionId id, std::string owner)
      : table_(table), clock_(clock), id_(std::move(id)), owner_(std::move(owner)) {}

  /// Reads what an earlier walk recorded.
  [[nodiscard]] Result<void> load();

  /// Notes an event; `place` is the state's path in this walk (empty: none), `record` what a resumed walk has to know.
  void add(const std::string& type, Json details, const std::string& place = "", Json record = nullptr);
  /// Everything noted so far is durable when this returns. `lost_lease` if another walker has taken over.
  [[nodiscard]] Result<void> flush();
  /// flush() with the end of the execution in the same transaction: `set` goes into its row.
  [[nodiscard]] Result<void> finish(Json set);

  /// What was recorded when the state at `place` ended: {"output", "next"}; nothing if it has not ended.
  [[nodiscard]] std::optional<Json> ended(const std::string& place);
  /// When the state at `place` was entered in an earlier walk; nothing if it was not.
  [[nodiscard]] std::optional<std::int64_t> entered_ms(const std::string& place);
  /// The errors of the attempts that failed at `place` so far.
  [[nodiscard]] std::vector<std::string> failures(const std::string& place);
  [[nodiscard]] std::int64_t size();

 private:
  void index(const Item& row);
  [[nodiscard]] Result<void> write(Json set, std::vector<std::string> remove);

  Table& table_;
  Clock& clock_;
  ExecutionId id_;
  std::string owner_;
  std::mutex mutex_;
  std::int64_t events_ = 0;
  std::vector<Item> waiting_;
  std::map<std::string, Json> ended_;
  std::map<std::string, std::int64_t> entered_;
  std::map<std::string, std::vector<std::string>> failures_;
};

}  // namespace tillite
