// batches list, show, cancel, reconcile: what is at the provider, and what of it nobody waits for.
#include <algorithm>
#include <array>

#include "app/commands/commands.h"
#include "base/time.h"
#include "steps/batches/batch_cancel.h"
#include "steps/batches/batch_deadline.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/provider_orphans.h"

namespace tillite {
namespace {

std::string status_of(const Batch& batch) {
  return batch.is_prepared() ? "PREPARED" : std::string(batch_status_name(batch.status));
}

/// What is left of the provider's 24 hours; nothing if nobody waits for the provider.
std::optional<std::int64_t> ms_left(const Batch& batch, std::int64_t now_ms) {
  const auto age_ms = ms_at_provider(batch, now_ms);
  if (!age_ms) return std::nullopt;
  return kBatchWindowMs - *age_ms;
}

std::string deadline_text(const Batch& batch, std::int64_t now_ms) {
  const auto left_ms = ms_left(batch, now_ms);
  if (!left_ms) return "";
  if (*left_ms >= 0) return fmt::format(", {} left", duration_text(*left_ms));
  const bool is_overdue = -*left_ms >= kOverdueAfterMs - kBatchWindowMs;
  return fmt::format(", {} {} ago", is_overdue ? "OVERDUE: expired" : "expired", duration_text(-*left_ms));
}

Json json_of(const Batch& batch, std::int64_t now_ms) {
  Json json = {{"id", batch.id.str()},           {"entity", names_of(batch.entity).name},
               {"status", status_of(batch)},     {"source", source_name(batch.source)},
               {"items", batch.item_count},      {"requests", batch.request_count},
               {"tokens", batch.token_count},    {"vectors", batch.embedding_count},
               {"generation", batch.generation}, {"created_at", iso_time(batch.created_ms)}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  add("openai_batch_id", batch.openai_batch_id.str());
  add("delta_id", batch.delta_id.str());
  add("error_summary", batch.error_summary);
  if (batch.submitted_ms > 0) json["submitted_at"] = iso_time(batch.submitted_ms);
  if (batch.polled_ms > 0) json["polled_at"] = iso_time(batch.polled_ms);
  if (const auto left_ms = ms_left(batch, now_ms)) {
    json["expires_in_seconds"] = *left_ms / 1000;
    json["overdue"] = *left_ms < kBatchWindowMs - kOverdueAfterMs;
  }
  return json;
}

void print(const Batch& batch, std::int64_t now_ms, const Output& output) {
  output.line("{}  {}  {:<11}  {} items, {} requests{}{}", batch.id.str(), names_of(batch.entity).name,
              status_of(batch), batch.item_count, batch.request_count, deadline_text(batch, now_ms),
              batch.source == VectorSource::batch ? "" : fmt::format(" (from the {})", source_name(batch.source)));
  if (!batch.error_summary.empty()) output.line("    {}", batch.error_summary);
}

/// The statuses that a list is asked for; PREPARED is a kind of PENDING.
Result<std::vector<BatchStatus>> statuses_named(const std::string& name, bool all) {
  std::vector<BatchStatus> statuses(kOpenStatuses.begin(), kOpenStatuses.end());
  if (all || !name.empty()) statuses.insert(statuses.end(), kEndedStatuses.begin(), kEndedStatuses.end());
  if (name.empty()) return statuses;
  if (name == "PREPARED") return std::vector{BatchStatus::pending};
  std::string known = "PREPARED";
  for (const BatchStatus status : statuses) {
    if (batch_status_name(status) == name) return std::vector{status};
    known += fmt::format(", {}", batch_status_name(status));
  }
  return fail(Code::usage, "there is no status '{}' of a batch: there are {}", name.substr(0, 64), known);
}

/// Where the items of a batch are, by name: how many still wait for it, and what became of the others.
Result<Json> item_states(const Batch& batch, const Ports& ports) {
  Json states = {{"waiting", 0}, {"in_another_batch", 0}, {"changed", 0}, {"removed", 0}};
  for (const BatchItem& item : TRY(items_of(batch, ports))) {
    const auto row = TRY(ports.table.get(row_key(item.id)));
    std::string name = "removed";
    if (row) {
      const ItemState state = TRY(item_state(*row));
      const bool is_pending = state.status == EmbeddingStatus::pending;
      if (state.removed) {
        name = "removed";
      } else if (state.input_hash != item.input_hash) {
        name = "changed";
      } else if (is_pending) {
        name = state.batch_id == batch.id ? "waiting" : "in_another_batch";
      } else {
        name = status_name(state.status);
      }
    }
    states[name] = states.value(name, 0) + 1;
  }
  return states;
}

/// The provider's word on a batch.
Json provider_facts(const ProviderBatch& batch) {
  Json json = {{"status", provider_status_name(batch.status)},
               {"requests_total", batch.requests_total},
               {"requests_completed", batch.requests_completed},
               {"requests_failed", batch.requests_failed},
               {"input_file_id", batch.input_file_id.str()}};
  if (batch.output_file_id) json["output_file_id"] = batch.output_file_id->str();
  if (batch.error_file_id) json["error_file_id"] = batch.error_file_id->str();
  if (!batch.error_code.empty()) json["error_code"] = batch.error_code;
  if (!batch.error_message.empty()) json["error_message"] = batch.error_message;
  return json;
}

void print_pairs(const std::string& title, const Json& pairs, const Output& output) {
  std::string text;
  for (const auto& [name, value] : pairs.items()) {
    const std::string shown = value.is_string() ? value.get<std::string>() : to_text(value);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, shown);
  }
  output.line("  {:<9}{}", title, text);
}

std::string what_happened(Cancelling cancelling) {
  switch (cancelling) {
    case Cancelling::ended:
      return "cancelled: its items wait for the next run";
    case Cancelling::asked:
      return "the provider was asked to cancel it: run, or poll, to take what it has";
    case Cancelling::had_ended:
      return "it had ended already";
    case Cancelling::has_vectors:
      return "its vectors have arrived: they wait for a merge";
    case Cancelling::being_submitted:
      return "it is being submitted right now: try again in some seconds";
  }
  return "";
}

}  // namespace

Result<int> batches_list_command(CommandContext& context, const std::string& status, bool all) {
  const auto statuses = TRY(statuses_named(status, all));
  const auto host = TRY(PipelineHost::open(context.host));
  const std::int64_t now_ms = host->ports().clock.now_ms();
  std::vector<Batch> batches;
  Json unreadable = Json::array();
  for (const Entity entity : kEntities) {
    BatchesRead read = TRY(read_batches_in(host->ports().table, entity, statuses));
    for (Batch& batch : read.batches) {
      if (status.empty() || status_of(batch) == status) batches.push_back(std::move(batch));
    }
    for (const auto& [name, reason] : read.unreadable) {
      context.output.line("{}  cannot be read: {}", name, reason);
      unreadable.push_back({{"name", name}, {"reason", reason}});
    }
  }
  std::ranges::stable_sort(batches, {}, &Batch::created_ms);
  Json json = {{"batches", Json::array()}, {"unreadable", std::move(unreadable)}};
  for (const Batch& batch : batches) {
    print(batch, now_ms, context.output);
    json["batches"].push_back(json_of(batch, now_ms));
  }
  if (batches.empty()) context.output.line("no batches{}", all || !status.empty() ? "" : " are open");
  context.output.json(json);
  return kDone;
}

Result<int> batches_show_command(CommandContext& context, const std::string& id) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Ports& ports = host->ports();
  const Batch batch = TRY(read_batch(ports.table, BatchId(id)));
  const std::int64_t now_ms = ports.clock.now_ms();
  Json json = json_of(batch, now_ms);
  print(batch, now_ms, context.output);
  json["item_states"] = TRY(item_states(batch, ports));
  json["files"] = Json::object();
  for (const auto& [name, file] :
       {std::pair("input", batch.input_file_id), {"output", batch.output_file_id}, {"error", batch.error_file_id}}) {
    if (!file.empty()) json["files"][name] = file.str();
  }
  json["files_to_delete"] = batch.files_left.size();
  json["requests_key"] = batch.requests_key;
  json["items_key"] = batch.items_key;
  print_pairs("items", json["item_states"], context.output);
  if (!json["files"].empty()) print_pairs("files", json["files"], context.output);
  if (!batch.openai_batch_id.empty()) {
    const auto answer = ports.provider.batch(batch.openai_batch_id);
    json["provider"] = answer ? provider_facts(*answer) : Json{{"error", answer.error().message()}};
    print_pairs("provider", json["provider"], context.output);
  }
  context.output.json(json);
  return kDone;
}

