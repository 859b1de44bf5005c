#include "steps/generations/generation.h"

#include <algorithm>

#include "base/time.h"
#include "steps/batches/batch.h"
#include "steps/batches/batch_cancel.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation_gap.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::array<std::string_view, 5> kStateNames = {"building", "active", "retired", "cancelled", "removed"};

Result<GenerationState> parse_state(const std::string& name) {
  const auto found = std::ranges::find(kStateNames, name);
  if (found == kStateNames.end()) return fail(Code::corrupt, "it has the unknown state '{}'", name.substr(0, 64));
  return static_cast<GenerationState>(found - kStateNames.begin());
}

Result<BackfillCursor> parse_cursor(const Item& row) {
  const Json* const json = find_field(row, "backfill_cursor");
  if (json == nullptr) return BackfillCursor{};
  BackfillCursor cursor;
  cursor.shard = TRY(int_field(*json, "shard"));
  if (cursor.shard < 0) return fail(Code::corrupt, "its cursor is at the shard {}", cursor.shard);
  cursor.after = RecordId(TRY(string_field(*json, "after")));
  cursor.found = TRY(int_field(*json, "found"));
  cursor.brought = TRY(optional_int(*json, "brought")).value_or(0);
  return cursor;
}

Result<std::vector<LeftOut>> parse_left_out(const Item& row) {
  std::vector<LeftOut> items;
  if (find_field(row, "left_out_items") == nullptr) return items;
  for (const Json& item : TRY(array_field(row, "left_out_items"))) {
    RecordId id(TRY(string_field(item, "id")));
    std::string reason = TRY(string_field(item, "reason"));
    items.push_back({std::move(id), std::move(reason)});
  }
  return items;
}

Result<std::int64_t> time_or_zero(const Item& row, std::string_view name) {
  const auto text = TRY(optional_string(row, name));
  if (!text) return 0;
  return parse_iso_time(*text);
}

/// What a generation is, whatever its row still says: the root object was swapped before the rows were written, and of
/// two that were begun at the same time the later one counts.
GenerationState state_under(const CollectionBinding& active, const Generation& generation, bool is_last) {
  if (generation.number() == active.generation) return GenerationState::active;
  if (generation.state == GenerationState::active) return GenerationState::retired;
  if (generation.state != GenerationState::building) return generation.state;
  if (generation.number() < active.generation) return GenerationState::retired;
  return is_last ? GenerationState::building : GenerationState::cancelled;
}

Result<std::vector<Generation>> rows_of(const std::string& collection, Table& table) {
  std::vector<Generation> generations;
  TRY(for_each_item(table, {.hash = fmt::format("COLLECTION#{}", collection), .range_prefix = "GENERATION#"},
                    [&](const Item& row) -> Result<void> {
                      generations.push_back(TRY(parse_generation(row)));
                      return {};
                    }));
  std::ranges::sort(generations, {}, &Generation::number);
  return generations;
}

/// The number behind all that are there, rows or files: a table that was restored may have forgotten some.
Result<std::int64_t> next_number(const std::vector<Generation>& generations, const std::string& collection,
                                 ObjectStore& vectors) {
  for (std::int64_t number = generations.empty() ? 1 : generations.back().number() + 1;; ++number) {
    if (TRY(vectors.list(generation_folder(collection, number), "", 1)).empty()) return number;
  }
}

std::string text_of(const CollectionBinding& binding) {
  return fmt::format("model {}, {} dimensions, format {}, {} shard{}", binding.model, binding.dimensions,
                     binding.input_format, binding.shards, binding.shards == 1 ? "" : "s");
}

/// The batches of a generation at the provider are not to be paid for any longer than need be. A later poll takes in
/// what they bring; whether the provider heard of it is of no consequence.
Result<void> cancel_batches(Entity entity, std::int64_t number, const Ports& ports, const StepContext& context) {
  for (const Batch& batch : TRY(batches_in(ports.table, entity, kOpenStatuses))) {
    if (batch.generation != number || !batch.delta_id.empty()) continue;
    const auto cancelled = cancel_batch(batch.id, ports, context);
    if (!cancelled) {
      context.log.warning("a batch could not be cancelled",
                          {{"batch_id", batch.id.str()}, {"reason", cancelled.error().message()}});
    }
  }
  return {};
}

