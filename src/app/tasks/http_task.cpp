#include "app/tasks/http_task.h"

#include "app/tasks/task_result.h"

namespace tillite {
namespace {

Error failure_of(const HttpResponse& response) {
  if (const auto described = described_error(response.body)) return task_error(described->type, described->message);
  return task_error(fmt::format("Http.Status.{}", response.status), response.body);
}

}  // namespace

bool HttpTask::handles(std::string_view resource) {
  return resource.starts_with("http://") || resource.starts_with("https://");
}

Result<Json> HttpTask::run(const Call& call) const {
  const auto response = client_.send({.method = "POST",
                                      .url = call.resource,
                                      .headers = {{"Content-Type", "application/json"},
                                                  {"Accept", "application/json"},
                                                  {"X-Tillite-Execution-Id", call.execution_id}},
                                      .body = to_text(call.payload),
                                      .timeout_ms = call.timeout_ms,
                                      .response_bytes_max = kTaskResultBytesMax,
                                      .fresh_connection = true},  // on a kept one it may be sent twice
                                     call.stop);
  if (!response) return std::unexpected(call_error(response.error(), "Http.ConnectionFailed"));
  if (!response->is_success()) return std::unexpected(failure_of(*response));
  return task_result(response->body, "Http.InvalidBody");
}

}  // namespace tillite
