#include "app/commands/aws_cost.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "app/functions/function_catalog.h"

// Defined by the build (cmake/Embed.cmake): workflows/costs.json, byte for byte.
extern "C" {
extern const char tillite_costs_json_begin[];
extern const char tillite_costs_json_end[];
}

namespace tillite {
namespace {

constexpr std::string_view kFile = "workflows/costs.json";
constexpr std::string_view kFormat = "tillite-costs/1";
// A function has one processor's time for each so many megabytes of its memory, and no more than it can use.
constexpr double kMemoryMbACpu = 1769;
constexpr double kMbAGb = 1024;
// Storage that costs nothing.
constexpr double kStorageMbFree = 512;
constexpr double kBytesAGb = 1024.0 * 1024.0 * 1024.0;

Result<double> amount(const Json& object, std::string_view name) {
  const double value = TRY(optional_number(object, name)).value_or(0);
  if (!std::isfinite(value) || value < 0) return fail(Code::invalid_input, "the field '{}' must not be below 0", name);
  return value;
}

Result<double> positive(const Json& object, std::string_view name) {
  const double value = TRY(number_field(object, name));
  if (!std::isfinite(value) || value <= 0) return fail(Code::invalid_input, "the field '{}' must be above 0", name);
  return value;
}

Result<FunctionInfo> function_named(const std::string& name, const std::vector<FunctionInfo>& functions) {
  const auto found = std::ranges::find(functions, name, &FunctionInfo::name);
  if (found == functions.end()) return fail(Code::invalid_input, "there is no function '{}'", name);
  return *found;
}

std::uint64_t whole(double units) { return static_cast<std::uint64_t>(std::ceil(units)); }

}  // namespace

struct AwsCostModel::Usage {
  double function_calls = 0;
  double function_gb_seconds = 0;
  double storage_gb_seconds = 0;
  double state_transitions = 0;
  double table_write_units = 0;
  double table_read_units = 0;
  double object_writes = 0;
  double object_reads = 0;

