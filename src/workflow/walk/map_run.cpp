#include <algorithm>

#include "base/uuid.h"
#include "workflow/walk/walk.h"

namespace tillite {
namespace {

Failure runtime(std::string cause) {
  return {.error = errors::kRuntime, .cause = std::move(cause), .terminal = true, .evaluation = true};
}

std::expected<std::optional<double>, Failure> percentage(const std::optional<Field>& field, const View& view,
                                                         QueryLanguage language) {
  if (!field) return std::nullopt;
  const auto value = field->evaluate(view);
  if (!value) return std::unexpected(value.error());
  if (!value->is_number()) {
    if (language == QueryLanguage::jsonata)
      return std::unexpected(unexpected_type(field->text(), field->name(), "number", *value));
    return std::unexpected(
        runtime(fmt::format("The {} field refers to value \"{}\" which is not a valid float: {}", field->name(),
                            value->is_string() ? value->string() : to_text(*value), field->text())));
  }
  if (value->number() < 0 || value->number() > 100)
    return std::unexpected(runtime("ToleratedFailurePercentage must be between 0 and 100."));
  return value->number();
}

}  // namespace

bool Interpreter::Walk::LiveMapRun::exceeded(std::int64_t failed, std::size_t total) const {
  const auto& count = limits_.tolerated_failure_count;
  const auto& percentage = limits_.tolerated_failure_percentage;
  if (failed == 0) return false;
  if (!count && !percentage) return true;
  const bool by_count = count && failed > *count;
  const bool by_share = percentage && static_cast<double>(failed) * 100 >
                                          *percentage * static_cast<double>(std::max<std::size_t>(total, 1));
  return by_count || by_share;
}

/// The children's inputs, one by one or in batches.
std::expected<std::vector<Value>, Failure> Interpreter::Walk::batches(Visit& visit, const MapState& map,
                                                                      const Value& input, const Value& items) {
  const auto most = whole_number(visit, input, map.batcher->items_max);
  if (!most) return std::unexpected(most.error());
  const auto bytes_max = whole_number(visit, input, map.batcher->input_bytes_max);
  if (!bytes_max) return std::unexpected(bytes_max.error());
  std::optional<Value> common;
  if (map.batcher->batch_input) {
    auto filled = with_view(visit, input, [&](const View& view) { return map.batcher->batch_input->fill(view); });
    if (!filled) return std::unexpected(std::move(filled).error());
    common = *std::move(filled);
  }
  const std::size_t bytes_limit =
      std::min(static_cast<std::size_t>(bytes_max->value_or(static_cast<std::int64_t>(limits_.payload_bytes_max))),
               limits_.payload_bytes_max);
  const std::size_t frame_bytes = 32 + (common ? to_text(*common).size() : 0);
  std::vector<Value> batches;
  Value::Array batch;
  std::size_t batch_bytes = frame_bytes;
  const auto close = [&] {
    if (batch.empty()) return;
    Value::Object object;
    if (common) object.set("BatchInput", *common);
    object.set("Items", Value(std::exchange(batch, {})));
    batches.emplace_back(std::move(object));
    batch_bytes = frame_bytes;
  };
  for (std::size_t i = 0; i < items.array().size(); ++i) {
    auto item = item_input(visit, map, input, {static_cast<std::int64_t>(i), items.array()[i]});
    if (!item) return std::unexpected(std::move(item).error());
    const std::size_t bytes = to_text(*item).size() + 1;
    if (batch_bytes + bytes > bytes_limit) close();
    batch.push_back(*std::move(item));
    batch_bytes += bytes;
    if (*most && batch.size() == static_cast<std::size_t>(**most)) close();
  }
  close();
  return batches;
}

Flow<Outcome> Interpreter::Walk::map_run(Visit& visit, const MapState& map, Value input, std::optional<Value> items,
                                         std::size_t concurrency) {
  MapRunLimits limits{.concurrency_max = static_cast<std::int64_t>(concurrency),
                      .tolerated_failure_count = std::nullopt,
                      .tolerated_failure_percentage = std::nullopt};
  const auto count = whole_number(visit, input, map.tolerated_failure_count);
  if (!count) co_return std::unexpected(count.error());
  limits.tolerated_failure_count = *count;
  if (*count) show("toleratedFailureCount", **count);
  const auto share = with_view(visit, input, [&](const View& view) {
    return percentage(map.tolerated_failure_percentage, view, visit.state.language);
  });
  if (!share) co_return std::unexpected(share.error());
  limits.tolerated_failure_percentage = *share;
  if (*share) show("toleratedFailurePercentage", **share);

  std::string run = fmt::format("{}/{}:{}", identity_.machine_name, map.label, uuid4(random_->bytes()));
  std::map<std::size_t, Value> known;  // what children yielded before a redrive
  if (const auto before = before_.map_runs.find(visit.place); before != before_.map_runs.end()) {
    run = before->second.name;
    known = before->second.results;
  }
  if (remembers_) footprint_.map_runs[visit.place] = {run, known};
  const std::int64_t started = record("MapRunStarted", visit.line.previous,
                                      [&] { return Value::Object{{"mapRunArn", identity_.map_run_arn(run)}}; });
  visit.line.previous = started;
  listener_.map_run_began(run, limits);
  const auto failed = [&](Failure failure) {
    failure = explained(visit, std::move(failure));
    listener_.map_run_ended(run, false);
    visit.line.previous = record("MapRunFailed", started, [&] {
      Value::Object details{{"error", failure.error}};
      if (failure.cause) details.set("cause", *failure.cause);
      return details;
    });
    return std::unexpected(failure);
  };
  NoticeBox box(ready_);
  const auto fill = [&](const std::optional<Template>& content) {
    return content ? with_view(visit, input, [&](const View& view) { return content->fill(view); })
                   : Outcome(Value::Object());
  };

  if (!items) {
    const auto items_max = whole_number(visit, input, map.reader->items_max);
    if (!items_max) co_return failed(items_max.error());
    if (items_max->value_or(0) < 0)
      co_return failed({.error = errors::kItemReaderFailed, .cause = "field MaxItems must be positive"});
    const Outcome parameters = fill(map.reader->parameters);
    if (!parameters) co_return failed(parameters.error());
    Claim answer(*this, ask(box, ItemsToRead{&*map.reader, *parameters, items_max->value_or(0)}));
    const Notice notice = co_await box.next();
    answer.settle();
    if (notice.news.kind == News::Kind::failed) co_return failed(notice.news.failure);
    items = notice.news.output;
  }

  std::vector<Value> batched;
  if (map.batcher) {
    auto made = batches(visit, map, input, *items);
    if (!made) co_return failed(made.error());
    batched = *std::move(made);
    show("afterItemBatcher", batched);
  }
  const std::size_t total = map.batcher ? batched.size() : items->array().size();
  const Failure too_many_failed{.error = errors::kExceedToleratedFailureThreshold,
                                .cause = "The specified tolerated failure threshold was exceeded"};
  if (trial_ != nullptr) {
    const Outcome tried = tried_iterations(visit, map, input, *items);
    if (!tried) co_return failed(tried.error());
    // Where nothing is said of a tolerance, AWS believes the result.
    const bool has_tolerance = *count || *share;
    const LiveMapRun tried_run(*this, run, box, limits);
    if (has_tolerance && tried_run.exceeded(trial_->iterations_failed, total)) co_return failed(too_many_failed);
    co_return tried;
  }
  LiveMapRun live(*this, run, box, limits);
  const auto window = [&] {
    const auto wanted = static_cast<std::size_t>(live.limits().concurrency_max);
    return std::min(wanted == 0 ? limits_.children_max : wanted, limits_.children_max);
  };
  struct Child {
    std::size_t index;
    std::unique_ptr<Claim> answer;
  };
  std::map<std::int64_t, Child> running;
  std::size_t begun = 0;
  std::int64_t failures = 0;
  const bool into_objects = map.writer && !map.writer->resource.empty();
  using Transformation = ResultWriter::Transformation;
  // Without an object, too, whoever wants to see all of the children leaves their results to be collected.
  const bool writes = into_objects || (map.writer && map.writer->transformation == Transformation::none);
  std::vector<std::optional<Value>> results(writes ? 0 : total);
  while (begun < total || !running.empty()) {
    while (begun < total && running.size() < window()) {
      const std::size_t index = begun++;
      if (const auto before = known.find(index); before != known.end()) {
        if (!writes) results[index] = before->second;
        continue;
      }
      Outcome child_input =
          map.batcher ? Outcome(std::move(batched[index]))
                      : item_input(visit, map, input, {static_cast<std::int64_t>(index), items->array()[index]});
      if (!child_input) co_return failed(child_input.error());
      const std::int64_t request =
          ask(box, ChildExecution{&map, run, static_cast<std::int64_t>(index), redrives_,
                                  static_cast<std::int64_t>(total), *std::move(child_input), !writes});
      running.emplace(request, Child{index, std::make_unique<Claim>(*this, request)});
    }
    if (running.empty()) break;
    const Notice notice = co_await box.next();
    if (notice.kind == Notice::Kind::limits_changed && live.exceeded(failures, total))
      co_return failed(too_many_failed);
    const auto child = running.find(notice.source);
    if (child == running.end()) continue;
    child->second.answer->settle();
    const std::size_t index = child->second.index;
    running.erase(child);
    if (notice.news.kind == News::Kind::succeeded) {
      if (!writes) results[index] = notice.news.output;
      if (remembers_) footprint_.map_runs[visit.place].results[index] = notice.news.output;
    } else if (live.exceeded(++failures, total)) {
      co_return failed(too_many_failed);
    }
  }

  Value::Array kept;
  for (auto& result : results) {
    if (!result) continue;
    if (map.writer && map.writer->transformation == Transformation::flatten && result->is_array()) {
      kept.insert(kept.end(), result->array().begin(), result->array().end());
    } else {
      kept.push_back(*std::move(result));
    }
  }
  Value output = std::move(kept);
  if (writes) {
    const Outcome parameters = fill(map.writer->parameters);
    if (!parameters) co_return failed(parameters.error());
    Claim answer(*this, ask(box, ResultsToWrite{&*map.writer, *parameters, run}));
    Notice notice = co_await box.next();
    while (notice.kind == Notice::Kind::limits_changed) notice = co_await box.next();  // too late to matter
    answer.settle();
    if (notice.news.kind == News::Kind::failed) co_return failed(notice.news.failure);
    output = into_objects ? Value(Value::Object{{"MapRunArn", identity_.map_run_arn(run)},
                                                {"ResultWriterDetails", notice.news.output}})
                          : notice.news.output;
  }
  listener_.map_run_ended(run, true);
  const std::int64_t succeeded = record("MapRunSucceeded", started);
  record("MapStateSucceeded", succeeded);
  visit.line.previous = map_exit_follows_run_start_ ? started : succeeded;
  co_return std::move(output);
}

}  // namespace tillite
