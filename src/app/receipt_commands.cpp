// sample, import, delete: what changes receipts.
#include "app/commands.h"
#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "steps/change_delta.h"
#include "steps/collection.h"
#include "steps/receipt_changes.h"

namespace tillite {
namespace {

constexpr std::size_t kBadListedMax = 1000;

struct ImportTotals {
  std::size_t receipts = 0;
  std::size_t fresh = 0;
  std::size_t changed = 0;
  std::size_t unchanged = 0;
  std::size_t lines = 0;
  std::size_t words = 0;
  std::size_t to_embed = 0;
  std::size_t metadata_only = 0;
  std::size_t removed = 0;
  std::size_t bad = 0;
  std::vector<BadReceipt> listed;

  void add(const ImportedReceipt& receipt) {
    ++receipts;
    ++(!receipt.changed ? unchanged : receipt.is_new ? fresh : changed);
    lines += receipt.lines;
    words += receipt.words;
    to_embed += receipt.to_embed;
    metadata_only += receipt.metadata_only;
    removed += receipt.removed;
  }

  void add(BadReceipt receipt) {
    ++bad;
    if (listed.size() < kBadListedMax) listed.push_back(std::move(receipt));
  }

  [[nodiscard]] Json json(bool dry_run) const {
    Json bad_json = Json::array();
    for (const BadReceipt& receipt : listed) {
      bad_json.push_back(
          {{"file", receipt.file}, {"line", receipt.line}, {"field", receipt.field}, {"reason", receipt.reason}});
    }
    return {{"receipts", receipts}, {"new", fresh},   {"changed", changed},       {"unchanged", unchanged},
            {"lines", lines},       {"words", words}, {"to_embed", to_embed},     {"metadata_only", metadata_only},
            {"removed", removed},   {"bad", bad},     {"bad_receipts", bad_json}, {"dry_run", dry_run}};
  }
};

Result<void> import_file(const std::string& name, bool dry_run, LocalHost& host, ImportTotals& totals) {
  const auto source = name == "-" ? stdin_source() : TRY(file_source(name));
  ReceiptReader reader(*source, name == "-" ? "standard input" : name);
  while (true) {
    if (host.context().stop.stop_requested())
      return fail(Code::cancelled, "stopped while importing {}: import it again", name);
    auto next = TRY(reader.next());
    if (next.bad) {
      totals.add(*std::move(next.bad));
    } else if (next.receipt) {
      totals.add(TRY(import_receipt(*next.receipt, dry_run, host.ports(), host.context())));
    } else {
      return {};
    }
  }
}

Result<void> flush_outbox(LocalHost& host) {
  for (const Entity entity : kEntities) {
    const auto binding = TRY(active_collection(entity, host.ports(), host.context()));
    TRY(write_change_deltas(entity, binding, host.ports(), host.context()));
  }
  return {};
}

}  // namespace

Result<int> sample_command(CommandContext&, std::uint64_t receipts, std::uint64_t seed) {
  for (std::uint64_t index = 0; index < receipts; ++index) {
    const std::string line = to_text(receipt_json(sample_receipt(seed, index))) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) {
      return fail(Code::unavailable, "standard output cannot be written any more");
    }
  }
  if (std::fflush(stdout) != 0) return fail(Code::unavailable, "standard output cannot be written any more");
  return kDone;
}

Result<int> import_command(CommandContext& context, const std::vector<std::string>& files, bool dry_run) {
  context.host.create = true;
  const auto host = TRY(LocalHost::open(context.host));
  ImportTotals totals;
  for (const std::string& file : files) TRY(import_file(file, dry_run, *host, totals));
  if (!dry_run) TRY(flush_outbox(*host));

  for (const BadReceipt& receipt : totals.listed) context.output.line("{}", receipt.text());
  if (totals.bad > totals.listed.size()) {
    context.output.line("... and {} more bad receipts", totals.bad - totals.listed.size());
  }
  context.output.line(
      "{}{} receipts: {} new, {} changed, {} unchanged; {} items to embed, {} with new metadata, {} removed",
      dry_run ? "would import " : "", totals.receipts, totals.fresh, totals.changed, totals.unchanged, totals.to_embed,
      totals.metadata_only, totals.removed);
  if (totals.receipts + totals.bad == 0) context.output.line("there were no receipts in it");
  if (totals.bad > 0) context.output.line("{} receipts were left out: mend them and import the file again", totals.bad);
  context.output.json(totals.json(dry_run));
  return totals.bad > 0 ? kPartlyDone : kDone;
}

Result<int> delete_command(CommandContext& context, const std::string& image_id, int receipt_id) {
  const auto host = TRY(LocalHost::open(context.host));
  const auto removed = TRY(remove_receipt(ImageId(image_id), receipt_id, host->ports(), host->context()));
  TRY(flush_outbox(*host));
  context.output.line(
      "removed {} lines and words of {}: queries no longer see them, the next merge removes their vectors", removed,
      receipt_name(ImageId(image_id), receipt_id));
  context.output.json({{"image_id", image_id}, {"receipt_id", receipt_id}, {"items_removed", removed}});
  return kDone;
}

}  // namespace tillite