Result<int> batches_cancel_command(CommandContext& context, bool all, std::vector<std::string> ids) {
  if (all != ids.empty()) return fail(Code::usage, "name the batches to cancel, or give --all");
  const auto host = TRY(PipelineHost::open(context.host));
  const Ports& ports = host->ports();
  if (all) {
    for (const Entity entity : kEntities) {
      for (const Batch& batch : TRY(batches_in(ports.table, entity, kOpenStatuses))) {
        if (batch.delta_id.empty()) ids.push_back(batch.id.str());
      }
    }
  }
  Json json = {{"batches", Json::array()}};
  bool done = true;
  for (const std::string& id : ids) {
    const auto cancelled = cancel_batch(BatchId(id), ports, host->context());
    // One that is not there does not keep the others.
    if (!cancelled && cancelled.error().code() != Code::not_found) {
      return pass_on(cancelled, fmt::format("the batch {}", id));
    }
    done = done && cancelled && (*cancelled == Cancelling::ended || *cancelled == Cancelling::asked);
    json["batches"].push_back({{"id", id}, {"result", cancelled ? cancelling_name(*cancelled) : "not_found"}});
    context.output.line("{}  {}", id, cancelled ? what_happened(*cancelled) : cancelled.error().message());
  }
  if (ids.empty()) context.output.line("no batch waits for the provider");
  context.output.json(json);
  return done ? kDone : kPartlyDone;
}

