#include "emulator/batches/batch_life.h"

#include <algorithm>

#include "emulator/ids.h"

namespace tillite {
namespace {

constexpr std::string_view kExpired = "This request could not be executed before the completion window expired.";
constexpr std::string_view kCancelled = "This request was not executed because the batch was cancelled.";

EmulatedBatch failed(EmulatedBatch batch, std::vector<BatchProblem> problems, std::int64_t now_ms) {
  batch.status = ProviderStatus::failed;
  batch.problems = std::move(problems);
  batch.ended_ms = now_ms;
  batch.due_ms = std::nullopt;
  return batch;
}

BatchProblem token_limit(const std::string& model, std::uint64_t tokens_max) {
  return {.code = "token_limit_exceeded",
          .message = fmt::format("Enqueued token limit reached for {} in organization tillite. Limit: {} enqueued "
                                 "tokens. Please try again once some in_progress batches have been completed.",
                                 model, tokens_max)};
}

}  // namespace

Outcome BatchLife::next_outcome(std::uint64_t number) {
  {
    const std::scoped_lock lock(script_mutex_);
    if (!script_.empty()) {
      Outcome outcome = std::move(script_.front());
      script_.pop_front();
      return outcome;
    }
  }
  const auto fault = settings_.faults.batches.pick(seeded_unit(settings_.seed, "batch", number));
  return fault ? Outcome::of(*fault, seeded_unit(settings_.seed, "part of a batch", number)) : Outcome{};
}

void BatchLife::script(std::vector<Outcome> outcomes) {
  const std::scoped_lock lock(script_mutex_);
  std::ranges::move(outcomes, std::back_inserter(script_));
}

ApiResult<EmulatedBatch> BatchLife::create(const CreateBatchRequest& request) {
  const StoredFile input = TRY(files_.find(request.input_file_id));
  if (input.purpose != "batch") {
    return std::unexpected(
        ApiError(400, fmt::format("Invalid file purpose. Expected 'batch', but got '{}'.", input.purpose))
            .at("input_file_id")
            .coded("invalid_value"));
  }
  EmulatedBatch batch;
  batch.id = new_batch_id(random_);
  batch.endpoint = request.endpoint;
  batch.input_file_id = request.input_file_id;
  batch.completion_window = request.completion_window;
  batch.metadata = request.metadata;
  batch.output_lives_s = request.output_lives_s;
  batch.created_ms = clock_.now_ms();
  batch.expires_ms = batch.created_ms + settings_.latency.window_ms;
  batch.due_ms = batch.created_ms + settings_.latency.validating_ms;
  // One transaction with the file's row: a batch of a file that was deleted meanwhile cannot come to be.
  const bool created = TRY(database_.write("creating a batch", [&](SQLite::Database& database) {
    SQLite::Statement select(database, "SELECT 1 FROM files WHERE id = ?");
    select.bind(1, input.id);
    if (!select.executeStep()) return false;
    insert_batch(database, batch);
    EmulatedBatch planned = batch;
    planned.outcome = next_outcome(static_cast<std::uint64_t>(batch.number));
    const bool updated = update_batch(database, batch, planned);
    batch = std::move(planned);
    return updated;
  }));
  if (!created) return std::unexpected(no_such_file(request.input_file_id));
  return batch;
}

double BatchLife::progress(const EmulatedBatch& batch, std::int64_t now_ms) const {
  if (!batch.in_progress_ms) return 0;
  const std::int64_t elapsed_ms = now_ms - *batch.in_progress_ms;
  if (elapsed_ms >= settings_.latency.in_progress_ms) return 1;
  return static_cast<double>(std::max<std::int64_t>(elapsed_ms, 0)) /
         static_cast<double>(settings_.latency.in_progress_ms);
}

EmulatedBatch BatchLife::as_seen(EmulatedBatch batch) {
  if (batch.status == ProviderStatus::in_progress) {
    const double part = std::min(progress(batch, clock_.now_ms()), batch.outcome.done);
    batch.counts.completed = static_cast<std::uint64_t>(part * static_cast<double>(batch.counts.total));
  }
  return batch;
}

ApiResult<EmulatedBatch> BatchLife::find(std::string_view id) {
  const auto batch =
      TRY(database_.read("looking for a batch", [&](SQLite::Database& database) { return find_batch(database, id); }));
  if (!batch) return std::unexpected(no_such_batch(id));
  return as_seen(*batch);
}

ApiResult<BatchPage> BatchLife::list(const std::string& after, std::size_t limit) {
  const std::int64_t after_number = after.empty() ? 0 : TRY(find(after)).number;
  const std::int64_t created_ms_max = clock_.now_ms() - settings_.faults.list_lag_ms;
  BatchPage page = TRY(database_.read("listing the batches", [&](SQLite::Database& database) {
    return list_batches(database, after_number, created_ms_max, limit);
  }));
  for (EmulatedBatch& batch : page.batches) batch = as_seen(std::move(batch));
  return page;
}

ApiResult<EmulatedBatch> BatchLife::cancel(std::string_view id) {
  const auto batch = TRY(
      database_.write("cancelling a batch", [&](SQLite::Database& database) -> Result<std::optional<EmulatedBatch>> {
        const auto before = TRY(find_batch(database, id));
        if (!before || before->has_ended() || before->status == ProviderStatus::cancelling) return before;
        EmulatedBatch after = *before;
        const std::int64_t now_ms = clock_.now_ms();
        after.status = ProviderStatus::cancelling;
        after.cancelling_ms = now_ms;
        after.due_ms = now_ms + settings_.latency.cancelling_ms;
        after.outcome.done = std::min(progress(*before, now_ms), before->outcome.done);
        if (!update_batch(database, *before, after)) return fail(Code::internal, "a row changed within a transaction");
        return after;
      }));
  if (!batch) return std::unexpected(no_such_batch(id));
  if (batch->has_ended() && batch->status != ProviderStatus::cancelled) {
    return std::unexpected(
        ApiError(409, fmt::format("Cannot cancel a batch with status '{}'.", provider_status_name(batch->status))));
  }
  return *batch;
}

Result<std::optional<std::int64_t>> BatchLife::advance(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto batch = TRY(database_.read("looking for a batch that is due", [&](SQLite::Database& database) {
      return due_batch(database, clock_.now_ms());
    }));
    if (!batch) break;
    TRY(step(*batch, stop));
  }
  return database_.read("looking for the next batch", [](SQLite::Database& database) { return next_due_ms(database); });
}

