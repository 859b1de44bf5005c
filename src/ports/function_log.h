#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tillite {

/// A line that a function logged.
struct LogLine {
  std::string group;   ///< "/aws/lambda/embedding-vector-compact"
  std::string stream;  ///< one of a group's parts: all that one process logged
  std::int64_t timestamp_ms = 0;
  std::string message;
};

/// Where an event stands among all others: by time, and at the same time by when it came.
struct LogPosition {
  std::int64_t timestamp_ms = 0;
  std::int64_t id = 0;
  auto operator<=>(const LogPosition&) const = default;
};

struct LogEvent {
  LogPosition position;
  std::int64_t ingested_ms = 0;
  std::string stream;
  std::string message;
};

/// Which events, and from which end.
struct LogQuery {
  std::string group;
  std::vector<std::string> streams;  ///< empty: all
  std::string stream_prefix;         ///< empty: all
  std::int64_t from_ms = 0;
  std::int64_t until_ms = std::numeric_limits<std::int64_t>::max();  ///< these not any more
  std::optional<LogPosition> after;
  std::optional<LogPosition> before;
  bool newest_first = false;
  std::size_t count_max = 1000;
};

struct LogStream {
  std::string name;
  std::int64_t created_ms = 0;  ///< when its first event that is kept came
  std::int64_t first_event_ms = 0;
  std::int64_t last_event_ms = 0;
  std::int64_t last_ingestion_ms = 0;
};

/// What functions logged: CloudWatch Logs, or a table in SQLite. A limited number of events is kept, the newest.
///
/// Threads: any. Durability: a crash of the machine may take the last events with it.
/// Errors: `unavailable`, `corrupt`, `no_space`.
class FunctionLog {
 public:
  static constexpr std::int64_t kEventsMax = 200'000;
  static constexpr std::size_t kMessageBytesMax = 256 * 1024;  ///< of one event; the rest is cut off

  virtual ~FunctionLog() = default;
  [[nodiscard]] virtual Result<void> append(std::span<const LogLine> lines) = 0;
  /// In the order of their positions, or from the newest on.
  [[nodiscard]] virtual Result<std::vector<LogEvent>> read(const LogQuery& query) = 0;
  /// The groups that have events, by name.
  [[nodiscard]] virtual Result<std::vector<std::string>> groups() = 0;
  /// Of a group, by name.
  [[nodiscard]] virtual Result<std::vector<LogStream>> streams(const std::string& group) = 0;
};

}  // namespace tillite
