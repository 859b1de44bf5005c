// doctor, adopt: what an earlier system, or an accident, has left, and how it goes on from there.
#include <algorithm>

#include "app/commands/commands.h"
#include "steps/adoption/adoption.h"

namespace tillite {
namespace {

Json json_of(const Diagnosis::Items& items) {
  return {{"entity", names_of(items.entity).name},
          {"collection", names_of(items.entity).collection},
          {"found", items.found},
          {"by_status", items.by_status},
          {"published", items.published}};
}

Json json_of(const Diagnosis::Finding& finding) {
  return {{"kind", finding.kind}, {"of", finding.of},         {"count", finding.count},
          {"what", finding.what}, {"remedy", finding.remedy}, {"examples", finding.examples}};
}

Json json_of(const Diagnosis& diagnosis) {
  Json json = {{"well", diagnosis.is_well()}, {"items", Json::array()}, {"findings", Json::array()}};
  for (const auto& items : diagnosis.items) json["items"].push_back(json_of(items));
  for (const Diagnosis::Finding& finding : diagnosis.findings) json["findings"].push_back(json_of(finding));
  return json;
}

void print_counts(const Diagnosis& diagnosis, const Output& output) {
  for (const auto& items : diagnosis.items) {
    std::string statuses;
    for (const auto& [status, count] : items.by_status) {
      statuses += fmt::format("{}{} {}", statuses.empty() ? "" : ", ", count, status == "none" ? "without" : status);
    }
    output.line("{:<14} {} items: {}; {} vectors published", names_of(items.entity).collection, items.found,
                statuses.empty() ? "none" : statuses, items.published);
  }
}

void print(const Diagnosis& diagnosis, const Output& output) {
  print_counts(diagnosis, output);
  for (const Diagnosis::Finding& finding : diagnosis.findings) {
    output.line("");
    output.line("{} {}{} {}", finding.count, finding.of, finding.count == 1 ? "" : "s", finding.what);
    for (const std::string& example : finding.examples) output.line("    {}", example);
    if (finding.examples.size() < finding.count) {
      output.line("    ... {} in all", finding.count);
    }
    output.line("  remedy: {}", finding.remedy);
  }
  output.line("{}", diagnosis.is_well() ? "nothing found" : fmt::format("{} findings", diagnosis.findings.size()));
}

Json json_of(const std::map<Entity, ImportedRecords>& imports) {
  Json json = Json::object();
  for (const auto& [entity, records] : imports) {
    json[std::string(names_of(entity).collection)] = {{"records", records.records}, {"added", records.added},
                                                      {"changed", records.changed}, {"unchanged", records.unchanged},
                                                      {"older", records.older},     {"ours", records.ours},
                                                      {"removed", records.removed}, {"bad", records.bad}};
  }
  return json;
}

void print(const std::map<Entity, ImportedRecords>& imports, std::string_view source, std::string_view verb,
           const Output& output) {
  for (const auto& [entity, records] : imports) {
    output.line("{} {} records of {} into {}: {} new, {} changed, {} not, {} that cannot go in", verb, records.records,
                source, names_of(entity).collection, records.added, records.changed,
                records.records - records.added - records.changed - records.bad, records.bad);
    for (const auto& [id, reason] : records.listed) output.line("    {}: {}", id, reason);
  }
}

void print(const Adoption& adoption, bool dry_run, const Output& output) {
  const std::string_view will = dry_run ? "would " : "";
  output.line("{}end {} batches of the earlier system", will, adoption.batches_ended);
  output.line("{}free {} items that were PENDING for nobody", will, adoption.released);
  output.line("{}set status or index keys of {} items, {} of them to NOISE", will, adoption.statuses_set,
              adoption.noise);
  const std::string_view take = dry_run ? "would take" : "took";
  print(adoption.snapshots, "the snapshot", take, output);
  print(adoption.deltas, "deltas", take, output);
  for (const auto& [name, reason] : adoption.refused) output.line("{} was refused: {}", name, reason);
  output.line("{}note the version of {} published items", will, adoption.versions_noted);
  if (adoption.without_vector > 0) {
    output.line("{} items are SUCCESS and no vector of them was found{}", adoption.without_vector,
                adoption.to_embed_again > 0
                    ? fmt::format("; {} {}embedded anew", adoption.to_embed_again, dry_run ? "would be " : "are ")
                    : ": --reembed has them embedded anew");
  }
}

bool is_whole(const Adoption& adoption) {
  const auto has_bad = [](const auto& entry) { return entry.second.bad > 0; };
  return adoption.refused.empty() && std::ranges::none_of(adoption.snapshots, has_bad) &&
         std::ranges::none_of(adoption.deltas, has_bad);
}

}  // namespace

Result<int> doctor_command(CommandContext& context) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Diagnosis diagnosis = TRY(diagnose(host->ports(), host->context()));
  print(diagnosis, context.output);
  context.output.json(json_of(diagnosis));
  return diagnosis.is_well() ? kDone : kFindings;
}

Result<int> adopt_command(CommandContext& context, const AdoptionOptions& options) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Diagnosis before = TRY(diagnose(host->ports(), host->context()));
  context.output.line("before");
  print_counts(before, context.output);
  const Adoption adoption = TRY(adopt(options, host->ports(), host->context()));
  print(adoption, options.dry_run, context.output);
  const Diagnosis after = options.dry_run ? before : TRY(diagnose(host->ports(), host->context()));
  if (!options.dry_run) {
    context.output.line("after");
    print(after, context.output);
  }
  Json refused = Json::array();
  for (const auto& [name, reason] : adoption.refused) refused.push_back({{"name", name}, {"reason", reason}});
  context.output.json({{"dry_run", options.dry_run},
                       {"changed", adoption.changed_something()},
                       {"batches_ended", adoption.batches_ended},
                       {"released", adoption.released},
                       {"statuses_set", adoption.statuses_set},
                       {"noise", adoption.noise},
                       {"snapshots", json_of(adoption.snapshots)},
                       {"deltas", json_of(adoption.deltas)},
                       {"refused", std::move(refused)},
                       {"versions_noted", adoption.versions_noted},
                       {"without_vector", adoption.without_vector},
                       {"to_embed_again", adoption.to_embed_again},
                       {"before", json_of(before)},
                       {"after", json_of(after)}});
  return is_whole(adoption) ? kDone : kPartlyDone;
}

}  // namespace tillite
