#include "base/base64.h"
#include "base/bytes.h"
#include "workflow/resource.h"
#include "workflow/walk/walk.h"

namespace tillite {

Flow<Outcome> Interpreter::Walk::task(Visit& visit, const TaskState& task, Value input) {
  const Resource resource(task.resource);
  // Tokens are the same each time this execution is walked, and tell nothing to who does not know its name.
  visit.token = resource.gives_token() ? task_token() : "";
  const Outcome payload = this->payload(visit, input);
  if (!payload) co_return payload;
  const auto timeout_s = whole_number(visit, input, task.timeout_s);
  if (!timeout_s) co_return std::unexpected(timeout_s.error());
  const auto heartbeat_s = whole_number(visit, input, task.heartbeat_s);
  if (!heartbeat_s) co_return std::unexpected(heartbeat_s.error());
  Value credentials;
  if (task.credentials) {
    Outcome filled = with_view(visit, input, [&](const View& view) { return task.credentials->fill(view); });
    if (!filled) co_return filled;
    credentials = *std::move(filled);
  }

  visit.line.previous = record(resource.event("Scheduled"), visit.line.previous, [&] {
    Value::Object details = resource.scheduled_details(*payload, identity_.region);
    if (*timeout_s) details.set("timeoutInSeconds", **timeout_s);
    if (*heartbeat_s) details.set("heartbeatInSeconds", **heartbeat_s);
    return details;
  });
  NoticeBox box(ready_);
  Claim answer(*this,
               ask(box, TaskCall{task.resource, *payload, visit.state.name, visit.token, std::move(credentials)}));
  std::optional<Claim> time_out;
  std::optional<Claim> heart_stop;
  const auto heart_beats = [&] {
    if (!*heartbeat_s) return;
    heart_stop.reset();
    heart_stop.emplace(*this, box, now_ms_ + **heartbeat_s * 1000);
  };
  const auto failed = [&](std::string_view kind, Failure failure) {
    visit.line.previous = record(resource.event(kind), visit.line.previous, [&] {
      Value::Object details{{"error", failure.error}};
      if (failure.cause) details.set("cause", *failure.cause);
      resource.name_in(details);
      return details;
    });
    return failure;
  };

  bool started = false;
  const auto starts = [&](const std::string& worker) {
    if (started) return;
    started = true;
    visit.line.previous = record(resource.event("Started"), visit.line.previous, [&] {
      Value::Object details;
      if (resource.kind() == Resource::Kind::activity) details.set("workerName", worker);
      resource.name_in(details);
      return details;
    });
    if (*timeout_s) time_out.emplace(*this, box, now_ms_ + **timeout_s * 1000);
    heart_beats();
  };
  while (true) {
    const Notice notice = co_await box.next();
    if (notice.kind == Notice::Kind::timer) {
      const bool heart = heart_stop && heart_stop->number() == notice.source;
      if (!heart && !(time_out && time_out->number() == notice.source)) continue;  // a beat came just before
      co_return std::unexpected(failed("TimedOut", {.error = heart ? errors::kHeartbeatTimeout : errors::kTimeout}));
    }
    const News& news = notice.news;
    switch (news.kind) {
      case News::Kind::started:
        starts(news.worker);
        break;
      case News::Kind::submitted:
        starts("");
        visit.line.previous = record(resource.event("Submitted"), visit.line.previous, [&] {
          Value::Object details{{"output", news.output}};
          resource.name_in(details);
          return details;
        });
        break;
      case News::Kind::heartbeat:
        heart_beats();
        break;
      case News::Kind::failed:
        starts(news.worker);
        answer.settle();
        co_return std::unexpected(failed(news.failure.error == errors::kTimeout ? "TimedOut" : "Failed", news.failure));
      case News::Kind::succeeded: {
        starts(news.worker);
        answer.settle();
        const Outcome limited = within_limit(visit, news.output);
        if (!limited) {
          Failure failure = limited.error();
          failure.cause = fmt::format(
              "The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.",
              resource.short_name());
          failure.terminal = false;
          co_return std::unexpected(failed("Failed", std::move(failure)));
        }
        visit.line.previous = record(resource.event("Succeeded"), visit.line.previous, [&] {
          Value::Object details{{"output", news.output}};
          resource.name_in(details);
          return details;
        });
        co_return limited;
      }
    }
  }
}

std::string Interpreter::Walk::task_token() {
  const auto secret = random_->bytes();
  const std::string front = fmt::format("{}#{}#", identity_.execution_arn, requests_ + 1);
  std::vector<std::byte> token(as_bytes(front).begin(), as_bytes(front).end());
  token.insert(token.end(), secret.begin(), secret.end());
  return base64_of(token);
}

}  // namespace tillite
