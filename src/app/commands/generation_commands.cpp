// generations: changing the model, the dimensions, the input format or the shards of a collection.
#include "app/commands/commands.h"
#include "app/commands/plan_output.h"
#include "app/parts/asked_binding.h"
#include "base/time.h"
#include "embedding/model.h"
#include "steps/batches/model_facts.h"
#include "steps/generations/generation.h"
#include "steps/generations/generation_gap.h"

namespace tillite {
namespace {

std::string text_of(const CollectionBinding& binding) {
  return fmt::format("{}, {} dimensions, {}, {} shard{}", binding.model, binding.dimensions, binding.input_format,
                     binding.shards, binding.shards == 1 ? "" : "s");
}

Result<std::uint64_t> vectors_of(const CollectionBinding& binding, ObjectStore& vectors) {
  const auto newest = TRY(ManifestLog(vectors, binding.collection, binding.generation).newest());
  return newest ? newest->vectors : 0;
}

Json json_of(const Generation& generation, std::uint64_t vectors, std::uint64_t of) {
  Json left_out = Json::array();
  for (const auto& [id, reason] : generation.left_out_listed) {
    left_out.push_back({{"id", id.str()}, {"reason", reason}});
  }
  return {{"collection", generation.binding.collection},
          {"generation", generation.number()},
          {"state", generation_state_name(generation.state)},
          {"binding", to_json(generation.binding)},
          {"created_at", iso_time(generation.created_ms)},
          {"vectors", vectors},
          {"vectors_of_active", of},
          {"closing", generation.closing},
          {"left_out", generation.left_out},
          {"left_out_items", std::move(left_out)}};
}

void print(const Generation& generation, std::uint64_t vectors, std::uint64_t of, const Output& output) {
  const bool building = generation.state == GenerationState::building;
  const std::string progress = building ? fmt::format(" of {}", of) : "";
  output.line("  {:>3}  {:<9}  {}{} vectors  {}{}", generation.number(), generation_state_name(generation.state),
              vectors, progress, text_of(generation.binding), building && generation.closing ? "  about to swap" : "");
  if (generation.left_out == 0) return;
  output.line("       {} items without a vector in it:", generation.left_out);
  for (const auto& [id, reason] : generation.left_out_listed) output.line("       {}: {}", id.str(), reason);
}

std::optional<Dollars> cost_of_needs(const GenerationNeeds& needs, const EmbeddingModel& model) {
  const auto price = model.batch_price_per_million();
  if (!price) return std::nullopt;
  return cost_of(needs.tokens, *price);
}

Json json_of(const GenerationNeeds& needs, const EmbeddingModel& model) {
  return {{"records", needs.records},
          {"texts", needs.texts},
          {"tokens", needs.tokens},
          {"copies", needs.copies},
          {"without_receipt", needs.without_receipt},
          {"dollars", amount_json(cost_of_needs(needs, model))}};
}

void print(const GenerationNeeds& needs, const std::string& collection, const EmbeddingModel& model,
           const Output& output) {
  const auto cost = cost_of_needs(needs, model);
  output.line("{}: of {} vectors {} are taken over; {} texts of {} tokens are sent at most{}", collection,
              needs.records, needs.copies, needs.texts, needs.tokens,
              cost ? fmt::format(", for {} dollars in batches", dollars_text(*cost)) : "");
}

/// What is asked for: the options stand above the environment, which stands above what is there.
Result<CollectionBinding> wanted_binding(Entity entity, const CollectionBinding& active,
                                         const GenerationOptions& options, const CommandContext& context,
                                         const PipelineHost& host) {
  CollectionBinding wanted = asked_binding(entity, active, host.context().settings, context.host.environment);
  if (!options.model.empty()) wanted.model = options.model;
  if (options.dimensions > 0) wanted.dimensions = static_cast<std::size_t>(options.dimensions);
  TRY(check_dimensions(embedding_model(wanted.model), wanted.dimensions));
  if (options.format.empty()) return wanted;
  const InputFormat format = TRY(parse_input_format(options.format));
  if (entity_of(format) == entity) wanted.input_format = options.format;
  return wanted;
}

/// The collections that a command is about: the named one, or both; of a format those that have it.
Result<std::vector<Entity>> entities_of(const GenerationOptions& options) {
  std::vector<Entity> entities(kEntities.begin(), kEntities.end());
  if (!options.collection.empty()) entities = {TRY(entity_of_collection(options.collection))};
  if (options.format.empty()) return entities;
  const Entity of_format = entity_of(TRY(parse_input_format(options.format)));
  if (entities.size() == 1 && entities.front() != of_format) {
    return fail(Code::invalid_input, "{} is a format of {}, not of {}", options.format, names_of(of_format).collection,
                options.collection);
  }
  // A format alone is about one collection; with another model both may be meant.
  const bool format_alone = options.model.empty() && options.dimensions == 0;
  if (format_alone) entities = {of_format};
  return entities;
}

/// The collection that has a generation with this number; the named one if there is a name.
Result<Entity> entity_with(std::int64_t number, const std::string& collection, const Ports& ports) {
  if (!collection.empty()) return entity_of_collection(collection);
  std::vector<Entity> with;
  for (const Entity entity : kEntities) {
    if (generation_numbered(entity, number, ports)) with.push_back(entity);
  }
  if (with.size() == 1) return with.front();
  if (with.empty()) return fail(Code::not_found, "no collection has a generation {}", number);
  return fail(Code::invalid_input, "both collections have a generation {}: name one with --collection", number);
}

using Change = Result<Generation> (*)(Entity, std::int64_t, const Ports&, const StepContext&);

Result<int> change_generation(CommandContext& context, std::int64_t number, const std::string& collection,
                              Change change) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Entity entity = TRY(entity_with(number, collection, host->ports()));
  const Generation generation = TRY(change(entity, number, host->ports(), host->context()));
  context.output.line("generation {} of {} is {}", number, generation.binding.collection,
                      generation_state_name(generation.state));
  context.output.json({{"collection", generation.binding.collection},
                       {"generation", number},
                       {"state", generation_state_name(generation.state)}});
  return kDone;
}

}  // namespace

