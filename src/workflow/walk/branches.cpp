#include "workflow/walk/walk.h"

namespace tillite {

Flow<Interpreter::Walk::Done> Interpreter::Walk::walk_branch(Branch& branch, const States& states, Value input,
                                                             NoticeBox& parent) {
  Outcome outcome = co_await line_of(states, std::move(input), branch.line);
  branch.outcome = std::move(outcome);
  if (remembers_ && *branch.outcome) footprint_.branches[branch.line.place] = **branch.outcome;
  parent.push({Notice::Kind::branch_ended, branch.index, {}});
  co_return Done{};
}

std::string Interpreter::Walk::branch_place(const Visit& visit, std::int64_t index) const {
  return remembers_ ? fmt::format("{}[{}]", visit.place, index) : std::string();
}

std::optional<Value> Interpreter::Walk::known_branch(const std::string& place) const {
  const auto found = before_.branches.find(place);
  return found == before_.branches.end() ? std::nullopt : std::optional(found->second);
}

void Interpreter::Walk::forget_branches(const Visit& visit) {
  if (!remembers_) return;
  const std::string front = visit.place + "[";
  for (Footprint* footprint : {&before_, &footprint_}) {
    const auto inside = [&](const auto& entry) { return entry.first.starts_with(front); };
    std::erase_if(footprint->left, inside);
    std::erase_if(footprint->entered, inside);
    std::erase_if(footprint->branches, inside);
    std::erase_if(footprint->map_runs, inside);
    footprint->map_runs.erase(visit.place);
  }
}

/// The state in which a branch failed or was cut off, where it is one that AWS shows as aborted.
void Interpreter::Walk::abort(Branch& branch, std::int64_t previous) {
  const State* at = branch.line.at;
  branch.flow.reset();
  if (at == nullptr) return;
  const std::string_view type = at->type();
  if (type == "Task" || type == "Wait" || type == "Parallel" || type == "Map")
    record(fmt::format("{}StateAborted", type), previous);
}

Flow<Outcome> Interpreter::Walk::parallel(Visit& visit, const ParallelState& parallel, Value input) {
  const Outcome payload = this->payload(visit, input);
  if (!payload) co_return payload;
  const std::int64_t started = record("ParallelStateStarted", visit.line.previous);
  visit.line.previous = started;
  if (trial_ != nullptr) co_return trial_->branches;
  NoticeBox box(ready_);
  std::vector<Branch> branches(parallel.branches.size());
  for (std::size_t i = 0; i < branches.size(); ++i) {
    branches[i].index = static_cast<std::int64_t>(i);
    branches[i].line = {.outer = &visit.line,
                        .previous = started,
                        .variables = visit.line.variables,
                        .place = branch_place(visit, branches[i].index)};
    if (auto known = known_branch(branches[i].line.place)) {
      branches[i].outcome = *std::move(known);
      box.push({Notice::Kind::branch_ended, branches[i].index, {}});
      continue;
    }
    branches[i].flow = walk_branch(branches[i], parallel.branches[i], *payload, box);
  }
  for (Branch& branch : branches) {
    if (branch.flow) branch.flow->start();
  }

  Value::Array results(branches.size());
  for (std::size_t ended = 0; ended < branches.size(); ++ended) {
    const Notice notice = co_await box.next();
    Branch& branch = branches[static_cast<std::size_t>(notice.source)];
    visit.line.previous = branch.line.previous;
    if (!*branch.outcome) {
      for (Branch& other : branches) {
        if (!other.outcome || !*other.outcome) abort(other, visit.line.previous);
      }
      co_return std::unexpected(branch.outcome->error());
    }
    results[static_cast<std::size_t>(notice.source)] = **branch.outcome;
  }
  record("ParallelStateSucceeded", visit.line.previous);
  co_return Value(std::move(results));
}

}  // namespace tillite
