// sample, import, delete: what changes receipts.
#include <filesystem>

#include "app/commands/commands.h"
#include "app/parts/asked_binding.h"
#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "steps/changes/change_delta.h"
#include "steps/changes/receipt_changes.h"
#include "steps/generations/collection.h"

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

struct InputFile {
  std::string name;
  std::unique_ptr<ByteSource> source;
};

/// All files, opened before anything is written: a mistyped name ends the command while nothing has happened.
Result<std::vector<InputFile>> open_files(const std::vector<std::string>& names) {
  std::vector<InputFile> files;
  for (const std::string& name : names) {
    std::error_code ignored;
    if (name == "-") {
      files.push_back({"standard input", stdin_source()});
    } else if (std::filesystem::is_directory(name, ignored)) {
      return fail(Code::invalid_input, "{} is a folder: name the files in it", name);
    } else {
      auto source = TRY(file_source(name));
      files.push_back({name, std::move(source)});
    }
  }
  return files;
}

/// The home of a dry run: the one that is there, else an empty one that goes with the command.
Result<std::optional<ScratchFolder>> stand_in_home(PipelineHost::Options& options) {
  std::error_code ignored;
  if (std::filesystem::exists(options.home, ignored)) return std::optional<ScratchFolder>{};
  auto folder = TRY(ScratchFolder::create(std::filesystem::temp_directory_path()));
  options.home = folder.path() / "home";
  options.create = true;
  return std::optional<ScratchFolder>(std::move(folder));
}

/// Settings that do not fit the collections end the command while nothing has happened.
Result<void> open_collections(PipelineHost& host) {
  for (const Entity entity : kEntities) TRY(active_collection(entity, host.ports(), host.context()));
  return {};
}

Result<void> import_file(const InputFile& file, bool dry_run, PipelineHost& host, ImportTotals& totals) {
  ReceiptReader reader(*file.source, file.name);
  const std::size_t before = totals.receipts + totals.bad;
  while (true) {
    if (host.context().stop.stop_requested()) {
      return fail(Code::cancelled, "stopped while importing {}: import it again", file.name);
    }
    auto next = TRY(reader.next());
    if (next.bad) {
      totals.add(*std::move(next.bad));
    } else if (next.receipt) {
      totals.add(TRY(import_receipt(*next.receipt, dry_run, host.ports(), host.context())));
    } else {
      if (totals.receipts + totals.bad == before) totals.add({file.name, 1, "", "the file has no receipts"});
      return {};
    }
  }
}

Result<void> flush_outbox(PipelineHost& host) {
  for (const Entity entity : kEntities) {
    const auto binding = TRY(active_collection(entity, host.ports(), host.context()));
    TRY(write_change_deltas(entity, binding, host.ports(), host.context()));
  }
  return {};
}

}  // namespace

Result<int> sample_command(CommandContext&, std::int64_t receipts, std::int64_t seed) {
  for (std::int64_t index = 0; index < receipts; ++index) {
    const Receipt receipt = sample_receipt(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(index));
    const std::string line = to_text(receipt_json(receipt)) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) {
      return fail(Code::unavailable, "standard output cannot be written any more");
    }
  }
  if (std::fflush(stdout) != 0) return fail(Code::unavailable, "standard output cannot be written any more");
  return kDone;
}

Result<int> import_command(CommandContext& context, const std::vector<std::string>& files, bool dry_run) {
  const auto opened = TRY(open_files(files));
  context.host.create = !dry_run;
  const auto stand_in = dry_run ? TRY(stand_in_home(context.host)) : std::nullopt;
  const auto host = TRY(PipelineHost::open(context.host));
  if (!dry_run) TRY(open_collections(*host));
  ImportTotals totals;
  for (const InputFile& file : opened) TRY(import_file(file, dry_run, *host, totals));
  if (!dry_run) TRY(flush_outbox(*host));

  for (const BadReceipt& receipt : totals.listed) context.output.line("{}", receipt.text());
  if (totals.bad > totals.listed.size()) {
    context.output.line("... and {} more", totals.bad - totals.listed.size());
  }
  context.output.line(
      "{}{} receipts: {} new, {} changed, {} unchanged; {} items to embed, {} with new metadata, {} removed",
      dry_run ? "would import " : "", totals.receipts, totals.fresh, totals.changed, totals.unchanged, totals.to_embed,
      totals.metadata_only, totals.removed);
  for (const Entity entity : kEntities) {
    if (dry_run) break;
    const auto active = TRY(active_collection(entity, host->ports(), host->context()));
    const auto note = note_on_binding(entity, active, host->context().settings, context.host.environment);
    if (note) context.output.line("{}", *note);
  }
  if (totals.bad > 0) {
    context.output.line("{} left out, for the reasons above: mend them and import the same files again", totals.bad);
  }
  context.output.json(totals.json(dry_run));
  return totals.bad > 0 ? kPartlyDone : kDone;
}

Result<int> delete_command(CommandContext& context, const std::string& image_id, int receipt_id) {
  const ImageId image = TRY(parse_image_id(image_id));
  const auto host = TRY(PipelineHost::open(context.host));
  const auto removed = TRY(remove_receipt(image, receipt_id, host->ports(), host->context()));
  TRY(flush_outbox(*host));
  context.output.line(
      "removed {} lines and words of {}: queries no longer see them, the next merge removes their vectors", removed,
      receipt_name(image, receipt_id));
  context.output.json({{"image_id", image.str()}, {"receipt_id", receipt_id}, {"items_removed", removed}});
  return kDone;
}

}  // namespace tillite
