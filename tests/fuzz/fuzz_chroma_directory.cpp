// Chroma directories from outside: a small whole one, in which the first byte says what is replaced by the others: a
// file of the segment, a row of the queue or of the metadata, or bytes anywhere in chroma.sqlite3. What is found clean
// can be read, and what is repaired is clean.
#include <array>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "vectors/chroma/chroma_database.h"
#include "vectors/chroma/chroma_repair.h"
#include "vectors/hnsw/label_pickle_reader.h"
#include "vectors/hnsw/segment.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr char kSeparator = 0x1e;
constexpr std::size_t kDimensions = 4;
constexpr std::array<std::string_view, 3> kIds = {"a", "b", "c"};

Result<std::string> write_base(const Path& folder) {
  const CollectionBinding binding{.collection = "teas",
                                  .generation = 1,
                                  .model = "fuzz",
                                  .dimensions = kDimensions,
                                  .input_format = "line/plain/1"};
  TRY(make_folders(folder));
  auto database = TRY(ChromaDatabase::create(folder / kChromaFile, binding));
  const Path vectors = folder.string() + ".vectors";
  FileSink sink(TRY(File::create(vectors)));
  std::vector<Sum128> hashes;
  for (std::size_t i = 0; i < kIds.size(); ++i) {
    std::array<float, kDimensions> vector{};
    vector.at(i) = 1;
    TRY(sink.write(std::as_bytes(std::span(vector))));
    hashes.push_back(vector_hash(vector));
    TRY(database.insert(i + 1, RecordId(std::string(kIds.at(i))), {{"number", i}, {"name", kIds.at(i)}}, "some tea"));
  }
  TRY(sink.flush());
  const Path segment = folder / database.vector_segment();
  TRY(make_folders(segment));
  const SegmentChange change{
      .new_vectors = vectors, .new_hashes = std::move(hashes), .first_new_label = 1, .dimensions = kDimensions};
  TRY(write_segment(change, {.threads = 1}, segment));
  TRY(write_label_pickle(segment, kIds.size(), [&](const auto& each) { return database.for_each_label(0, each); }));
  const std::string name = database.vector_segment();
  TRY(database.finish());
  return name;
}

/// The parts between separators; what is missing is empty.
template <std::size_t Count>
std::array<std::string, Count> split(std::string_view text) {
  std::array<std::string, Count> parts;
  for (std::string& part : parts) {
    part = text.substr(0, text.find(kSeparator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

void add_queue_row(SQLite::Database& database, std::string_view text) {
  const auto [operation, id, vector, encoding, metadata] = split<5>(text);
  SQLite::Statement row(database,
                        "INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata) SELECT ?, "
                        "'persistent://default/default/' || id, ?, ?, ?, ? FROM collections");
  row.bind(1, operation.empty() ? 0 : operation.front() - '0');
  row.bind(2, id);
  if (!vector.empty()) row.bind(3, vector.data(), static_cast<int>(vector.size()));
  row.bind(4, encoding);
  row.bind(5, metadata);
  row.exec();
}

void add_metadata_row(SQLite::Database& database, std::string_view text) {
  const auto [key, string, whole, real, truth] = split<5>(text);
  SQLite::Statement row(database,
                        "INSERT OR REPLACE INTO embedding_metadata (id, key, string_value, int_value, "
                        "float_value, bool_value) VALUES (2, ?, ?, ?, ?, ?)");
  row.bind(1, key);
  if (!string.empty()) row.bind(2, string);
  if (!whole.empty()) row.bind(3, whole);
  if (!real.empty()) row.bind(4, real);
  if (!truth.empty()) row.bind(5, truth);
  row.exec();
}

Result<void> overlay(const Path& file, std::string_view input) {
  std::string bytes = TRY(read_file(file));
  std::uint32_t place = 0;
  if (input.size() < sizeof place) return {};
  std::memcpy(&place, input.data(), sizeof place);
  input.remove_prefix(sizeof place);
  place %= static_cast<std::uint32_t>(bytes.size());
  bytes.replace(place, std::min(input.size(), bytes.size() - place), input.substr(0, bytes.size() - place));
  return replace_file(file, as_bytes(bytes));
}

Result<void> damage(const Path& folder, const std::string& segment, std::string_view input) {
  const auto with_database = [&](auto change) {
    return with_sqlite("the database", [&] {
      SQLite::Database database((folder / kChromaFile).string(), SQLite::OPEN_READWRITE);
      database.exec("PRAGMA synchronous = OFF");
      change(database, input.substr(1));
    });
  };
  const auto with_file = [&](const char* name) {
    return replace_file(folder / segment / name, as_bytes(input.substr(1)));
  };
  switch (input.front()) {
    case 'p':
      return with_file(kPickleFile);
    case 'h':
      return with_file(kHeaderFile);
    case 'v':
      return with_file(kLevel0File);
    case 'l':
      return with_file(kLinkListsFile);
    case 'q':
      return with_database(add_queue_row);
    case 'm':
      return with_database(add_metadata_row);
    default:
      return overlay(folder / kChromaFile, input.substr(1));
  }
}

Result<void> read_all_of(const Path& folder, const Path& room) {
  auto directory = TRY(ChromaDirectory::open(folder, room));
  for (const ChromaCollection& collection : directory.collections()) {
    TRY(directory.for_each(collection, [](ChromaRecord&&) -> Result<void> { return {}; }));
  }
  return {};
}

void try_all(const Path& folder, const Path& room) {
  const auto found = check_chroma_directory(folder, room, {});
  if (found && found->findings.empty()) {
    check(read_all_of(folder, room).has_value(), "what is found clean can be read");
  } else {
    (void)read_all_of(folder, room);
    const auto repaired = repair_chroma_directory(folder, room / "mended", {});
    check(!repaired || !repaired->repaired.empty(), "what is repaired was not as it must be");
  }
}

/// Most pickles are refused before anything else of the directory matters.
bool is_readable_pickle(std::string_view text) {
  const auto nothing = [](std::string_view, std::uint64_t) -> Result<void> { return {}; };
  return read_label_pickle(as_bytes(text), kPickleFile, {.label_of_id = nothing, .id_of_label = {}}).has_value();
}

Result<void> run(std::string_view input) {
  if (input.starts_with('p') && !is_readable_pickle(input.substr(1))) return {};
  // In memory where the system offers it: the writers sync their files.
  const Path shared_memory = "/dev/shm";
  static const auto room = ScratchFolder::create(
      (std::filesystem::exists(shared_memory) ? shared_memory : std::filesystem::temp_directory_path()) /
      "tillite-fuzz");
  if (!room) return std::unexpected(room.error());
  static const auto segment = write_base(room->path() / "base");
  if (!segment) return std::unexpected(segment.error());
  const auto work = TRY(ScratchFolder::create(room->path()));
  const Path folder = work.path() / "directory";
  std::filesystem::copy(room->path() / "base", folder, std::filesystem::copy_options::recursive);
  TRY(damage(folder, *segment, input));
  try_all(folder, work.path());
  return {};
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) (void)tillite::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
