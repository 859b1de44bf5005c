#pragma once

#include <atomic>
#include <expected>
#include <map>
#include <stop_token>

#include "workflow/history.h"
#include "workflow/payload_template.h"
#include "workflow/task_runner.h"

namespace tillite {

/// How a state or machine failed, for Retry, Catch and the execution's end.
struct Failure {
  std::string error;
  std::string cause;
};

/// What came of a state or machine; a Failure is part of the language. Errors of the walk itself (the table fails, the
/// lease is lost, somebody asks to stop) are the Result around it: no Retry or Catch ever sees them.
using Outcome = std::expected<Json, Failure>;

/// Walks one execution through its definition. What the history says has ended is taken from it, not done again.
class Interpreter {
 public:
  Interpreter(History& history, TaskRunner& tasks, Clock& clock, Random& random, ExecutionId execution,
              std::size_t threads_max, std::stop_token stop)
      : history_(history),
        tasks_(tasks),
        clock_(clock),
        random_(random),
        execution_(std::move(execution)),
        threads_max_(threads_max),
        stop_(std::move(stop)) {}

  /// `place` is the path of the machine in the execution ("" for the outermost), `context` what "$$" shows.
  [[nodiscard]] Result<Outcome> machine(const Json& definition, Json input, const std::string& place,
                                        const Json& context);

 private:
  struct Visit;
  struct Transition;
  using Ended = std::expected<Transition, Failure>;

  [[nodiscard]] Result<Ended> state(Visit& visit, const Json& raw_input);
  [[nodiscard]] Result<Outcome> work(Visit& visit, const Json& input);
  [[nodiscard]] Result<Outcome> task(Visit& visit, const Json& input);
  [[nodiscard]] Result<Outcome> call(Visit& visit, TaskRunner::Call call);
  [[nodiscard]] Result<Outcome> map(Visit& visit, const Json& input);
  [[nodiscard]] Result<Outcome> iteration(Visit& visit, const Json& input, const Json& item, std::size_t index);
  [[nodiscard]] Result<Ended> choice(Visit& visit, const Json& input);
  [[nodiscard]] Result<Outcome> wait(Visit& visit, const Json& input);
  [[nodiscard]] Outcome with_result(const Visit& visit, const Json& raw_input, const Json& result);

  History& history_;
  TaskRunner& tasks_;
  Clock& clock_;
  Random& random_;
  ExecutionId execution_;
  std::size_t threads_max_;
  std::stop_token stop_;
};

}  // namespace tillite