namespace {

/// What reconcile does with what it finds.
class Reconciliation {
 public:
  Reconciliation(const ReconcileOptions& options, const PipelineHost& host, const Output& output)
      : options_(options), host_(host), output_(output) {}

  Result<Json> run() {
    const Orphans orphans = TRY(find_orphans(host_.ports()));
    Json json = {{"dry_run", options_.dry_run}, {"batches", Json::array()}, {"files", Json::array()}};
    for (const OrphanBatch& orphan : orphans.batches) {
      const std::string_view action = TRY(settle(orphan));
      output_.line("batch {}  {}  of {}: {}: {}", orphan.batch.id.str(), provider_status_name(orphan.batch.status),
                   orphan.own_id.str(), orphan.why, action);
      json["batches"].push_back({{"openai_batch_id", orphan.batch.id.str()},
                                 {"batch_id", orphan.own_id.str()},
                                 {"status", provider_status_name(orphan.batch.status)},
                                 {"reason", orphan.why},
                                 {"action", action}});
    }
    for (const OrphanFile& orphan : orphans.files) {
      const std::string_view action = TRY(remove(orphan));
      output_.line("file {}  {} bytes  of {}: {}", orphan.file.id.str(), orphan.file.bytes, orphan.own_id.str(),
                   action);
      json["files"].push_back({{"file_id", orphan.file.id.str()},
                               {"batch_id", orphan.own_id.str()},
                               {"bytes", orphan.file.bytes},
                               {"action", action}});
    }
    json["left"] = left_;
    if (orphans.batches.empty() && orphans.files.empty()) output_.line("nothing at the provider is without its row");
    return json;
  }

 private:
  Result<std::string_view> settle(const OrphanBatch& orphan) {
    const bool settles = options_.adopt || options_.cancel;
    if (orphan.is_adoptable && settles) {
      if (options_.dry_run) return "would be adopted";
      if (TRY(adopt(orphan, host_.ports(), host_.context()))) return "adopted";
    } else if (!has_ended(orphan.batch.status) && options_.cancel) {
      if (options_.dry_run) return "would be cancelled";
      const auto cancelled = host_.ports().provider.cancel(orphan.batch.id);
      if (!cancelled && cancelled.error().code() != Code::not_found) return std::unexpected(cancelled.error());
      return "cancelled";
    }
    ++left_;
    return "left as it is";
  }

  Result<std::string_view> remove(const OrphanFile& orphan) {
    if (!options_.adopt && !options_.cancel) {
      ++left_;
      return "left as it is";
    }
    if (options_.dry_run) return "would be deleted";
    TRY(host_.ports().provider.delete_file(orphan.file.id));
    return "deleted";
  }

  const ReconcileOptions& options_;
  const PipelineHost& host_;
  const Output& output_;
  std::size_t left_ = 0;
};

}  // namespace

Result<int> batches_reconcile_command(CommandContext& context, const ReconcileOptions& options) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Json json = TRY(Reconciliation(options, *host, context.output).run());
  context.output.json(json);
  return json.at("left") == 0 ? kDone : kPartlyDone;
}

}  // namespace tillite
