#include "workflow/durable/active_execution.h"

#include "workflow/durable/nested_start.h"

namespace tillite {
namespace {

constexpr std::size_t kBlockBytesMax = 256 * 1024;

/// The execution whose end a request waits for; empty if none's. One that was submitted before this process walked its
/// starter may not have been handed out here yet: then its answer tells.
std::string execution_awaited_by(const ActiveExecution::Asked& asked) {
  const auto* const call = std::get_if<TaskCall>(&asked.request.what);
  if (!asked.child.empty() || call == nullptr || !asked.submitted) return asked.child;
  return waits_for_end(call->resource) ? started_id(asked.answer) : "";
}

}  // namespace

ActiveExecution::ActiveExecution(ExecutionRow execution, StateMachine machine, const States& states,
                                 Interpreter::Identity identity, Interpreter::Options options, Owner& owner)
    : row(std::move(execution)),
      machine_(std::move(machine)),
      owner_(owner),
      interpreter_(states, std::move(identity), options, *this) {}

void ActiveExecution::tell(Told told) {
  journal_ += to_line(told);
  ++journal_next_;
  apply(told);
}

void ActiveExecution::apply(const Told& told) {
  switch (told.kind) {
    case Told::Kind::start: {
      const auto input = parse_value(row.input, "an execution's input");
      check(input.has_value(), "the input of an execution was checked when it was started");
      const bool whole = row.map_run.empty();
      interpreter_.start(*input, told.now_ms, whole ? machine_.timeout_s() : std::nullopt);
      break;
    }
    case Told::Kind::answer: {
      const auto found = asked.find(told.request);
      if (found == asked.end()) break;
      if (told.news.kind == News::Kind::submitted) {
        found->second.submitted = true;
        found->second.answer = told.news.output;
      }
      if (told.news.kind == News::Kind::started) found->second.handed_out = true;
      if (told.news.kind == News::Kind::succeeded || told.news.kind == News::Kind::failed) asked.erase(found);
      interpreter_.tell(told.request, told.news, told.now_ms);
      break;
    }
    case Told::Kind::advance:
      interpreter_.advance(told.now_ms);
      break;
    case Told::Kind::stop:
      interpreter_.stop(told.error, told.cause, told.now_ms);
      break;
    case Told::Kind::map_run:
      map_runs_.insert_or_assign(told.map_run, told.limits);
      interpreter_.limit_map_run(told.map_run, told.limits, told.now_ms);
      break;
    case Told::Kind::redrive:
      ++redrives_told_;
      interpreter_.redrive(told.now_ms);
      break;
  }
}

Result<void> ActiveExecution::replay(const std::vector<ExecutionStore::Block>& journal) {
  replaying_ = true;
  for (const ExecutionStore::Block& block : journal) {
    if (block.first != journal_next_)
      return fail(Code::corrupt, "the journal of the execution {} lacks its line {}", id(), journal_next_);
    for (std::string_view lines = block.lines; !lines.empty();) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
      apply(TRY(parse_told(line)));
      ++journal_next_;
    }
  }
  replaying_ = false;
  journal_first_ = journal_next_;
  events_first_ = interpreter_.events() + 1;
  fresh_.clear();
  for (const auto& [request, what] : asked) fresh_.push_back(request);
  if (interpreter_.events() == row.events) return {};
  return fail(Code::unsupported,
              "the execution {} was begun by another version of this program, which walks it otherwise ({} events, not "
              "{}): stop it and start it anew",
              id(), interpreter_.events(), row.events);
}

ExecutionStore::Block ActiveExecution::take_journal() {
  return {std::exchange(journal_first_, journal_next_), std::exchange(journal_, {})};
}

ExecutionStore::Block ActiveExecution::take_events() { return {events_first_, std::exchange(events_, {})}; }

void ActiveExecution::recorded(HistoryEvent event) {
  if (replaying_) return;
  if (events_.empty()) events_first_ = event.id;
  append_line(events_, event);
  if (events_.size() > kBlockBytesMax) owner_.history_is_full(*this);
}

void ActiveExecution::requested(Request request) {
  const std::int64_t id = request.id;
  asked[id].request = std::move(request);
  if (!replaying_) fresh_.push_back(id);
}

void ActiveExecution::withdrawn(std::int64_t request) {
  const auto found = asked.find(request);
  if (found == asked.end()) return;
  found->second.stop.request_stop();
  const std::string child = replaying_ ? "" : execution_awaited_by(found->second);
  if (!child.empty()) owner_.child_is_unwanted(child);
  asked.erase(found);
}

void ActiveExecution::map_run_began(const std::string& run, const MapRunLimits& limits) {
  map_runs_.insert_or_assign(run, limits);
  if (!replaying_) owner_.map_run_began(*this, run, limits);
}

void ActiveExecution::map_run_ended(const std::string& run, bool succeeded) {
  map_runs_.erase(run);
  if (!replaying_) owner_.map_run_ended(run, succeeded);
}

}  // namespace tillite
