#include "steps/queue_compaction.h"

#include <algorithm>
#include <set>

#include "steps/changes/change_delta.h"
#include "steps/compact.h"
#include "steps/compaction_message.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr std::size_t kRecordsMax = 10'000;  // what a queue hands over at once, at most
constexpr std::size_t kDeltasPerRound = 25;
constexpr std::int64_t kRetryPauseMs = 60'000;  // of a request for everything that meets another publisher
constexpr std::int64_t kMsASecond = 1000;

/// What all messages of one call ask of a collection.
struct Request {
  bool everything = false;
  bool check = false;
  std::set<DeltaId> deltas;

  void add(const CompactionMessage& message) {
    everything = everything || message.kind == CompactionMessage::Kind::everything;
    check = check || message.kind == CompactionMessage::Kind::check;
    if (message.delta) deltas.insert(*message.delta);
  }
};

/// A row for each collection: when the next check is delivered. It saves messages, nothing rests on it.
ItemKey check_row_key(std::string_view collection) {
  return {fmt::format("COLLECTION#{}", collection), "COMPACTION_CHECK"};
}

/// The compaction of one collection, as messages ask for it.
class QueueCompaction {
 public:
  QueueCompaction(Entity entity, Request request, const Ports& ports, const StepContext& context)
      : entity_(entity),
        request_(std::move(request)),
        ports_(ports),
        context_(context),
        round_settings_(context.settings) {
    round_settings_.deltas_per_run = std::min(round_settings_.deltas_per_run, kDeltasPerRound);
    round_settings_.lock_wait_ms = 0;  // whoever holds the lock does the work
  }

  Result<void> run() {
    const CollectionBinding binding = TRY(active_collection(entity_, ports_, context_));
    if (request_.everything) TRY(write_change_deltas(entity_, binding, ports_, context_));
    const DeltaSurvey survey = TRY(survey_all(binding));
    const Json event = compaction_event(binding.collection, ports_.random);
    if (request_.everything || is_due(survey)) return compact(event);
    // Whoever merged a delta may have been cut off before it completed the delta's batch.
    if (!all_outstanding(survey)) TRY(mark_complete(event, ports_, context_));
    if (survey.outstanding.empty()) return {};
    context_.log.debug("too little to compact yet", {{"deltas", survey.outstanding.size()}});
    return check_again_after(survey.outstanding.front().modified_ms + thresholds().age_ms - ports_.clock.now_ms());
  }

 private:
  [[nodiscard]] const CompactionThresholds& thresholds() const { return context_.settings.compaction; }

  /// What is outstanding of the active generation and of the candidate.
  [[nodiscard]] Result<DeltaSurvey> survey_all(const CollectionBinding& active) const {
    DeltaSurvey survey = TRY(survey_deltas(ports_.vectors, active));
    const auto candidate = TRY(candidate_generation(entity_, ports_));
    if (!candidate) return survey;
    DeltaSurvey more = TRY(survey_deltas(ports_.vectors, candidate->binding));
    std::ranges::move(more.outstanding, std::back_inserter(survey.outstanding));
    std::ranges::move(more.outstanding_ids, std::back_inserter(survey.outstanding_ids));
    std::ranges::sort(survey.outstanding, {}, &ObjectInfo::modified_ms);
    return survey;
  }

  [[nodiscard]] bool is_due(const DeltaSurvey& survey) const {
    if (survey.outstanding.empty()) return false;
    std::uint64_t bytes = 0;
    for (const ObjectInfo& delta : survey.outstanding) bytes += delta.size_bytes;
    const std::int64_t age_ms = ports_.clock.now_ms() - survey.outstanding.front().modified_ms;
    return survey.outstanding.size() >= thresholds().deltas || bytes >= thresholds().bytes ||
           age_ms >= thresholds().age_ms;
  }

  /// Whether each message spoke of a delta that nobody has merged yet.
  [[nodiscard]] bool all_outstanding(const DeltaSurvey& survey) const {
    const std::set<DeltaId> outstanding(survey.outstanding_ids.begin(), survey.outstanding_ids.end());
    return !request_.check &&
           std::ranges::all_of(request_.deltas, [&](const DeltaId& delta) { return outstanding.contains(delta); });
  }

