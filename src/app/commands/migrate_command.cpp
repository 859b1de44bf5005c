// migrate: all rows and objects of one place, moved to another.
#include "adapters/local/system_clock.h"
#include "app/commands/commands.h"
#include "app/parts/migration_place.h"

namespace tillite {
namespace {

Json json_of(const std::map<std::string, MigratedCount>& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts) {
    json[name] = {{"source", count.source}, {"target", count.target}, {"copied", count.copied}};
    if (count.bytes_copied > 0) json[name]["bytes_copied"] = count.bytes_copied;
  }
  return json;
}

void print(const std::map<std::string, MigratedCount>& counts, std::string_view what, const Output& output) {
  for (const auto& [name, count] : counts) {
    if (count.source + count.target == 0) continue;
    output.line("{} {:<24} {:>9} at the source, {:>9} at the target, {:>9} copied now{}", what, name, count.source,
                count.target, count.copied, count.agrees() ? "" : "  DIFFER");
  }
}

/// A dry run makes no home: it looks at one of its own, which is as empty.
std::string target_of(const MigrateOptions& asked, const Path& scratch) {
  std::error_code ignored;
  const bool is_absent = asked.to != "aws" && !std::filesystem::exists(asked.to, ignored);
  return asked.options.dry_run && is_absent ? (scratch / "target").string() : asked.to;
}

}  // namespace

Result<int> migrate_command(CommandContext& context, const MigrateOptions& asked) {
  SystemClock clock;
  SystemRandom random;
  const auto scratch = TRY(ScratchFolder::create(std::filesystem::temp_directory_path()));
  const MigrationPlace::Means means{context.host.environment, clock,         random, context.host.log,
                                    context.host.stop,        scratch.path()};
  const auto from = TRY(MigrationPlace::open(asked.from, /*create=*/false, means));
  const auto to = TRY(MigrationPlace::open(target_of(asked, scratch.path()), /*create=*/true, means));
  TRY(from.check_is_still(clock));
  const Migration migration = TRY(migrate(from.place(), to.place(), asked.options, clock, scratch.path(),
                                          context.host.log.named("migrate"), context.host.stop));
  const bool agrees = migration.agrees();
  print(migration.rows, "rows   ", context.output);
  print(migration.objects, "objects", context.output);
  if (asked.options.dry_run) {
    context.output.line("nothing was copied: a dry run");
  } else if (migration.was_complete) {
    context.output.line("an earlier migration was complete; nothing was copied");
  } else {
    context.output.line("{}", agrees ? "done: the counts agree" : "done, but the counts do not agree");
  }
  context.output.json({{"from", from.place().name},
                       {"to", asked.to},
                       {"dry_run", asked.options.dry_run},
                       {"was_complete", migration.was_complete},
                       {"agrees", agrees},
                       {"rows", json_of(migration.rows)},
                       {"objects", json_of(migration.objects)}});
  return agrees || asked.options.dry_run ? kDone : kPartlyDone;
}

}  // namespace tillite
