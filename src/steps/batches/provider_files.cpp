#include "steps/batches/provider_files.h"

#include "base/stopwatch.h"

namespace tillite {
namespace {

constexpr std::string_view kPartition = "PROVIDER_FILES";

/// Whether no other file is worth a try now; all other errors are one file's, or one row's.
bool concerns_all_files(const Error& error) {
  return error.code() == Code::unavailable || error.code() == Code::timed_out || error.code() == Code::permission ||
         error.code() == Code::cancelled;
}

}  // namespace

void note_files(const Batch& batch, Json& set, const Settings& settings) {
  if (!settings.deletes_provider_files) return;
  Json files = Json::array();
  for (const ProviderFileId* file : {&batch.input_file_id, &batch.output_file_id, &batch.error_file_id}) {
    if (!file->empty()) files.push_back(file->str());
  }
  if (files.empty()) return;
  set["files_left"] = std::move(files);
  set["GSI2PK"] = kPartition;
  set["GSI2SK"] = batch_status_keys(batch.id, batch.entity, batch.status).at("GSI1SK");
}

Result<void> delete_files(const Batch& batch, const Ports& ports) {
  if (batch.files_left.empty()) return {};
  Result<void> removed;
  for (const ProviderFileId& file : batch.files_left) {
    auto done = ports.provider.delete_file(file);
    if (!done && concerns_all_files(done.error())) return done;
    if (!done) removed = std::move(done);
  }
  if (!removed) return removed;
  return ports.table.write(Update{
      .key = batch_row_key(batch.id), .remove = {"files_left", "GSI2PK", "GSI2SK"}, .condition = {present("PK")}});
}

Result<DeletedFiles> delete_files_left(Entity entity, std::int64_t limit_ms, const Ports& ports,
                                       const StepContext& context) {
  const Query query{.index = Index::gsi2,
                    .hash = std::string(kPartition),
                    .range_prefix = fmt::format("BATCH_TYPE#{}#", names_of(entity).batch_type)};
  DeletedFiles deleted;
  Stopwatch stopwatch;
  std::int64_t spent_ms = 0;
  Query page_query = query;
  while (true) {
    const Page page = TRY(ports.table.query(page_query));
    for (const Item& row : page.items) {
      spent_ms += stopwatch.lap_ms();
      if (spent_ms > limit_ms || context.stop.stop_requested()) {
        deleted.all = false;
        return deleted;
      }
      const auto batch = parse_batch(row);
      if (!batch) {
        ++deleted.unreadable;
        context.log.error("files stay at the provider: the row of their batch cannot be read",
                          {{"name", row.value("PK", "")}, {"reason", batch.error().message()}});
        continue;
      }
      const auto done = delete_files(*batch, ports);
      if (done) {
        deleted.files += batch->files_left.size();
        continue;
      }
      context.log.warning("files stay at the provider for now",
                          {{"batch_id", batch->id.str()}, {"reason", done.error().message()}});
      deleted.all = false;
      if (concerns_all_files(done.error())) return deleted;
    }
    if (page.next.empty()) return deleted;
    page_query.start_after = page.next;
  }
}

}  // namespace tillite
