#include "emulator/batches/batch.h"

namespace tillite {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json seconds(const std::optional<std::int64_t>& ms) { return ms ? Json(*ms / 1000) : Json(nullptr); }

Json problem_json(const BatchProblem& problem) {
  return {{"code", problem.code},
          {"message", problem.message},
          {"param", or_null(problem.param)},
          {"line", or_null(problem.line)}};
}

}  // namespace

Json EmulatedBatch::object() const {
  const auto ended_as = [&](ProviderStatus end) { return status == end ? seconds(ended_ms) : Json(nullptr); };
  Json errors;
  if (!problems.empty()) {
    errors = {{"object", "list"}, {"data", Json::array()}};
    for (const BatchProblem& problem : problems) errors["data"].push_back(problem_json(problem));
  }
  return {{"id", id},
          {"object", "batch"},
          {"endpoint", endpoint},
          {"model", model.empty() ? Json(nullptr) : Json(model)},
          {"errors", errors},
          {"input_file_id", input_file_id},
          {"completion_window", completion_window},
          {"status", provider_status_name(status)},
          {"output_file_id", has_ended() ? or_null(output_file_id) : Json(nullptr)},
          {"error_file_id", has_ended() ? or_null(error_file_id) : Json(nullptr)},
          {"created_at", created_ms / 1000},
          {"in_progress_at", seconds(in_progress_ms)},
          {"expires_at", expires_ms / 1000},
          {"finalizing_at", seconds(finalizing_ms)},
          {"completed_at", ended_as(ProviderStatus::completed)},
          {"failed_at", ended_as(ProviderStatus::failed)},
          {"expired_at", ended_as(ProviderStatus::expired)},
          {"cancelling_at", seconds(cancelling_ms)},
          {"cancelled_at", ended_as(ProviderStatus::cancelled)},
          {"request_counts", {{"total", counts.total}, {"completed", counts.completed}, {"failed", counts.failed}}},
          {"usage",
           {{"input_tokens", tokens_used},
            {"input_tokens_details", {{"cached_tokens", 0}}},
            {"output_tokens", 0},
            {"output_tokens_details", {{"reasoning_tokens", 0}}},
            {"total_tokens", tokens_used}}},
          {"metadata", metadata}};
}

Json EmulatedBatch::row() const {
  Json list = Json::array();
  for (const BatchProblem& problem : problems) list.push_back(problem_json(problem));
  return {{"id", id},
          {"status", provider_status_name(status)},
          {"endpoint", endpoint},
          {"input_file_id", input_file_id},
          {"completion_window", completion_window},
          {"metadata", metadata},
          {"created_ms", created_ms},
          {"expires_ms", expires_ms},
          {"in_progress_ms", or_null(in_progress_ms)},
          {"finalizing_ms", or_null(finalizing_ms)},
          {"cancelling_ms", or_null(cancelling_ms)},
          {"ended_ms", or_null(ended_ms)},
          {"output_file_id", or_null(output_file_id)},
          {"error_file_id", or_null(error_file_id)},
          {"output_lives_s", or_null(output_lives_s)},
          {"problems", list},
          {"total", counts.total},
          {"completed", counts.completed},
          {"failed", counts.failed},
          {"model", model},
          {"tokens", tokens},
          {"tokens_used", tokens_used},
          {"outcome", outcome.json()},
          {"next", next ? Json(provider_status_name(*next)) : Json(nullptr)},
          {"due_ms", or_null(due_ms)}};
}

Result<EmulatedBatch> EmulatedBatch::parse_row(std::int64_t number, const Json& row) {
  const auto count = [&](std::string_view name) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(TRY(int_field(row, name)));
  };
  EmulatedBatch batch;
  batch.number = number;
  batch.id = TRY(string_field(row, "id"));
  batch.status = TRY(parse_provider_status(TRY(string_field(row, "status"))));
  batch.endpoint = TRY(string_field(row, "endpoint"));
  batch.input_file_id = TRY(string_field(row, "input_file_id"));
  batch.completion_window = TRY(string_field(row, "completion_window"));
  if (const Json* const metadata = find_field(row, "metadata")) batch.metadata = *metadata;
  batch.created_ms = TRY(int_field(row, "created_ms"));
  batch.expires_ms = TRY(int_field(row, "expires_ms"));
  batch.in_progress_ms = TRY(optional_int(row, "in_progress_ms"));
  batch.finalizing_ms = TRY(optional_int(row, "finalizing_ms"));
  batch.cancelling_ms = TRY(optional_int(row, "cancelling_ms"));
  batch.ended_ms = TRY(optional_int(row, "ended_ms"));
  batch.output_file_id = TRY(optional_string(row, "output_file_id"));
  batch.error_file_id = TRY(optional_string(row, "error_file_id"));
  batch.output_lives_s = TRY(optional_int(row, "output_lives_s"));
  for (const Json& problem : TRY(array_field(row, "problems"))) {
    BatchProblem parsed;
    parsed.code = TRY(string_field(problem, "code"));
    parsed.message = TRY(string_field(problem, "message"));
    parsed.param = TRY(optional_string(problem, "param"));
    if (const auto line = TRY(optional_int(problem, "line"))) parsed.line = static_cast<std::uint64_t>(*line);
    batch.problems.push_back(std::move(parsed));
  }
  batch.counts.total = TRY(count("total"));
  batch.counts.completed = TRY(count("completed"));
  batch.counts.failed = TRY(count("failed"));
  batch.model = TRY(string_field(row, "model"));
  batch.tokens = TRY(count("tokens"));
  batch.tokens_used = TRY(count("tokens_used"));
  batch.outcome = TRY(Outcome::parse(TRY(object_field(row, "outcome"))));
  if (const auto next = TRY(optional_string(row, "next"))) batch.next = TRY(parse_provider_status(*next));
  batch.due_ms = TRY(optional_int(row, "due_ms"));
  return batch;
}

}  // namespace tillite