/// Lets a generation's items that were refused as often as they may be tried be sent again. The answer: how many.
Result<std::size_t> forget_refusals(Entity entity, const CollectionBinding& generation, const Ports& ports,
                                    const StepContext& context) {
  const auto active = TRY(stored_binding(entity, ports.vectors));
  if (!active) return 0;
  auto gap = TRY(GenerationGap::open(*active, generation, ports, context));
  std::size_t items = 0;
  BackfillCursor cursor;
  TRY(gap.walk(cursor, [&](std::vector<Lack>&& lacking) -> Result<bool> {
    std::vector<Write> writes;
    for (const Lack& lack : lacking) {
      if (!lack.refused) continue;
      writes.emplace_back(Update{.key = row_key(lack.id),
                                 .remove = {"next_attempts", "next_failure_reason"},
                                 .condition = {equal("next_generation", generation.generation)}});
    }
    items += static_cast<std::size_t>(std::ranges::count(TRY(ports.table.write_each(writes)), true));
    return true;
  }));
  return items;
}

}  // namespace

Result<Generation> parse_generation(const Item& row) {
  const auto parse = [&]() -> Result<Generation> {
    Generation generation;
    generation.binding = TRY(parse_binding(TRY(object_field(row, "binding"))));
    generation.state = TRY(parse_state(TRY(string_field(row, "state"))));
    generation.created_ms = TRY(time_or_zero(row, "created_at"));
    generation.changed_ms = TRY(time_or_zero(row, "changed_at"));
    generation.closing = TRY(optional_bool(row, "closing")).value_or(false);
    generation.cursor = TRY(parse_cursor(row));
    generation.backfill_calls = TRY(optional_int(row, "backfill_calls")).value_or(0);
    generation.backfill_passes = TRY(optional_int(row, "backfill_passes")).value_or(0);
    generation.left_out =
        static_cast<std::uint64_t>(std::max<std::int64_t>(TRY(optional_int(row, "left_out")).value_or(0), 0));
    generation.left_out_listed = TRY(parse_left_out(row));
    return generation;
  };
  auto generation = parse();
  if (!generation) return pass_on(generation, fmt::format("the row {} {}", row.value("PK", ""), row.value("SK", "")));
  return generation;
}

std::string_view generation_state_name(GenerationState state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}

ItemKey generation_row_key(const std::string& collection, std::int64_t number) {
  return {fmt::format("COLLECTION#{}", collection), fmt::format("GENERATION#{:05}", number)};
}

Item generation_row(const CollectionBinding& binding, GenerationState state, std::int64_t now_ms) {
  const ItemKey key = generation_row_key(binding.collection, binding.generation);
  return {{"PK", key.pk},
          {"SK", key.sk},
          {"TYPE", "COLLECTION_GENERATION"},
          {"state", generation_state_name(state)},
          {"binding", to_json(binding)},
          {"created_at", iso_time(now_ms)}};
}

Json to_json(const BackfillCursor& cursor) {
  return {{"shard", cursor.shard}, {"after", cursor.after.str()}, {"found", cursor.found}, {"brought", cursor.brought}};
}

Result<std::vector<Generation>> generations_of(Entity entity, Table& table, ObjectStore& vectors) {
  // The rows first: what is swapped meanwhile is then seen as it is.
  auto generations = TRY(rows_of(std::string(names_of(entity).collection), table));
  const auto active = TRY(stored_binding(entity, vectors));
  if (!active) return std::vector<Generation>{};
  if (std::ranges::find(generations, active->generation, &Generation::number) == generations.end()) {
    generations.push_back({.binding = *active, .state = GenerationState::active});
    std::ranges::sort(generations, {}, &Generation::number);
  }
  for (Generation& generation : generations) {
    generation.state = state_under(*active, generation, generation.number() == generations.back().number());
  }
  return generations;
}

