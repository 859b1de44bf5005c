#include "steps/batches/provider_orphans.h"

#include <map>

#include "base/uuid.h"
#include "steps/batches/submission.h"

namespace tillite {
namespace {

constexpr std::size_t kFilesPage = 100;
constexpr std::size_t kFilePagesMax = 500;

class Comparison {
 public:
  explicit Comparison(const Ports& ports) : ports_(ports), now_ms_(ports.clock.now_ms()) {}

  Result<std::vector<OrphanBatch>> batches() {
    TRY(for_each_provider_batch(ports_.provider, [this](const ProviderBatch& batch) -> Result<bool> {
      TRY(look_at(batch));
      return true;
    }));
    return std::move(batches_);
  }

  Result<std::vector<OrphanFile>> files() {
    std::vector<OrphanFile> left;
    for (OrphanFile& file : TRY(listed_files())) {
      if (TRY(is_left(file))) left.push_back(std::move(file));
    }
    return left;
  }

 private:
  /// The row of one of our batches; nothing if there is none that can be read. Each is read once.
  Result<const std::optional<Batch>*> row_of(const BatchId& id) {
    const auto known = rows_.find(id);
    if (known != rows_.end()) return &known->second;
    const auto row = TRY(ports_.table.get(batch_row_key(id)));
    std::optional<Batch> batch;
    if (row) {
      auto read = parse_batch(*row);
      if (read) batch = *std::move(read);
    }
    return &rows_.emplace(id, std::move(batch)).first->second;
  }

  [[nodiscard]] bool is_being_submitted(const Batch& batch) const {
    return batch.is_prepared() && !batch.submit_token.empty() && now_ms_ < batch.submit_until_ms;
  }

  Result<void> look_at(const ProviderBatch& batch) {
    const BatchId own_id = own_id_of(batch);
    if (own_id.empty()) return {};
    const std::optional<Batch>& row = *TRY(row_of(own_id));
    if (row && (row->openai_batch_id == batch.id || is_being_submitted(*row))) return {};
    OrphanBatch orphan{.batch = batch, .own_id = own_id};
    if (!row) {
      orphan.why = "no batch of this home that can be read has its id";
    } else if (!row->openai_batch_id.empty()) {
      orphan.why = "its row names another batch: " + row->openai_batch_id.str();
    } else if (row->is_prepared() && !row->requests_key.empty() && row->source == VectorSource::batch) {
      orphan.is_adoptable = true;
      orphan.why = "its row waits for it";
    } else {
      orphan.why = fmt::format("its row is {}", batch_status_name(row->status));
    }
    if (orphan.is_adoptable || !has_ended(batch.status)) batches_.push_back(std::move(orphan));
    return {};
  }

  /// Files that are called as ours are.
  Result<std::vector<OrphanFile>> listed_files() {
    std::vector<OrphanFile> files;
    ProviderFileId after;
    for (std::size_t page_number = 0; page_number < kFilePagesMax; ++page_number) {
      const ProviderFilePage page = TRY(ports_.provider.list_files(after, kFilesPage));
      for (const ProviderFile& file : page.files) {
        const BatchId own_id(file.name.substr(0, file.name.rfind('.')));
        if (is_uuid(own_id.str())) files.push_back({file, own_id});
      }
      if (!page.has_more || page.files.empty()) return files;
      after = page.files.back().id;
    }
    return fail(Code::limit_exceeded, "the provider lists more than {} files: those behind them are not looked at",
                kFilesPage * kFilePagesMax);
  }

  /// Of a batch of this home that has ended, or needs another file. Files of ids that nobody knows are somebody else's.
  Result<bool> is_left(const OrphanFile& file) {
    rows_.erase(file.own_id);  // as it stands after the file was listed
    const std::optional<Batch>& row = *TRY(row_of(file.own_id));
    if (!row || is_being_submitted(*row)) return false;
    return has_ended(row->status) || row->input_file_id != file.file.id;
  }

  const Ports& ports_;
  std::int64_t now_ms_;
  std::map<BatchId, std::optional<Batch>> rows_;
  std::vector<OrphanBatch> batches_;
};

}  // namespace

Result<Orphans> find_orphans(const Ports& ports) {
  Comparison comparison(ports);
  Orphans orphans;
  orphans.batches = TRY(comparison.batches());
  orphans.files = TRY(comparison.files());
  return orphans;
}

Result<std::vector<OrphanFile>> find_orphan_files(const Ports& ports) { return Comparison(ports).files(); }

Result<bool> adopt(const OrphanBatch& orphan, const Ports& ports, const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, orphan.own_id));
  const std::string token = uuid4(ports.random.bytes());
  if (!batch.is_prepared() || !TRY(reserve_submit(batch, token, ports, context.settings))) return false;
  TRY(record_submit(batch, orphan.batch, ports));
  return TRY(read_batch(ports.table, batch.id)).openai_batch_id == orphan.batch.id;
}

}  // namespace tillite