Result<void> BatchLife::step(const EmulatedBatch& batch, const std::stop_token& stop) {
  switch (batch.status) {
    case ProviderStatus::validating:
      return validate(batch);
    case ProviderStatus::in_progress:
      return execute(batch, stop);
    case ProviderStatus::cancelling:
      // What was computed before it was cancelled stays.
      return batch.in_progress_ms && !batch.next ? execute(batch, stop) : end(batch);
    case ProviderStatus::finalizing:
      return end(batch);
    default:
      return fail(Code::corrupt, "the batch {} has ended and is due nevertheless", batch.id);
  }
}

Result<void> BatchLife::move(const EmulatedBatch& before, const EmulatedBatch& after) {
  return database_.write("moving a batch on",
                         [&](SQLite::Database& database) { static_cast<void>(update_batch(database, before, after)); });
}

Result<InputFacts> BatchLife::look_at_input(const EmulatedBatch& batch) {
  const auto file = files_.find(batch.input_file_id);
  if (!file) {
    InputFacts facts;
    facts.problems.push_back({.code = "file_not_found",
                              .message = fmt::format("The input file '{}' was deleted.", batch.input_file_id),
                              .param = "input_file_id"});
    return facts;
  }
  auto lines = TRY(InputLines::of(TRY(files_.open_file(*file)), kBatchRequestsMax));
  return check_input(lines, file->bytes, batch.endpoint, models_);
}

Result<void> BatchLife::validate(const EmulatedBatch& batch) {
  const InputFacts facts = TRY(look_at_input(batch));
  const std::int64_t now_ms = clock_.now_ms();
  if (!facts.problems.empty()) return move(batch, failed(batch, facts.problems, now_ms));
  EmulatedBatch after = batch;
  after.model = facts.model;
  if (batch.outcome.end == Outcome::End::failed) {
    BatchProblem problem = {.code = batch.outcome.code.empty() ? "server_error" : batch.outcome.code,
                            .message = batch.outcome.message};
    if (problem.code == "token_limit_exceeded" && problem.message.empty()) {
      problem = token_limit(facts.model, settings_.enqueued_tokens_max);
    }
    return move(batch, failed(after, {problem}, now_ms));
  }
  after.tokens = facts.tokens;
  after.counts.total = facts.requests;
  after.status = ProviderStatus::in_progress;
  after.in_progress_ms = now_ms;
  after.due_ms = std::min(now_ms + settings_.latency.in_progress_ms, std::max(now_ms, batch.expires_ms));
  return database_.write("starting a batch", [&](SQLite::Database& database) {
    const bool fits = enqueued_tokens(database, facts.model) + facts.tokens <= settings_.enqueued_tokens_max;
    static_cast<void>(
        update_batch(database, batch,
                     fits ? after : failed(after, {token_limit(facts.model, settings_.enqueued_tokens_max)}, now_ms)));
  });
}