std::optional<Generation> candidate_among(const std::vector<Generation>& generations) {
  if (generations.empty()) return std::nullopt;
  const Generation& last = generations.back();
  const bool may_follow = last.state == GenerationState::building || last.state == GenerationState::cancelled;
  return may_follow ? std::optional(last) : std::nullopt;
}

Result<std::optional<Generation>> candidate_generation(Entity entity, const Ports& ports) {
  return candidate_among(TRY(generations_of(entity, ports)));
}

Result<std::optional<Generation>> building_generation(Entity entity, const Ports& ports) {
  auto candidate = TRY(candidate_generation(entity, ports));
  if (candidate && candidate->state != GenerationState::building) candidate.reset();
  return candidate;
}

Result<Generation> generation_numbered(Entity entity, std::int64_t number, const Ports& ports) {
  std::string known;
  for (Generation& generation : TRY(generations_of(entity, ports))) {
    if (generation.number() == number) return std::move(generation);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", generation.number());
  }
  return fail(Code::not_found, "{} has no generation {}; it has {}", names_of(entity).collection, number,
              known.empty() ? "none" : known);
}

Result<LiveInputs> live_inputs(Entity entity, const Ports& ports, const StepContext& context) {
  auto generations = TRY(generations_of(entity, ports));
  if (generations.empty()) {
    TRY(active_collection(entity, ports, context));  // the first call ever makes it
    generations = TRY(generations_of(entity, ports));
  }
  LiveInputs inputs;
  for (const Generation& generation : generations) {
    if (generation.state != GenerationState::active) continue;
    inputs.active = {generation.number(), TRY(parse_input_format(generation.binding.input_format))};
  }
  if (const auto candidate = candidate_among(generations)) {
    inputs.next = {candidate->number(), TRY(parse_input_format(candidate->binding.input_format))};
  }
  return inputs;
}

Result<CollectionBinding> binding_of_event(const Json& event, const Ports& ports, const StepContext& context) {
  const Entity entity = TRY(entity_of_event(event));
  const CollectionBinding active = TRY(active_collection(entity, ports, context));
  const std::int64_t number = TRY(optional_int(event, "generation")).value_or(active.generation);
  if (number == active.generation) return active;
  const Generation generation = TRY(generation_numbered(entity, number, ports));
  TRY(check_is_current(generation.binding, ports));
  return generation.binding;
}

Result<void> check_is_current(const CollectionBinding& binding, const Ports& ports) {
  const Entity entity = TRY(entity_of_collection(binding.collection));
  const Generation generation = TRY(generation_numbered(entity, binding.generation, ports));
  const auto candidate = TRY(candidate_generation(entity, ports));
  const bool is_candidate = candidate && candidate->number() == generation.number();
  if (generation.state == GenerationState::active || is_candidate) return {};
  return fail(Code::conflict, "generation {} of {} is {}: nothing is merged into it any more", generation.number(),
              binding.collection, generation_state_name(generation.state));
}

Result<void> settle_rows(Entity entity, const Ports& ports) {
  const auto rows = TRY(rows_of(std::string(names_of(entity).collection), ports.table));
  const auto active = TRY(stored_binding(entity, ports.vectors));
  if (!active) return {};
  for (const Generation& row : rows) {
    const GenerationState state = state_under(*active, row, row.number() == rows.back().number());
    if (state == row.state) continue;
    const auto changed = change_state(row, row.state, state, ports);
    if (!changed && changed.error().code() != Code::conflict) return changed;  // else somebody else was faster
  }
  return {};
}

