// run, status, compact, backup, gc: what moves the pipeline and tells where it stands.
#include "adapters/aws/aws_settings.h"
#include "app/commands/budget.h"
#include "app/commands/commands.h"
#include "app/commands/entity_choice.h"
#include "app/commands/plan_output.h"
#include "app/parts/asked_binding.h"
#include "app/pipeline_run.h"
#include "embedding/bill.h"
#include "receipts/receipt_items.h"
#include "steps/batches/batch_deadline.h"
#include "steps/batches/failed_items.h"
#include "steps/batches/model_facts.h"
#include "steps/batches/provider_files.h"
#include "steps/batches/provider_orphans.h"
#include "steps/batches/spending.h"
#include "steps/compact.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "steps/generations/retirement.h"
#include "vectors/versions/garbage.h"

namespace tillite {
namespace {

constexpr std::size_t kFailedListedMax = 100;
constexpr std::int64_t kMsAnHour = 3'600'000;

Json json_of(const std::optional<Census::Building>& building) {
  if (!building) return nullptr;
  return {{"generation", building->generation},
          {"vectors", building->vectors},
          {"deltas_waiting", building->deltas_waiting},
          {"left_out", building->left_out}};
}

Json json_of(const Census& census) {
  return {{"entity", names_of(census.entity).name},
          {"collection", names_of(census.entity).collection},
          {"found", census.found},
          {"noise", census.noise},
          {"unclaimed", census.unclaimed},
          {"claimed", census.claimed},
          {"held", census.held},
          {"in_deltas", census.in_deltas},
          {"published", census.published},
          {"failed", census.failed},
          {"adds_up", census.adds_up()},
          {"batches", census.batches},
          {"deltas_waiting", census.deltas_waiting},
          {"changes_waiting", census.changes_waiting},
          {"generation", census.generation},
          {"building", json_of(census.building)},
          {"snapshot_version", census.version ? census.version->number : 0},
          {"snapshot_vectors", census.version ? census.version->vectors : 0},
          {"snapshot_shards", census.version ? census.version->shards.size() : 0},
          {"snapshot_checksum", census.version ? census.version->checksum.hex() : ""}};
}

void print(const Census& census, const Output& output) {
  const auto& names = names_of(census.entity);
  output.line("{}", names.collection);
  output.line(
      "  items      {} found = {} noise + {} unclaimed + {} claimed + {} in deltas + {} published + {} failed: {}",
      census.found, census.noise, census.unclaimed, census.claimed, census.in_deltas, census.published, census.failed,
      census.adds_up() ? "adds up" : fmt::format("DOES NOT ADD UP, the sum is {}", census.sum()));
  if (census.held > 0) {
    output.line("  held       {} of the claimed items belong to no batch of this home: tillite doctor", census.held);
  }
  std::string batches;
  for (const auto& [status, count] : census.batches)
    batches += fmt::format("{}{} {}", batches.empty() ? "" : ", ", count, status);
  output.line("  batches    {}", batches.empty() ? "none" : batches);
  output.line("  deltas     {} waiting for a merge, {} changes not written yet", census.deltas_waiting,
              census.changes_waiting);
  if (census.version && census.version->has_snapshot()) {
    const std::size_t shards = census.version->shards.size();
    output.line("  snapshot   version {}, {} vectors{}, checksum {}", census.version->number, census.version->vectors,
                shards == 1 ? "" : fmt::format(" in {} shards", shards), census.version->checksum.hex());
  } else {
    output.line("  snapshot   none yet");
  }
  if (const auto& building = census.building) {
    output.line("  generation {} is being built beside generation {}: {} of {} vectors, {} deltas waiting",
                building->generation, census.generation, building->vectors,
                census.version ? census.version->vectors : 0, building->deltas_waiting);
  }
}

/// Says for each entity if the environment asks for something else than its collection is bound to.
Result<void> note_bindings(std::span<const Entity> entities, const CommandContext& context, const PipelineHost& host) {
  for (const Entity entity : entities) {
    const auto active = TRY(active_collection(entity, host.ports(), host.context()));
    const auto note = note_on_binding(entity, active, host.context().settings, context.host.environment);
    if (note) context.output.line("{}", *note);
  }
  return {};
}

/// The items that were given up, with their reasons.
Result<Json> failed_items_json(Entity entity, Table& table) {
  Json failed = Json::array();
  for (const FailedItem& item : TRY(failed_items(entity, kFailedListedMax, table))) {
    failed.push_back({{"id", item.id.str()}, {"reason", item.reason}});
  }
  return failed;
}

Result<Json> all_failed_items(const std::vector<Census>& census, Table& table) {
  Json failed = Json::array();
  for (const Census& one : census) {
    if (one.failed == 0) continue;
    for (Json& item : TRY(failed_items_json(one.entity, table))) failed.push_back(std::move(item));
  }
  return failed;
}

/// What waits for the provider: which batch expires next, and those that the provider should have ended long ago.
Result<Json> deadlines(Entity entity, const Ports& ports, const Output& output) {
  const std::int64_t now_ms = ports.clock.now_ms();
  Json json = {{"overdue", Json::array()}, {"unreadable", Json::array()}};
  std::optional<std::int64_t> oldest_ms;
  const BatchesRead read = TRY(read_batches_in(ports.table, entity, kOpenStatuses));
  for (const auto& [name, reason] : read.unreadable) {
    json["unreadable"].push_back({{"name", name}, {"reason", reason}});
    output.line("  unreadable {}: {}", name, reason);
  }
  for (const Batch& batch : read.batches) {
    const auto age_ms = ms_at_provider(batch, now_ms);
    if (!age_ms) continue;
    if (*age_ms >= kOverdueAfterMs) {
      json["overdue"].push_back({{"batch_id", batch.id.str()},
                                 {"openai_batch_id", batch.openai_batch_id.str()},
                                 {"status", batch_status_name(batch.status)},
                                 {"submitted_seconds_ago", *age_ms / 1000}});
      output.line("  overdue    {}: {} since {} (tillite batches show, cancel)", batch.id.str(),
                  batch_status_name(batch.status), duration_text(*age_ms));
    } else if (*age_ms > oldest_ms.value_or(-1)) {
      oldest_ms = age_ms;
      json["next_to_expire"] = {{"batch_id", batch.id.str()}, {"seconds", (kBatchWindowMs - *age_ms) / 1000}};
    }
  }
  if (oldest_ms) {
    output.line("  provider   the next batch to expire is {}, in {}",
                json["next_to_expire"]["batch_id"].get<std::string>(),
                duration_text(std::max<std::int64_t>(kBatchWindowMs - *oldest_ms, 0)));
  }
  return json;
}

bool lies_in(const Path& path, const Path& folder) {
  std::error_code ignored;
  const Path relative = std::filesystem::weakly_canonical(std::filesystem::absolute(path), ignored)
                            .lexically_relative(std::filesystem::canonical(folder, ignored));
  return !relative.empty() && *relative.begin() != "..";
}

/// What was sent costs; nothing if a price is not known.
std::optional<Dollars> cost_of_run(const Progress::Counts& done, const Settings& settings) {
  Bill bill;
  for (const auto& [name, sent] : done.sent) {
    const EmbeddingModel model = facts_of(name, settings);
    bill.add(sent.batched, model.batch_price_per_million());
    bill.add(sent.called, model.price_per_million);
  }
  return bill.sum();
}

/// What a run has to embed: what is planned, and what is on its way from an earlier one.
Result<std::int64_t> items_to_come(const RunPlan& plan, const std::vector<Entity>& entities, Table& table) {
  auto items = static_cast<std::int64_t>(plan.items_to_embed());
  for (const Entity entity : entities) {
    for (const Batch& batch : TRY(batches_in(table, entity, kOpenStatuses))) {
      if (!batch.is_prepared() && !batch.is_foreign() && batch.delta_id.empty()) items += batch.item_count;
    }
  }
  return items;
}

/// Why a run ended before everything was sent, and how far it came.
std::string why_it_ended(const std::string& budget, const RunReport& report, const std::optional<Dollars>& cost) {
  return fmt::format(
      "the budget is {}: {} tokens in {} batches were sent{}, {} items are embedded; {} prepared batches with {} "
      "tokens "
      "would be beyond it",
      budget, report.done.tokens_sent(), report.done.submitted,
      cost ? fmt::format(" for {} USD", dollars_text(*cost)) : "", report.done.embedded, report.refused.batches,
      report.refused.tokens);
}

/// Functions at AWS cannot work on the rows and objects of a home.
Result<void> check_parts_are_there(const Environment& environment) {
  if (TRY(read_aws_settings(environment)).service_endpoints.contains(AwsApi::step_functions)) return {};
  for (const char* name : {"DYNAMODB_TABLE_NAME", "CHROMADB_BUCKET"}) {
    if (!environment(name).value_or("").empty()) continue;
    return fail(Code::invalid_input, "the variable {} is missing: what runs on AWS has its rows and vectors there",
                name);
  }
  return {};
}

Result<std::unique_ptr<StateMachines>> machines_of_run(PipelineHost& host, bool on_aws,
                                                       const PipelineHost::Options& options, Progress& progress) {
  if (!on_aws) return engine_machines(host, options.stop, &progress);
  return step_functions_machines(options.environment, options.log, options.stop, &progress);
}

/// Says that a run would cost too much; nothing was done.
int refuse(const RunPlan& plan, const std::string& reason, const Output& output) {
  print(plan, output);
  output.line("refused: {}; nothing was sent", reason);
  output.json({{"refused", reason}, {"plan", to_json(plan)}});
  return kBeyondBudget;
}

}  // namespace

Result<int> run_command(CommandContext& context, const RunCommandOptions& asked) {
  RunOptions options{.entities = TRY(entities_named(asked.entity)), .wait = !asked.no_wait, .on_aws = asked.on_aws};
  PipelineHost::Options host_options = context.host;
  if (asked.on_aws) TRY(check_parts_are_there(host_options.environment));
  const Budget budget = asked.budget.empty() ? Budget() : TRY(parse_budget(asked.budget));
  if (!asked.budget.empty()) host_options.spending = std::make_shared<Spending>(budget);
  const auto host = TRY(PipelineHost::open(host_options));
  const RunPlan plan = TRY(plan_run(options.entities, host->ports(), host->context()));
  if (!asked.budget.empty()) {
    if (const auto reason = TRY(beyond(budget, plan))) return refuse(plan, *reason, context.output);
  }
  options.items_planned = TRY(items_to_come(plan, options.entities, host->ports().table));
  const auto form = context.output.is_json() ? Progress::Form::silent
                    : context.live_progress  ? Progress::Form::terminal
                                             : Progress::Form::lines;
  Progress progress(form, host->ports().clock);
  const auto machines = TRY(machines_of_run(*host, asked.on_aws, context.host, progress));
  const RunReport report = TRY(run_pipeline(*host, *machines, options, progress));
  progress.finish();

  const auto cost = cost_of_run(report.done, host->context().settings);
  Json json = {{"nothing_to_do", report.nothing_to_do},    {"others_at_work", report.others_at_work},
               {"items_found", report.done.found},         {"batches_submitted", report.done.submitted},
               {"items_expected", report.done.expected},   {"items_embedded", report.done.embedded},
               {"tokens_sent", report.done.tokens_sent()}, {"cost_usd", amount_json(cost)},
               {"items_merged", report.done.merged},       {"entities", Json::array()}};
  std::size_t left = 0;
  for (const Census& census : report.census) {
    json["entities"].push_back(json_of(census));
    left += census.unclaimed + census.claimed - census.held + census.in_deltas;
  }
  if (report.nothing_to_do) {
    context.output.line("nothing to do: no item waits for an embedding, no batch is open, no delta waits for a merge");
  } else {
    for (const Census& census : report.census) print(census, context.output);
    if (left > 0) context.output.line("{} items are still on their way: run again later", left);
  }
  TRY(note_bindings(options.entities, context, *host));
  const Json failed = TRY(all_failed_items(report.census, host->ports().table));
  json["failed_items"] = failed;
  for (const Json& item : failed) {
    context.output.line("failed: {}: {}", item.at("id").get<std::string>(), item.at("reason").get<std::string>());
  }
  if (report.refused.batches > 0) {
    const std::string reason = why_it_ended(asked.budget, report, cost);
    context.output.line("stopped: {}", reason);
    json["refused"] = reason;
  }
  context.output.json(json);
  if (report.refused.batches > 0) return kBeyondBudget;
  return failed.empty() ? kDone : kPartlyDone;
}

Result<int> status_command(CommandContext& context) {
  const auto host = TRY(PipelineHost::open(context.host));
  Json json = {{"home", host->home().folder().string()}, {"entities", Json::array()}};
  bool adds_up = true;
  for (const Entity entity : kEntities) {
    const Census census = TRY(take_census(entity, host->ports(), host->context()));
    print(census, context.output);
    json["entities"].push_back(json_of(census));
    json["entities"].back().update(TRY(deadlines(entity, host->ports(), context.output)));
    for (const Json& item : TRY(failed_items_json(entity, host->ports().table))) {
      context.output.line("  failed     {}: {}", item.at("id").get<std::string>(),
                          item.at("reason").get<std::string>());
    }
    if (census.version) {
      for (const auto& [delta, reason] : census.version->quarantined) {
        context.output.line("  quarantine {}: {}", delta.str(), reason);
      }
    }
    adds_up = adds_up && census.adds_up();
  }
  TRY(note_bindings(kEntities, context, *host));
  context.output.json(json);
  if (!adds_up) {
    return fail(Code::corrupt, "the items of {} do not add up: tillite doctor says why",
                host->home().folder().string());
  }
  return kDone;
}

Result<int> compact_command(CommandContext& context, const std::string& collection) {
  const Entity entity = TRY(entity_of_collection(collection));
  const auto host = TRY(PipelineHost::open(context.host));
  const Json result = TRY(compact_collection(entity, host->ports(), host->context()));
  const auto deltas = result.at("deltas_consumed").get<std::size_t>();
  const auto beside = result.at("deltas_consumed_beside").get<std::size_t>();
  if (deltas + beside == 0) context.output.line("nothing to merge into {}", collection);
  if (beside > 0) context.output.line("merged {} deltas into the generation that may follow", beside);
  if (deltas > 0) {
    context.output.line("merged {} deltas into {}: version {}, {} vectors", deltas, collection,
                        result.at("version").get<std::int64_t>(), result.at("total_embeddings").get<std::uint64_t>());
  }
  context.output.json(result);
  return kDone;
}

Result<int> backup_command(CommandContext& context, const std::string& folder) {
  const auto host = TRY(PipelineHost::open(context.host));
  if (lies_in(folder, host->home().folder())) {
    return fail(Code::invalid_input, "{} lies in the home itself: name a folder outside of it", folder);
  }
  if (!host->on_aws().empty()) {
    return fail(
        Code::unsupported,
        "{} names a part on AWS, which a backup of the home does not have: AWS keeps copies of tables and buckets "
        "itself, and `tillite migrate --from aws --to FOLDER` makes a home of them",
        *host->on_aws().begin());
  }
  TRY(host->home().backup(folder));
  context.output.line("backed up {} to {}", host->home().folder().string(), folder);
  context.output.json({{"home", host->home().folder().string()}, {"backup", folder}});
  return kDone;
}

constexpr std::int64_t kExecutionsKeptMs = 90 * 24 * kMsAnHour;  // as long as AWS keeps them

namespace {

constexpr std::int64_t kDeletingFilesMsMax = kMsAnHour;

void add(GarbageReport& sum, const GarbageReport& more) {
  sum.deltas += more.deltas;
  sum.manifests += more.manifests;
  sum.snapshot_folders += more.snapshot_folders;
  sum.intermediates += more.intermediates;
  sum.bytes += more.bytes;
}

/// Files that ended batches, and submits that were cut off, have left at the provider.
Result<std::size_t> delete_provider_files(const PipelineHost& host, const Output& output) {
  const Ports& ports = host.ports();
  std::size_t files = 0;
  bool all = true;
  for (const Entity entity : kEntities) {
    const DeletedFiles deleted = TRY(delete_files_left(entity, kDeletingFilesMsMax, ports, host.context()));
    files += deleted.files;
    all = all && deleted.all;
  }
  // A provider that does not answer is no reason to leave the garbage of this machine where it is.
  const auto orphans = all ? find_orphan_files(ports) : std::vector<OrphanFile>();
  all = all && orphans;
  for (std::size_t i = 0; all && i < orphans->size(); ++i) {
    all = ports.provider.delete_file((*orphans)[i].file.id).has_value();
    if (all) ++files;
  }
  output.line("provider: removed {} files{}", files, all ? "" : ", others could not be removed yet");
  return files;
}

}  // namespace

Result<int> gc_command(CommandContext& context, bool dry_run, std::int64_t keep_hours) {
  const auto host = TRY(PipelineHost::open(context.host));
  const RetentionSettings retention{.snapshot_ms = keep_hours * kMsAnHour,
                                    .intermediate_ms = keep_hours * kMsAnHour,
                                    .upload_ms = keep_hours * kMsAnHour};
  Json json = {{"dry_run", dry_run}, {"collections", Json::array()}};
  for (const Entity entity : kEntities) {
    const Ports& ports = host->ports();
    if (!dry_run) TRY(settle_generations(entity, ports, host->context()));
    const auto binding = TRY(active_collection(entity, ports, host->context()));
    GarbageReport report = TRY(collect_garbage(ports.table, ports.vectors, ports.clock, ports.random, binding,
                                               retention, host->context().settings.lock, dry_run));
    if (const auto building = TRY(candidate_generation(entity, ports))) {
      add(report, TRY(collect_garbage(ports.table, ports.vectors, ports.clock, ports.random, building->binding,
                                      retention, host->context().settings.lock, dry_run)));
    }
    const auto generations = TRY(remove_generations(entity, keep_hours * kMsAnHour, dry_run, ports, host->context()));
    report.bytes += generations.bytes;
    context.output.line("{}: {} {} deltas, {} manifests, {} snapshots, {} intermediates, {} generations, {:.1f} MB",
                        binding.collection, dry_run ? "would remove" : "removed", report.deltas, report.manifests,
                        report.snapshot_folders, report.intermediates, generations.generations,
                        static_cast<double>(report.bytes) / 1e6);
    json["collections"].push_back({{"collection", binding.collection},
                                   {"deltas", report.deltas},
                                   {"manifests", report.manifests},
                                   {"snapshots", report.snapshot_folders},
                                   {"intermediates", report.intermediates},
                                   {"generations", generations.generations},
                                   {"bytes", report.bytes}});
  }
  if (!dry_run) {
    json["provider_files"] = TRY(delete_provider_files(*host, context.output));
    const std::int64_t executions = TRY(host->engine(nullptr)->forget_older_than(kExecutionsKeptMs));
    context.output.line("executions: removed {} that ended more than 90 days ago", executions);
    json["executions"] = executions;
  }
  context.output.json(json);
  return kDone;
}

}  // namespace tillite
