#include "app/parts/migration_place.h"

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_execution_store.h"
#include "adapters/local/sqlite_table.h"
#include "steps/batches/batch.h"

namespace tillite {
namespace {

constexpr std::string_view kAws = "aws";
constexpr std::size_t kExecutionsLookedAt = 1000;

Result<void> check_all_named(const AwsParts& parts) {
  const auto missing = [](std::string_view variable) {
    return fail(Code::invalid_input, "the place aws needs the variable {}", variable);
  };
  if (!parts.table) return missing("DYNAMODB_TABLE_NAME");
  if (!parts.vectors) return missing("CHROMADB_BUCKET");
  if (!parts.batch_files) return missing("S3_BUCKET");
  return {};
}

Result<void> check_no_execution(const Home& home, std::int64_t now_ms) {
  const auto executions = TRY(SqliteExecutionStore::open(home.workflows_file()));
  ExecutionStore::Listing listing;
  listing.status = "RUNNING";
  listing.limit = kExecutionsLookedAt;
  for (const ExecutionRow& row : TRY(executions->list(listing)).rows) {
    if (row.owner.empty() || row.lease_until_ms <= now_ms) continue;
    return fail(Code::lock_held, "{} is at work on {}: let it come to its end first", home.folder().string(), row.id);
  }
  return {};
}

Result<void> check_embedded_provider(const Home& home, Table& table) {
  const auto provider = TRY(SqliteTable::open(home.provider_file()));
  for (const Entity entity : kEntities) {
    for (const Batch& batch : TRY(batches_in(table, entity, kOpenStatuses))) {
      if (batch.openai_batch_id.empty() || !batch.delta_id.empty()) continue;
      if (!TRY(provider->get({"PROVIDER_BATCH#" + batch.openai_batch_id.str(), "BATCH"}))) continue;
      return fail(Code::conflict,
                  "the batch {} is at the embedded provider of {}, which is not migrated: tillite run first",
                  batch.id.str(), home.folder().string());
    }
  }
  return {};
}

}  // namespace

Result<MigrationPlace> MigrationPlace::open(const std::string& name, bool create, const Means& means) {
  MigrationPlace place;
  if (name == kAws) {
    place.parts_ = TRY(open_aws_parts(means.environment, means.scratch, means.clock, means.random, means.log,
                                      {.objects = means.stop, .rows = means.stop}));
    TRY(check_all_named(place.parts_));
    const auto value = [&](const char* variable) { return means.environment(variable).value_or(""); };
    place.name_ = fmt::format("aws (table {}, buckets {} and {})", value("DYNAMODB_TABLE_NAME"),
                              value("CHROMADB_BUCKET"), value("S3_BUCKET"));
    return place;
  }
  place.home_ = TRY(Home::open(name, create));
  std::error_code ignored;
  place.name_ = std::filesystem::weakly_canonical(name, ignored).string();
  place.parts_.table = TRY(SqliteTable::open(place.home_->table_file()));
  place.parts_.vectors = TRY(FolderObjectStore::open(place.home_->vectors_folder()));
  place.parts_.batch_files = TRY(FolderObjectStore::open(place.home_->batches_folder()));
  return place;
}

Result<void> MigrationPlace::check_is_still(Clock& clock) const {
  if (!home_) return {};
  TRY(check_no_execution(*home_, clock.now_ms()));
  return check_embedded_provider(*home_, *parts_.table);
}

}  // namespace tillite
