// queue list, send and redrive: the notifications of new deltas, and those that nobody could work on.
#include "app/commands/commands.h"
#include "app/queue_consumer.h"
#include "base/time.h"
#include "steps/compaction_message.h"

namespace tillite {
namespace {

constexpr std::size_t kListedMax = 1000;
constexpr std::size_t kShownIdBytesMax = 64;

std::string_view state_of(const QueuedMessage& message, std::int64_t now_ms) {
  if (message.visible_ms <= now_ms) return "visible";
  return message.receive_count > 0 ? "in_flight" : "delayed";
}

Json json_of(const QueuedMessage& message, std::int64_t now_ms) {
  Json json = {{"id", message.id},
               {"body", message.body},
               {"state", state_of(message, now_ms)},
               {"receive_count", message.receive_count},
               {"sent_at", iso_time(message.sent_ms)},
               {"visible_at", iso_time(message.visible_ms)}};
  if (!message.reason.empty()) json["reason"] = message.reason;
  return json;
}

void print(const QueuedMessage& message, std::int64_t now_ms, const Output& output) {
  const auto state = state_of(message, now_ms);
  output.line("  {:>6}  {}  {}{}, received {} times: {}", message.id, iso_time(message.sent_ms), state,
              state == "visible" ? "" : fmt::format(" until {}", iso_time(message.visible_ms)), message.receive_count,
              message.body.substr(0, 200));
  if (!message.reason.empty()) output.line("          failed: {}", message.reason);
}

}  // namespace

Result<int> queue_list_command(CommandContext& context, bool dead) {
  const auto host = TRY(PipelineHost::open(context.host));
  Queue& live = host->ports().queue;
  Queue& queue = dead ? *live.dead_letters() : live;
  const QueueCounts counts = TRY(queue.counts());
  const std::int64_t now_ms = host->ports().clock.now_ms();
  const std::string_view name = dead ? kDeadLetterQueueName : kQueueName;
  Json json = {{"queue", name},
               {"visible", counts.visible},
               {"in_flight", counts.in_flight},
               {"delayed", counts.delayed},
               {"messages", Json::array()}};
  context.output.line("{}: {} visible, {} in flight, {} delayed", name, counts.visible, counts.in_flight,
                      counts.delayed);
  for (const QueuedMessage& message : TRY(queue.peek(kListedMax))) {
    print(message, now_ms, context.output);
    json["messages"].push_back(json_of(message, now_ms));
  }
  const std::uint64_t total = counts.visible + counts.in_flight + counts.delayed;
  if (total > kListedMax) context.output.line("  and {} more", total - kListedMax);
  if (!dead) {
    const auto letters = TRY(live.dead_letters()->counts());
    const std::uint64_t dead_count = letters.visible + letters.in_flight + letters.delayed;
    json["dead_letters"] = dead_count;
    if (dead_count > 0) context.output.line("{} dead letters: tillite queue list --dead", dead_count);
  }
  context.output.json(json);
  return kDone;
}

Result<int> queue_send_command(CommandContext& context, const std::string& body) {
  const auto message = parse_compaction_message(body);
  if (!message) return pass_on(message, "nothing was sent");
  const auto host = TRY(PipelineHost::open(context.host));
  const std::string id = TRY(host->ports().queue.send(body));
  context.output.line("sent message {} to {}", id, kQueueName);
  context.output.json({{"queue", kQueueName}, {"id", id}});
  return kDone;
}

Result<int> queue_redrive_command(CommandContext& context, bool all, std::vector<std::string> ids) {
  if (all != ids.empty()) return fail(Code::usage, "name the dead letters to bring back, or give --all");
  const auto host = TRY(PipelineHost::open(context.host));
  Queue& queue = host->ports().queue;
  Json json = {{"redriven", Json::array()}, {"not_found", Json::array()}};
  if (all) {
    json["redriven"] = TRY(queue.redrive_all());
  } else {
    const std::vector<bool> redriven = TRY(queue.redrive(ids));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      json[redriven[i] ? "redriven" : "not_found"].push_back(ids[i]);
      if (!redriven[i]) context.output.line("there is no dead letter '{}'", ids[i].substr(0, kShownIdBytesMax));
    }
  }
  context.output.line("brought {} messages back to {}", json["redriven"].size(), kQueueName);
  context.output.json(json);
  return all || json["not_found"].empty() ? kDone : kPartlyDone;
}

}  // namespace tillite