  [[nodiscard]] double of(std::string_view name) const {
    const std::array<std::pair<std::string_view, double>, 8> all = {{{"function_calls", function_calls},
                                                                     {"function_gb_seconds", function_gb_seconds},
                                                                     {"storage_gb_seconds", storage_gb_seconds},
                                                                     {"state_transitions", state_transitions},
                                                                     {"table_write_units", table_write_units},
                                                                     {"table_read_units", table_read_units},
                                                                     {"object_writes", object_writes},
                                                                     {"object_reads", object_reads}}};
    const auto* const found = std::ranges::find(all, name, &std::pair<std::string_view, double>::first);
    return found == all.end() ? -1 : found->second;
  }
};

Result<AwsCostModel> AwsCostModel::load() {
  const Json costs = TRY(parse_json({tillite_costs_json_begin, tillite_costs_json_end}, std::string(kFile)));
  return parse(costs, TRY(function_catalog()));
}

Result<AwsCostModel::Per> AwsCostModel::parse_per(const Json& step) {
  static constexpr std::array<std::pair<std::string_view, Per>, 6> kNames = {
      {{"submit_execution", Per::submit_execution},
       {"batch", Per::batch},
       {"poll_execution", Per::poll_execution},
       {"poll", Per::poll},
       {"chunk", Per::chunk},
       {"merge", Per::merge}}};
  const std::string name = TRY(string_field(step, "per"));
  const auto* const found = std::ranges::find(kNames, name, &std::pair<std::string_view, Per>::first);
  if (found == kNames.end()) return fail(Code::invalid_input, "the field 'per' is '{}'", name.substr(0, 64));
  return found->second;
}

Result<AwsCostModel::Step> AwsCostModel::parse_step(const Json& json, const std::vector<FunctionInfo>& functions) {
  const Json named = TRY(object_field(json, "functions"));
  const FunctionInfo line = TRY(function_named(TRY(string_field(named, "line")), functions));
  const FunctionInfo word = TRY(function_named(TRY(string_field(named, "word")), functions));
  Step step;
  step.memory_mb_line = static_cast<double>(line.memory_mb);
  step.memory_mb_word = static_cast<double>(word.memory_mb);
  step.storage_mb = static_cast<double>(line.storage_mb);
  step.per = TRY(parse_per(json));
  step.cpu_ms_a_call = TRY(amount(json, "cpu_ms_a_call"));
  step.cpu_us_an_item = TRY(amount(json, "cpu_us_an_item"));
  step.table_calls_an_item = TRY(amount(json, "table_calls_an_item"));
  step.write_units_an_item = TRY(amount(json, "write_units_an_item"));
  step.write_units_a_text = TRY(amount(json, "write_units_a_text"));
  step.write_units_a_batch = TRY(amount(json, "write_units_a_batch"));
  step.read_units_an_item = TRY(amount(json, "read_units_an_item"));
  step.object_writes_a_call = TRY(amount(json, "object_writes_a_call"));
  step.object_writes_a_batch = TRY(amount(json, "object_writes_a_batch"));
  step.object_reads_a_call = TRY(amount(json, "object_reads_a_call"));
  step.object_reads_a_batch = TRY(amount(json, "object_reads_a_batch"));
  step.provider_calls_a_call = TRY(amount(json, "provider_calls_a_call"));
  step.transitions_a_call = TRY(amount(json, "transitions_a_call"));
  return step;
}

Result<AwsCostModel::Assumptions> AwsCostModel::parse_assumptions(const Json& json) {
  Assumptions assumed;
  assumed.table_call_ms = TRY(amount(json, "table_call_ms"));
  assumed.table_calls_at_once = TRY(positive(json, "table_calls_at_once"));
  assumed.object_call_ms = TRY(amount(json, "object_call_ms"));
  assumed.provider_call_ms = TRY(amount(json, "provider_call_ms"));
  assumed.polls_a_batch = TRY(positive(json, "polls_a_batch"));
  assumed.merges = TRY(positive(json, "merges"));
  assumed.batches_an_execution = TRY(positive(json, "batches_an_execution"));
  assumed.deltas_a_chunk = TRY(positive(json, "deltas_a_chunk"));
  assumed.copies_stored = TRY(positive(json, "copies_stored"));
  assumed.bytes_a_record = TRY(amount(json, "bytes_a_record"));
  return assumed;
}

Result<AwsCostModel> AwsCostModel::parse(const Json& costs, const std::vector<FunctionInfo>& functions) {
  const std::string format = TRY(string_field(costs, "format"));
  if (format != kFormat) {
    return fail(Code::invalid_input, "{} has the format '{}', not {}", kFile, format.substr(0, 64), kFormat);
  }
  AwsCostModel model;
  const Json prices = TRY(object_field(costs, "prices"));
  model.region_ = TRY(string_field(prices, "region"));
  model.prices_as_of_ = TRY(string_field(prices, "as_of"));
  model.object_gb_month_ = TRY(parse_dollars(TRY(string_field(prices, "usd_per_object_gb_month"))));
  const Json per_million = TRY(object_field(prices, "usd_per_million"));
  for (const auto& entry : per_million.items()) {
    if (Usage{}.of(entry.key()) < 0) return fail(Code::invalid_input, "nothing is counted as '{}'", entry.key());
    const Dollars price = TRY(parse_dollars(TRY(string_field(per_million, entry.key()))));
    model.prices_.push_back({entry.key(), price});
  }
  model.assumptions_ = TRY(parse_assumptions(TRY(object_field(costs, "assumed"))));
  for (const Json& step : TRY(array_field(costs, "steps"))) {
    auto parsed = parse_step(step, functions);
    if (!parsed) return pass_on(parsed, std::string(kFile));
    model.steps_.push_back(*parsed);
  }
  return model;
}

double AwsCostModel::calls(Per per, const AwsWork& work) const {
  const auto batches = static_cast<double>(work.batches);
  const double executions = std::max(1.0, std::ceil(batches / assumptions_.batches_an_execution));
  const double merges = std::min(std::max(1.0, batches), assumptions_.merges * executions);
  switch (per) {
    case Per::submit_execution:
      return executions;
    case Per::batch:
      return batches;
    case Per::poll_execution:
      return assumptions_.polls_a_batch * executions;
    case Per::poll:
      return assumptions_.polls_a_batch * batches;
    case Per::chunk:
      return std::ceil(batches / assumptions_.deltas_a_chunk) + merges - 1;
    case Per::merge:
      return merges;
  }
  return 0;
}

void AwsCostModel::add(const Step& step, const AwsWork& work, Usage& usage) const {
  const double times = calls(step.per, work);
  const auto items = static_cast<double>(work.items);
  const auto batches = static_cast<double>(work.batches);
  const double writes = times * step.object_writes_a_call + batches * step.object_writes_a_batch;
  const double reads = times * step.object_reads_a_call + batches * step.object_reads_a_batch;

  const double memory_mb = work.entity == Entity::line ? step.memory_mb_line : step.memory_mb_word;
  const double cpu_ms = times * step.cpu_ms_a_call + items * step.cpu_us_an_item / 1000;
  const double wait_ms =
      items * step.table_calls_an_item * assumptions_.table_call_ms / assumptions_.table_calls_at_once +
      (writes + reads) * assumptions_.object_call_ms +
      times * step.provider_calls_a_call * assumptions_.provider_call_ms;
  const double seconds = (cpu_ms / std::min(1.0, memory_mb / kMemoryMbACpu) + wait_ms) / 1000;

  usage.function_calls += times;
  usage.function_gb_seconds += seconds * memory_mb / kMbAGb;
  usage.storage_gb_seconds += seconds * std::max(0.0, step.storage_mb - kStorageMbFree) / kMbAGb;
  usage.state_transitions += times * step.transitions_a_call;
  usage.table_write_units += items * step.write_units_an_item +
                             static_cast<double>(work.texts) * step.write_units_a_text +
                             batches * step.write_units_a_batch;
  usage.table_read_units += items * step.read_units_an_item;
  usage.object_writes += writes;
  usage.object_reads += reads;
}

AwsCost AwsCostModel::estimate(const std::vector<AwsWork>& work) const {
  Usage usage;
  double stored_bytes = 0;
  for (const AwsWork& of_entity : work) {
    if (of_entity.items == 0) continue;
    for (const Step& step : steps_) add(step, of_entity, usage);
    stored_bytes += assumptions_.copies_stored * static_cast<double>(of_entity.items) *
                    (static_cast<double>(of_entity.dimensions) * sizeof(float) + assumptions_.bytes_a_record);
  }
  AwsCost cost{.region = region_, .prices_as_of = prices_as_of_, .stored_bytes = whole(stored_bytes)};
  for (const Price& price : prices_) {
    const std::uint64_t units = whole(usage.of(price.name));
    cost.charges.push_back({price.name, units, cost_of(units, price.per_million)});
    cost.total.millionths += cost.charges.back().cost.millionths;
  }
  cost.stored_a_month.millionths =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(object_gb_month_.millionths) * stored_bytes / kBytesAGb));
  return cost;
}

}  // namespace tillite