Result<int> generations_list_command(CommandContext& context, const std::string& collection) {
  const auto host = TRY(PipelineHost::open(context.host));
  Json json = {{"generations", Json::array()}};
  for (const Entity entity : TRY(entities_of({.collection = collection}))) {
    const auto active = TRY(active_collection(entity, host->ports(), host->context()));
    const std::uint64_t of = TRY(vectors_of(active, host->ports().vectors));
    context.output.line("{}", active.collection);
    for (const Generation& generation : TRY(generations_of(entity, host->ports()))) {
      const bool is_gone = generation.state == GenerationState::removed;
      const std::uint64_t vectors = is_gone ? 0 : TRY(vectors_of(generation.binding, host->ports().vectors));
      print(generation, vectors, of, context.output);
      json["generations"].push_back(json_of(generation, vectors, of));
    }
    const auto note = note_on_binding(entity, active, host->context().settings, context.host.environment);
    if (note) context.output.line("{}", *note);
  }
  context.output.json(json);
  return kDone;
}

Result<int> generations_start_command(CommandContext& context, const GenerationOptions& options) {
  const auto host = TRY(PipelineHost::open(context.host));
  Json json = {{"dry_run", options.dry_run}, {"started", Json::array()}};
  for (const Entity entity : TRY(entities_of(options))) {
    const auto active = TRY(active_collection(entity, host->ports(), host->context()));
    const CollectionBinding wanted = TRY(wanted_binding(entity, active, options, context, *host));
    if (difference_of(wanted, active).empty()) continue;
    const GenerationNeeds needs = TRY(needs_of_generation(active, wanted, host->ports(), host->context()));
    const EmbeddingModel model = facts_of(wanted.model, host->context().settings);
    Json one = {{"collection", active.collection}, {"needs", json_of(needs, model)}};
    print(needs, active.collection, model, context.output);
    if (!options.dry_run) {
      const Generation started = TRY(start_generation(entity, wanted, host->ports(), host->context()));
      context.output.line("started generation {} of {}: {}. `tillite run` builds it, the old one is served meanwhile",
                          started.number(), active.collection, text_of(started.binding));
      one["generation"] = started.number();
    }
    json["started"].push_back(std::move(one));
  }
  if (json["started"].empty()) {
    return fail(Code::invalid_input,
                "nothing would change: say what shall be different, with --model, --dimensions, --format or --shards");
  }
  context.output.json(json);
  return kDone;
}

Result<int> generations_cancel_command(CommandContext& context, std::int64_t number, const std::string& collection) {
  return change_generation(context, number, collection, &cancel_generation);
}

Result<int> generations_resume_command(CommandContext& context, std::int64_t number, const std::string& collection) {
  return change_generation(context, number, collection, &resume_generation);
}

}  // namespace tillite