Result<void> BatchLife::execute(const EmulatedBatch& batch, const std::stop_token& stop) {
  const std::int64_t now_ms = clock_.now_ms();
  EmulatedBatch after = batch;
  const bool is_late = batch.expires_ms <= now_ms && progress(batch, batch.expires_ms) < 1;
  double done = batch.outcome.end == Outcome::End::completed && batch.status != ProviderStatus::cancelling
                    ? 1
                    : batch.outcome.done;
  if (batch.status == ProviderStatus::cancelling || batch.outcome.end == Outcome::End::cancelled) {
    after.next = ProviderStatus::cancelled;
    if (!after.cancelling_ms) after.cancelling_ms = now_ms;
  } else if (batch.outcome.end == Outcome::End::expired || is_late) {
    after.next = ProviderStatus::expired;
    if (is_late) done = std::min(done, progress(batch, batch.expires_ms));
  } else {
    after.next = ProviderStatus::completed;
  }

  const auto input = files_.find(batch.input_file_id);
  if (!input) {
    return move(batch, failed(batch, {{.code = "file_not_found", .message = "The input file was deleted."}}, now_ms));
  }
  auto lines = TRY(InputLines::of(TRY(files_.open_file(*input)), kBatchRequestsMax));
  FileDraft output = TRY(files_.draft());
  FileDraft errors = TRY(files_.draft());
  const bool is_cancelled = after.next == ProviderStatus::cancelled;
  BatchResults::Plan plan;
  plan.seed = settings_.seed;
  plan.done = done;
  plan.unexecuted_code = is_cancelled ? "batch_cancelled" : "batch_expired";
  plan.unexecuted_message = is_cancelled ? kCancelled : kExpired;
  plan.fails_all = batch.outcome.output == Outcome::Output::none;
  plan.lines = settings_.faults.lines;
  if (!batch.outcome.lines.empty()) plan.lines = TRY(FaultSpec::parse_lines(batch.outcome.lines));
  std::vector<Payment> payments;
  const bool is_truncated = batch.outcome.output == Outcome::Output::truncated;
  const auto pay = [&](Payment payment) {
    payment.is_good = payment.is_good && !is_truncated;
    payments.push_back(std::move(payment));
  };
  const ResultFacts facts =
      TRY(BatchResults(batch, models_, std::move(plan)).write(lines, output.sink(), errors.sink(), pay, stop));
  after.counts.completed = facts.completed;
  after.counts.failed = facts.failed;
  after.tokens_used = facts.tokens;
  after.status = is_cancelled ? ProviderStatus::cancelling : ProviderStatus::finalizing;
  after.due_ms = is_cancelled ? now_ms : now_ms + settings_.latency.finalizing_ms;
  if (!is_cancelled) after.finalizing_ms = now_ms;
  if (is_truncated) TRY(output.cut_in_half());

  const auto kept = database_.write("keeping the results of a batch", [&](SQLite::Database& database) -> Result<void> {
    const auto keep = [&](FileDraft& draft, std::string_view suffix) {
      return files_.keep(database, draft, fmt::format("{}_{}.jsonl", batch.id, suffix), "batch_output",
                         batch.output_lives_s);
    };
    if (facts.output_lines > 0) after.output_file_id = TRY(keep(output, "output")).id;
    if (facts.error_lines > 0) after.error_file_id = TRY(keep(errors, "error")).id;
    if (!update_batch(database, batch, after)) return fail(Code::conflict, "the batch was cancelled meanwhile");
    add_payments(database, payments);
    return {};
  });
  if (!kept && kept.error().code() == Code::conflict) return {};
  TRY(kept);
  if (facts.output_lines > 0) output.release();
  if (facts.error_lines > 0) errors.release();
  return {};
}

Result<void> BatchLife::end(const EmulatedBatch& batch) {
  EmulatedBatch after = batch;
  after.status = batch.status == ProviderStatus::cancelling ? ProviderStatus::cancelled
                                                            : batch.next.value_or(ProviderStatus::completed);
  after.ended_ms = clock_.now_ms();
  after.due_ms = std::nullopt;
  return move(batch, after);
}

}  // namespace tillite
