#pragma once

#include <deque>
#include <map>

#include "workflow/interpreter.h"

namespace tillite {

/// An execution walked in virtual time, with tasks that behave as a case describes (docs/conformance.md): waits and
/// retries take no time, nothing outside is touched. Children of Distributed Maps are walked along with it.
class Rehearsal {
 public:
  /// What the world around the execution is like.
  struct World {
    Value tasks;    ///< behaviours by resource or function
    Value objects;  ///< what lies in the object store: {Bucket, Key, Body}
    std::string role_arn;
    std::string worker;  ///< who takes the tasks of activities
    Interpreter::Options options;
  };
  Rehearsal(const StateMachine& machine, World world);
  ~Rehearsal();

  /// Walks to the end. `stops`: StopExecution is called as soon as it waits for something. An execution that waits for
  /// what never comes is `failed`.
  [[nodiscard]] Result<ExecutionEnd> run(Value input, bool stops);
  /// The execution's own history.
  [[nodiscard]] const std::vector<HistoryEvent>& events() const { return events_; }

 private:
  class Run;
  struct Answer {
    Run* run;
    std::int64_t request;
    News news;
  };

  void answer(Run& run, const Request& request);
  void answer_task(Run& run, std::int64_t request, const TaskCall& call);
  [[nodiscard]] Outcome read_items(const ItemsToRead& wanted) const;

  const StateMachine& machine_;
  World world_;
  std::vector<HistoryEvent> events_;
  std::map<std::string, std::size_t> played_;  ///< outcomes of scripts
  std::deque<Answer> answers_;                 ///< due now
  std::multimap<std::int64_t, Answer> later_;  ///< due at a moment
  std::vector<std::unique_ptr<Run>> runs_;
  std::int64_t now_ms_ = 1'700'000'000'000;
};

}  // namespace tillite
