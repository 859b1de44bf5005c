// Deltas from outside: any bytes, and archives with any members. A file whose first byte is '!' is not an archive but
// its members, between 0x1E: so that a fuzzer gets past gzip's check sum.
#include <cstdlib>
#include <string>

#include "base/hash.h"
#include "vectors/deltas/delta.h"
#include "vectors/files/tar_gz.h"

namespace tillite {
namespace {

constexpr char kSeparator = 0x1e;

/// The SHA-256 of the rows' digests; nothing if these are not whole rows.
Result<std::string> rows_sum_of(const Json& header, std::string_view vectors) {
  const auto binding = TRY(parse_binding(TRY(object_field(header, "binding"))));
  Sha256 rows;
  while (!vectors.empty()) {
    const std::string_view bytes = vectors.substr(0, binding.dimensions * sizeof(float));
    Sha256 row;
    row.update(bytes);
    rows.update(row.digest());
    vectors.remove_prefix(bytes.size());
  }
  return rows.hex();
}

Result<std::string> archive_of(std::string_view members, const Path& folder) {
  const std::string header(members.substr(0, members.find(kSeparator)));
  members.remove_prefix(std::min(members.size(), header.size() + 1));
  const std::string records(members.substr(0, members.find(kSeparator)));
  members.remove_prefix(std::min(members.size(), records.size() + 1));
  const std::string vectors(members);

  std::string checked_header = header;
  if (auto json = parse_json(header, "the header"); json && json->is_object()) {
    (*json)["records_sha256"] = sha256_hex(records);
    if (json->contains("rows_sha256")) (*json)["rows_sha256"] = rows_sum_of(*json, vectors).value_or("");
    checked_header = to_text(*json);
  }
  const std::string checksums = to_text({{"delta.json", sha256_hex(checked_header)},
                                         {"records.ndjson", sha256_hex(records)},
                                         {"vectors.f32", sha256_hex(vectors)}});
  const Path file = folder / "delta.tar.gz";
  auto archive = TRY(TarGzWriter::create(file, 0));
  TRY(archive.add("delta.json", checked_header.size(), *source_of(checked_header), false));
  TRY(archive.add("records.ndjson", records.size(), *source_of(records), false));
  TRY(archive.add("vectors.f32", vectors.size(), *source_of(vectors), true));
  TRY(archive.add("checksums.json", checksums.size(), *source_of(checksums), false));
  TRY(archive.finish());
  return read_file(file);
}

/// What was read can be written, and reads as it did.
void check_round_trip(const DeltaFacts& facts, const std::vector<Record>& records, const Path& folder) {
  auto writer = DeltaWriter::create(folder, facts.header);
  if (!writer) std::abort();
  for (const Record& record : records) {
    if (!writer->add(record)) std::abort();
  }
  const auto file = writer->finish();
  if (!file) std::abort();
  const auto source = file_source(*file);
  std::size_t count = 0;
  const auto again = read_delta(**source, [&](Record&& record) -> Result<void> {
    if (record.id != records[count].id || record.metadata != records[count].metadata) std::abort();
    ++count;
    return {};
  });
  if (!again || again->records != facts.records || again->vectors != facts.vectors) std::abort();
}

/// What is taken as a line is a record, and the same: merges rely on it, as they read lines before they read records.
void check_lines_are_records(const std::string& file) {
  DeltaReader reader(source_of(file));
  const auto lines = reader.read_lines();
  if (!lines) return;
  for (const RecordLine& line : *lines) {
    const auto record = parse_record_text(line.text);
    if (!record || record->id != line.id || record->kind != line.kind || record->delta != line.delta ||
        record->item_version != line.item_version || record->metadata_version != line.metadata_version) {
      std::abort();
    }
  }
}

void read(const std::string& file, const Path& folder) {
  check_lines_are_records(file);
  std::vector<Record> records;
  const auto keep = [&](Record&& record) -> Result<void> {
    records.push_back(std::move(record));
    return {};
  };
  const auto facts = read_delta(*source_of(file), keep);
  if (facts && records.size() != facts->records) std::abort();
  if (facts) check_round_trip(*facts, records, folder);
  const auto front = read_delta_records(*source_of(file), [](Record&&) -> Result<void> { return {}; });
  if (facts && !front) std::abort();
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // In memory where the system offers it: the writer syncs its file.
  const tillite::Path shared_memory = "/dev/shm";
  static const auto folder = tillite::ScratchFolder::create(
      (std::filesystem::exists(shared_memory) ? shared_memory : std::filesystem::temp_directory_path()) /
      "tillite-fuzz");
  if (!folder) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (!input.starts_with('!')) {
    tillite::read(input, folder->path());
  } else if (const auto file = tillite::archive_of(std::string_view(input).substr(1), folder->path())) {
    tillite::read(*file, folder->path());
  }
  return 0;
}