  /// Round by round. The last one finds nothing: it looks after the lock was given back, so that a delta whose message
  /// came while the lock was held is seen by somebody.
  Result<void> compact(const Json& event) {
    const StepContext rounds{round_settings_,  context_.log,   context_.stop,
                             context_.scratch, context_.owner, context_.lock_watch};
    while (true) {
      if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped between two rounds of a compaction");
      const auto round = compact_round(event, ports_, rounds);
      if (!round && round.error().code() == Code::lock_held) return leave_to(round.error());
      if (!round) return std::unexpected(round.error());
      if (!round->contains("version")) return {};
      context_.log.info("compacted a round", *round);
    }
  }

  /// Another publisher is at work. It may be no compaction that looks for more when it is done, and it may be dead: one
  /// message comes back later.
  Result<void> leave_to(const Error& lock_held) {
    context_.log.info("another publisher is at work", {{"reason", lock_held.message()}});
    if (!request_.everything) return check_again_after(context_.settings.lock.lease_ms);
    TRY(ports_.queue.send(everything_message(entity_), kRetryPauseMs));
    return {};
  }

  /// Sends a delayed check unless one is on its way that comes early enough. The row is written after the message: cut
  /// off in between, there is one message too many, never one too few.
  Result<void> check_again_after(std::int64_t wanted_ms) {
    const std::int64_t whole_s = (wanted_ms + kMsASecond - 1) / kMsASecond;  // as a queue may round
    const std::int64_t delay_ms = std::clamp(whole_s * kMsASecond, kMsASecond, Queue::kDelayMsMax);
    const std::int64_t now_ms = ports_.clock.now_ms();
    const ItemKey key = check_row_key(names_of(entity_).collection);
    const auto row = TRY(ports_.table.get(key));
    const std::int64_t pending_ms = row ? TRY(optional_int(*row, "check_at_ms")).value_or(0) : 0;
    if (pending_ms > now_ms && pending_ms <= now_ms + delay_ms) return {};
    TRY(ports_.queue.send(check_message(entity_), delay_ms));
    return ports_.table.write(
        Update{.key = key, .set = {{"TYPE", "COMPACTION_CHECK"}, {"check_at_ms", now_ms + delay_ms}}});
  }

  Entity entity_;
  Request request_;
  const Ports& ports_;
  const StepContext& context_;
  Settings round_settings_;
};

}  // namespace

bool is_queue_event(const Json& event) {
  const Json* const records = find_field(event, "Records");
  return records != nullptr && records->is_array() && !records->empty() &&
         std::ranges::all_of(*records, [](const Json& record) {
           const Json* const source = find_field(record, "eventSource");
           return source != nullptr && *source == "aws:sqs";
         });
}

Result<Json> compact_for_queue(const Json& event, const Ports& ports, const StepContext& context) {
  const Json records = TRY(array_field(event, "Records"));
  if (records.size() > kRecordsMax) {
    return fail(Code::limit_exceeded, "{} messages at once; at most {} are allowed", records.size(), kRecordsMax);
  }
  std::map<Entity, Request> requests;
  Json unreadable = Json::array();
  for (const Json& record : records) {
    const std::string id = TRY(string_field(record, "messageId"));
    const auto body = string_field(record, "body");
    const auto message = body ? parse_compaction_message(*body) : std::unexpected(body.error());
    if (message) {
      requests[message->entity].add(*message);
      continue;
    }
    context.log.error("a message cannot be read", {{"message_id", id}, {"reason", message.error().message()}});
    unreadable.push_back({{"itemIdentifier", id}});
  }

  std::optional<Error> failure;
  for (auto& [entity, request] : requests) {
    StepContext of_collection = context;
    of_collection.log = context.log.with({{"collection", names_of(entity).collection}});
    const auto compacted = QueueCompaction(entity, std::move(request), ports, of_collection).run();
    if (compacted) continue;
    if (compacted.error().code() == Code::cancelled) return std::unexpected(compacted.error());
    of_collection.log.error("a collection cannot be compacted", {{"reason", compacted.error().message()}});
    if (!failure) failure = compacted.error();
  }
  if (failure) return std::unexpected(*std::move(failure));
  return Json{{"batchItemFailures", std::move(unreadable)}};
}

}  // namespace tillite
