#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "emulator/faults/fault_spec.h"

namespace tillite {

/// What the next requests of an operation get, whatever they ask for: a fault, or an answer that was given before.
struct ScriptedAnswer {
  std::string operation;  ///< "POST /v1/batches", "GET /v1/files/{id}/content"; "*": any
  std::size_t skip = 0;   ///< so many are let through before
  std::size_t times = 1;  ///< so many get it
  std::optional<RequestFault> fault;
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<Json> body;  ///< nothing: an empty one

  /// {"on": "POST /v1/batches", "skip": 1, "times": 2, "fault": "cut-after"} or {..., "status": 503, "headers": {...},
  /// "body": {...}}; without "body" it is empty.
  [[nodiscard]] static Result<ScriptedAnswer> parse(const Json& json);
};

/// The answers that wait for their requests. Threads: any.
class AnswerScript {
 public:
  void add(std::vector<ScriptedAnswer> answers);
  void clear();
  /// What the request that has just come of this operation gets.
  [[nodiscard]] std::optional<ScriptedAnswer> take(std::string_view operation);

 private:
  std::mutex mutex_;
  std::deque<ScriptedAnswer> answers_;
};

}  // namespace tillite
