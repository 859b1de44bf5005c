#include "workflow/durable/active_executions.h"

#include <array>
#include <deque>

#include "base/uuid.h"

namespace tillite {

ActiveExecution* ActiveExecutions::find(const std::string& id) {
  const auto found = active_.find(id);
  return found == active_.end() ? nullptr : found->second.get();
}

std::optional<std::int64_t> ActiveExecutions::next_wake_ms() const {
  return wakes_.empty() ? std::nullopt : std::optional(wakes_.begin()->first);
}

Result<void> ActiveExecutions::take_in(ExecutionRow row) {
  const std::string id = row.id;
  if (contains(id)) return {};
  auto machine = StateMachine::parse(row.machine, row.definition,
                                     row.type == "EXPRESS" ? MachineType::express : MachineType::standard);
  if (!machine) return give_up(std::move(row), machine.error().in(fmt::format("the execution {}", id)));
  const States& states = machine->states();
  ActiveExecution& taken = *active_.emplace(id, make(std::move(row), *machine, states)).first->second;
  const auto journal = TRY(store_.journal(id));
  if (journal.empty()) {
    taken.tell({.kind = Told::Kind::start, .now_ms = clock_.now_ms()});
  } else {
    resumed_.insert(id);
    if (const auto replayed = taken.replay(journal); !replayed) {
      ExecutionRow given_up = taken.row;
      drop(id);
      return give_up(std::move(given_up), replayed.error());
    }
    if (taken.row.redrives > taken.redrives_told())
      taken.tell({.kind = Told::Kind::redrive, .now_ms = taken.row.redriven_ms});
  }
  settle(id);
  return {};
}

void ActiveExecutions::tell(const std::string& id, Told told) {
  ActiveExecution* execution = find(id);
  if (execution == nullptr) return;
  execution->tell(std::move(told));
  settle(id);
}

void ActiveExecutions::advance(std::int64_t now_ms) {
  while (!wakes_.empty() && wakes_.begin()->first <= now_ms)
    tell(wakes_.begin()->second->id(), {.kind = Told::Kind::advance, .now_ms = now_ms});
}

std::unique_ptr<ActiveExecution> ActiveExecutions::make(ExecutionRow row, const StateMachine& machine,
                                                        const States& states) {
  const bool express = row.type == "EXPRESS";
  Interpreter::Options options{
      .limits = settings_.limits, .keeps_history = settings_.keeps_history, .may_be_redriven = row.redrives > 0};
  if (express) options.limits.events_max = 0;
  Interpreter::Identity identity{.execution_arn = arn_of(row),
                                 .execution_name = row.name,
                                 .machine_arn = arn("stateMachine", row.machine),
                                 .machine_name = row.machine,
                                 .role_arn = fmt::format("arn:aws:iam::{}:role/tillite", settings_.account),
                                 .region = settings_.region,
                                 .account = settings_.account};
  row.owner = owner_;
  row.lease_until_ms = clock_.now_ms() + settings_.lease_ms;
  ActiveExecution::Owner& self = *this;
  return std::make_unique<ActiveExecution>(std::move(row), machine, states, std::move(identity), options, self);
}

std::string ActiveExecutions::arn(std::string_view kind, const std::string& name) const {
  return fmt::format("arn:aws:states:{}:{}:{}:{}", settings_.region, settings_.account, kind, name);
}

std::string ActiveExecutions::arn_of(const ExecutionRow& row) const {
  return arn(row.type == "EXPRESS" && row.map_run.empty() ? "express" : "execution", row.id);
}

Result<void> ActiveExecutions::give_up(ExecutionRow row, const Error& error) {
  log_.error(error.message(), {{"execution", row.id}});
  row.status = "FAILED";
  row.error = errors::kRuntime;
  row.cause = error.message();
  row.stopped_ms = clock_.now_ms();
  TRY((*TRY(batch())).update(row));
  if (row.map_run.empty()) gave_up_.push_back(row.id);
  return {};
}

void ActiveExecutions::settle(const std::string& first) {
  std::deque<std::string> touched = {first};
  while (!touched.empty()) {
    ActiveExecution* const execution = find(touched.front());
    touched.pop_front();
    if (execution == nullptr) continue;
    if (!std::exchange(execution->is_dirty, true)) dirty_.push_back(execution->id());
    for (const std::int64_t request : execution->take_fresh()) {
      const auto asked = execution->asked.find(request);
      if (asked == execution->asked.end()) continue;
      if (const auto* child = std::get_if<ChildExecution>(&asked->second.request.what)) {
        const auto next = begin_child(*execution, request, ChildExecution(*child));
        if (!next) return keep(next.error());
        if (*next) touched.push_back(**next);
      } else {
        asked_.emplace_back(execution->id(), request);
      }
    }
    for (const std::string& child : std::exchange(unwanted_, {})) {
      ActiveExecution* const unwanted = find(child);
      if (unwanted == nullptr) {
        unwanted_elsewhere_.push_back(child);
        continue;
      }
      unwanted->parent = nullptr;
      unwanted->tell({.kind = Told::Kind::stop, .now_ms = clock_.now_ms()});
      touched.push_back(child);
    }
    if (execution->wake_ms) wakes_.erase({*execution->wake_ms, execution});
    execution->wake_ms = execution->interpreter().next_wake_ms();
    if (execution->wake_ms) wakes_.emplace(*execution->wake_ms, execution);
    if (execution->interpreter().end() && execution->parent != nullptr) {
      touched.push_back(execution->parent->id());
      tell_parent(*execution);
    }
  }
}

Result<std::optional<std::string>> ActiveExecutions::begin_child(ActiveExecution& parent, std::int64_t request,
                                                                 const ChildExecution& child) {
  ExecutionRow row{.machine = child.map_run.substr(0, child.map_run.rfind(':')),
                   .name = uuid5(fmt::format("{}#{}#{}", child.map_run, child.index, child.redrive)),
                   .type = child.map->express ? "EXPRESS" : "STANDARD",
                   .started_ms = clock_.now_ms(),
                   .definition = parent.row.definition,
                   .input = to_text(child.input),
                   .map_run = child.map_run};
  row.id = fmt::format("{}:{}", row.machine, row.name);
  const std::string id = row.id;
  parent.asked.at(request).child = id;
  if (MapRunRow* run = map_run(child.map_run)) {
    run->total = child.total;
    changed_runs_.insert(run->id);
  }
  // A parent that was walked before may have begun this child then.
  const auto before = resumed_.contains(parent.id()) ? TRY(store_.execution(id)) : std::nullopt;
  if (before && before->status != "RUNNING") {
    News news{.kind = before->status == "SUCCEEDED" ? News::Kind::succeeded : News::Kind::failed,
              .failure = {.error = before->error.value_or(""), .cause = before->cause}};
    if (before->output && child.wants_output) news.output = TRY(parse_value(*before->output, id));
    parent.tell({.kind = Told::Kind::answer, .now_ms = clock_.now_ms(), .request = request, .news = std::move(news)});
    return parent.id();
  }
  if (before) row = *before;
  auto made = make(std::move(row), parent.machine(), child.map->processor);
  ActiveExecution& begun = *active_.emplace(id, std::move(made)).first->second;
  begun.parent = &parent;
  begun.parent_request = request;
  begun.parent_wants_output = child.wants_output;
  begun.is_new = !before;
  if (before) {
    resumed_.insert(id);
    TRY((*TRY(batch())).take_over(id, begun.row.lease_until_ms));
    if (const auto replayed = begun.replay(TRY(store_.journal(id))); !replayed) {
      ExecutionRow given_up = begun.row;
      drop(id);
      TRY(give_up(std::move(given_up), replayed.error()));
      parent.tell({.kind = Told::Kind::answer,
                   .now_ms = clock_.now_ms(),
                   .request = request,
                   .news = {.kind = News::Kind::failed,
                            .failure = {.error = errors::kRuntime, .cause = replayed.error().message()}}});
      return parent.id();
    }
  } else {
    begun.tell({.kind = Told::Kind::start, .now_ms = clock_.now_ms()});
  }
  return id;
}

Result<std::optional<MachineRow>> ActiveExecutions::machine_row(const std::string& name) {
  auto row = TRY(store_.machine(name));
  if (!row && settings_.machine) row = settings_.machine(name);
  return row;
}

Result<void> ActiveExecutions::start_nested(const std::string& id, std::int64_t request) {
  ActiveExecution* const starter = find(id);
  if (starter == nullptr || !starter->asked.contains(request)) return {};
  const ActiveExecution::Asked& asked = starter->asked.at(request);
  const TaskCall call = std::get<TaskCall>(asked.request.what);
  const auto refuse = [&](Failure failure) {
    tell(id, {.kind = Told::Kind::answer,
              .now_ms = clock_.now_ms(),
              .request = request,
              .news = {.kind = News::Kind::failed, .failure = std::move(failure)}});
  };
  // The same each time that this execution is walked.
  const std::string made_up = uuid5(fmt::format("{}#{}", id, request));
  const auto start = nested_start(call, made_up);
  if (!start) {
    refuse(start.error());
    return {};
  }
  if (asked.submitted) {  // before this process walked its starter
    await(*starter, request, started_id(asked.answer), *start);
    return {};
  }
  const auto machine = TRY(machine_row(start->machine));
  if (!machine) {
    refuse(start_refused("StateMachineDoesNotExist",
                         fmt::format("State Machine Does Not Exist: '{}'", start->machine_arn)));
    return {};
  }
  const bool express = machine->type == "EXPRESS";
  ExecutionRow row{.machine = start->machine,
                   .name = start->name,
                   .type = machine->type,
                   .started_ms = clock_.now_ms(),
                   .definition = machine->definition,
                   .input = start->input};
  // As on AWS executions of express machines may have one name; what follows it tells them apart.
  if (express) row.name += ":" + made_up;
  row.id = fmt::format("{}:{}", row.machine, row.name);
  TRY(batch());  // from here on nobody else can take the name
  ActiveExecution* const here = find(row.id);
  const auto there = here != nullptr ? std::optional(here->row) : TRY(store_.execution(row.id));
  const bool is_ours = start->name == made_up;  // by a walker that has lost its starter meanwhile
  if (there && !is_ours && (there->status != "RUNNING" || there->input != row.input)) {
    refuse(start_refused("ExecutionAlreadyExists",
                         fmt::format("Execution Already Exists: '{}'", arn("execution", row.id))));
    return {};
  }
  if (!there) {
    auto parsed =
        StateMachine::parse(row.machine, row.definition, express ? MachineType::express : MachineType::standard);
    if (!parsed) {
      refuse(start_refused("InvalidDefinition", parsed.error().message()));
      return {};
    }
    const States& states = parsed->states();
    ActiveExecution& begun = *active_.emplace(row.id, make(ExecutionRow(row), *parsed, states)).first->second;
    begun.is_new = true;
    begun.tell({.kind = Told::Kind::start, .now_ms = clock_.now_ms()});
    settle(row.id);
  }
  await(*starter, request, row.id, *start);
  const bool ends = start->waits_for == NestedStart::WaitsFor::nothing;
  const ExecutionRow& started = there ? *there : row;
  tell(id, {.kind = Told::Kind::answer,
            .now_ms = clock_.now_ms(),
            .request = request,
            .news = {.kind = ends ? News::Kind::succeeded : News::Kind::submitted,
                     .output = start_answer(started, arn_of(started))}});
  return {};
}

void ActiveExecutions::await(ActiveExecution& starter, std::int64_t request, const std::string& awaited,
                             const NestedStart& start) {
  if (start.waits_for != NestedStart::WaitsFor::end) return;
  starter.asked.at(request).child = awaited;
  awaited_[awaited].push_back({starter.id(), request, start.machine_arn, start.parses_output});
  has_new_awaited_ = true;
}

std::vector<std::string> ActiveExecutions::awaited_elsewhere(const std::vector<std::string>& ended, bool all) {
  std::vector<std::string> ids;
  if (std::exchange(has_new_awaited_, false) || all) {
    for (const auto& [id, waiting] : awaited_) ids.push_back(id);
  } else {
    ids = ended;
  }
  std::erase_if(ids, [&](const std::string& id) { return !awaited_.contains(id) || contains(id); });
  return ids;
}

void ActiveExecutions::awaited_ended(const ExecutionRow& ended) {
  const auto found = awaited_.extract(ended.id);
  if (found.empty()) return;
  for (const Waiting& waiting : found.mapped()) {
    tell(waiting.execution, {.kind = Told::Kind::answer,
                             .now_ms = clock_.now_ms(),
                             .request = waiting.request,
                             .news = nested_end(ended, arn_of(ended), waiting.machine_arn, waiting.parses_output)});
  }
}

void ActiveExecutions::tell_parent(ActiveExecution& child) {
  const ExecutionEnd& end = *child.interpreter().end();
  const bool succeeded = end.kind == ExecutionEnd::Kind::succeeded;
  if (MapRunRow* run = map_run(child.row.map_run)) {
    ++(succeeded ? run->succeeded : run->failed);
    changed_runs_.insert(run->id);
  }
  News news{.kind = succeeded ? News::Kind::succeeded : News::Kind::failed, .failure = end.failure};
  if (child.parent_wants_output) news.output = end.output;
  std::exchange(child.parent, nullptr)
      ->tell({.kind = Told::Kind::answer,
              .now_ms = clock_.now_ms(),
              .request = child.parent_request,
              .news = std::move(news)});
}

void ActiveExecutions::map_run_began(ActiveExecution& execution, const std::string& run, const MapRunLimits& limits) {
  map_runs_[run] = {.id = run, .execution = execution.id(), .started_ms = clock_.now_ms(), .limits = limits};
  changed_runs_.insert(run);
}

Result<void> ActiveExecutions::heed_map_run_limits() {
  std::vector<std::pair<std::string, MapRunRow>> changed;
  for (const auto& [id, execution] : active_) {
    for (const auto& [run, known] : execution->map_runs()) {
      const auto row = TRY(store_.map_run(run));
      if (row && row->limits != known) changed.emplace_back(id, *row);
    }
  }
  for (auto& [id, row] : changed)
    tell(id, {.kind = Told::Kind::map_run, .now_ms = clock_.now_ms(), .map_run = row.id, .limits = row.limits});
  return {};
}

void ActiveExecutions::map_run_ended(const std::string& run, bool succeeded) {
  MapRunRow* const row = map_run(run);
  if (row == nullptr) return;
  row->status = succeeded ? "SUCCEEDED" : "FAILED";
  row->stopped_ms = clock_.now_ms();
  changed_runs_.insert(run);
}

MapRunRow* ActiveExecutions::map_run(const std::string& run) {
  const auto here = map_runs_.find(run);
  if (here != map_runs_.end()) return &here->second;
  auto stored = store_.map_run(run);
  if (!stored) keep(stored.error());
  if (!stored || !*stored) return nullptr;
  return &map_runs_.emplace(run, **std::move(stored)).first->second;
}

Result<ExecutionStore::Batch*> ActiveExecutions::batch() {
  if (!batch_) batch_ = TRY(store_.begin(owner_));
  return batch_.get();
}

void ActiveExecutions::history_is_full(ActiveExecution& execution) {
  const auto written = write(execution);
  if (!written && written.error().code() != Code::lost_lease) keep(written.error());
}

Result<void> ActiveExecutions::write(ActiveExecution& execution) {
  ExecutionStore::Batch& batch = *TRY(this->batch());
  if (std::exchange(execution.is_new, false)) {
    TRY(batch.create(execution.row));
  } else {
    TRY(batch.check_owner(execution.id()));
  }
  if (const auto journal = execution.take_journal(); !journal.lines.empty())
    TRY(batch.add_journal(execution.id(), journal));
  if (const auto events = execution.take_events(); !events.lines.empty()) TRY(batch.add_events(execution.id(), events));
  ExecutionRow& row = execution.row;
  row.events = execution.interpreter().events();
  if (const auto& end = execution.interpreter().end()) {
    constexpr std::array<std::string_view, 4> kEnds = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
    row.status = kEnds.at(static_cast<std::size_t>(end->kind));
    row.stopped_ms = clock_.now_ms();
    if (end->kind == ExecutionEnd::Kind::succeeded) {
      row.output = to_text(end->output);
    } else {
      if (!end->failure.error.empty()) row.error = end->failure.error;
      row.cause = end->failure.cause;
    }
  }
  return batch.update(row);
}

Result<ActiveExecutions::Written> ActiveExecutions::write() {
  Written answer;
  std::vector<std::string> ended;
  for (const std::string& id : std::exchange(dirty_, {})) {
    ActiveExecution* const execution = find(id);
    if (execution == nullptr) continue;
    execution->is_dirty = false;
    const auto written = write(*execution);
    if (!written && written.error().code() == Code::lost_lease) {
      answer.lost.push_back(id);
    } else if (!written) {
      return std::unexpected(written.error());
    } else if (execution->interpreter().end()) {
      ended.push_back(id);
    }
  }
  for (const std::string& run : std::exchange(changed_runs_, {})) TRY((*TRY(batch())).put_map_run(map_runs_.at(run)));
  if (broken_) return std::unexpected(*std::exchange(broken_, std::nullopt));
  if (batch_) TRY(std::exchange(batch_, nullptr)->commit());
  for (const std::string& id : answer.lost) drop(id);
  for (const std::string& id : ended) {
    if (active_.at(id)->row.map_run.empty()) answer.ended.push_back(id);
    drop(id);
  }
  std::ranges::move(std::exchange(gave_up_, {}), std::back_inserter(answer.ended));
  return answer;
}

void ActiveExecutions::drop(const std::string& id) {
  const auto found = active_.find(id);
  ActiveExecution& execution = *found->second;
  for (auto& [request, asked] : execution.asked) asked.stop.request_stop();
  if (execution.wake_ms) wakes_.erase({*execution.wake_ms, &execution});
  std::erase_if(map_runs_, [&](const auto& run) { return run.second.execution == id; });
  resumed_.erase(id);
  active_.erase(found);
}

void ActiveExecutions::keep(const Error& error) {
  if (!broken_) broken_ = error;
}

void ActiveExecutions::clear() {
  for (auto& [id, execution] : active_) {
    for (auto& [request, asked] : execution->asked) asked.stop.request_stop();
  }
  wakes_.clear();
  dirty_.clear();
  resumed_.clear();
  asked_.clear();
  gave_up_.clear();
  map_runs_.clear();
  changed_runs_.clear();
  batch_.reset();
  active_.clear();
  unwanted_.clear();
  unwanted_elsewhere_.clear();
  awaited_.clear();
  broken_.reset();
}

}  // namespace tillite
