#include "steps/provider_files.h"

#include "base/stopwatch.h"

namespace tillite {
namespace {

constexpr std::string_view kPartition = "PROVIDER_FILES";

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
  for (const ProviderFileId& file : batch.files_left) TRY(ports.provider.delete_file(file));
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
      const Batch batch = TRY(parse_batch(row));
      if (const auto done = delete_files(batch, ports); !done) {
        context.log.warning("files stay at the provider for now",
                            {{"batch_id", batch.id.str()}, {"reason", done.error().message()}});
        deleted.all = false;
        return deleted;
      }
      deleted.files += batch.files_left.size();
    }
    if (page.next.empty()) return deleted;
    page_query.start_after = page.next;
  }
}

}  // namespace tillite