Result<void> change_state(const Generation& generation, GenerationState from, GenerationState to, const Ports& ports) {
  Update update{.key = generation_row_key(generation.binding.collection, generation.number()),
                .set = {{"state", generation_state_name(to)}, {"changed_at", iso_time(ports.clock.now_ms())}},
                .remove = {"closing", "backfill_cursor", "backfill_calls", "backfill_passes"},
                .condition = {equal("state", std::string(generation_state_name(from)))}};
  // What a resumed one does without its passes find out anew.
  if (to == GenerationState::building) update.remove.insert(update.remove.end(), {"left_out", "left_out_items"});
  return ports.table.write(update);
}

Result<Generation> start_generation(Entity entity, CollectionBinding wanted, const Ports& ports,
                                    const StepContext& context) {
  const CollectionBinding active = TRY(active_collection(entity, ports, context));
  const auto generations = TRY(generations_of(entity, ports));
  if (const auto last = candidate_among(generations); last && last->state == GenerationState::building) {
    return fail(Code::conflict, "generation {} of {} is being built: cancel it first", last->number(),
                active.collection);
  }
  wanted.collection = active.collection;
  wanted.generation = active.generation;
  if (wanted == active) {
    return fail(Code::invalid_input, "{} has {} already: say what shall be different", active.collection,
                text_of(active));
  }
  if (wanted.model != active.model || wanted.dimensions != active.dimensions) {
    const GenerationNeeds needs = TRY(needs_of_generation(active, wanted, ports, context));
    if (needs.without_receipt > 0) {
      return fail(Code::invalid_input,
                  "{} has {} imported records without a receipt: nothing says what to send for them to {}, and they "
                  "would be lost. Only format and shards of {} can be changed",
                  active.collection, needs.without_receipt, wanted.model, active.collection);
    }
  }
  wanted.generation = TRY(next_number(generations, active.collection, ports.vectors));
  const auto created =
      ports.table.write(Put{generation_row(wanted, GenerationState::building, ports.clock.now_ms()), {absent("PK")}});
  if (!created && created.error().code() == Code::conflict) {
    return fail(Code::conflict, "generation {} of {} was started by somebody else just now", wanted.generation,
                active.collection);
  }
  TRY(created);
  context.log.info("started a generation", {{"collection", wanted.collection}, {"binding", to_json(wanted)}});
  return generation_numbered(entity, wanted.generation, ports);
}

Result<Generation> cancel_generation(Entity entity, std::int64_t number, const Ports& ports,
                                     const StepContext& context) {
  const Generation generation = TRY(generation_numbered(entity, number, ports));
  if (generation.state != GenerationState::building) {
    return fail(Code::conflict, "generation {} of {} is {}, not being built", number, generation.binding.collection,
                generation_state_name(generation.state));
  }
  TRY(change_state(generation, GenerationState::building, GenerationState::cancelled, ports));
  TRY(cancel_batches(entity, number, ports, context));
  context.log.info("cancelled a generation", {{"collection", generation.binding.collection}, {"generation", number}});
  return generation_numbered(entity, number, ports);
}

Result<Generation> resume_generation(Entity entity, std::int64_t number, const Ports& ports,
                                     const StepContext& context) {
  const auto generations = TRY(generations_of(entity, ports));
  const Generation generation = TRY(generation_numbered(entity, number, ports));
  if (generation.state != GenerationState::cancelled) {
    return fail(Code::conflict, "generation {} of {} is {}, not cancelled", number, generation.binding.collection,
                generation_state_name(generation.state));
  }
  if (number != generations.back().number()) {
    return fail(Code::conflict, "generation {} of {} was followed by generation {}: start a new one", number,
                generation.binding.collection, generations.back().number());
  }
  // Its attempts first: a call that is cut off leaves it cancelled, and is repeated.
  const std::size_t items = TRY(forget_refusals(entity, generation.binding, ports, context));
  TRY(change_state(generation, GenerationState::cancelled, GenerationState::building, ports));
  if (items > 0) context.log.info("items that were refused are tried again", {{"items", items}});
  context.log.info("resumed a generation", {{"collection", generation.binding.collection}, {"generation", number}});
  return generation_numbered(entity, number, ports);
}

}  // namespace tillite
