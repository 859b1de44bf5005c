#include "emulator/store/file_store.h"

#include <algorithm>
#include <set>

#include "emulator/ids.h"

namespace tillite {
namespace {

namespace fs = std::filesystem;

constexpr const char* kColumns = "number, id, bytes, created_s, expires_s, name, purpose";

StoredFile file_of(SQLite::Statement& row) {
  StoredFile file{.number = row.getColumn(0).getInt64(),
                  .id = row.getColumn(1).getString(),
                  .bytes = static_cast<std::uint64_t>(row.getColumn(2).getInt64()),
                  .created_s = row.getColumn(3).getInt64(),
                  .name = row.getColumn(5).getString(),
                  .purpose = row.getColumn(6).getString()};
  if (!row.getColumn(4).isNull()) file.expires_s = row.getColumn(4).getInt64();
  return file;
}

/// A part of a file.
class PartSource final : public ByteSource {
 public:
  PartSource(File file, ByteRange range) : file_(std::move(file)), range_(range) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), range_.bytes));
    if (size == 0) return 0;
    TRY(file_.read_at(range_.offset, buffer.first(size)));
    range_.offset += size;
    range_.bytes -= size;
    return size;
  }

 private:
  File file_;
  ByteRange range_;  ///< what is left
};

}  // namespace

Json StoredFile::object() const {
  return {{"object", "file"},
          {"id", id},
          {"purpose", purpose},
          {"filename", name},
          {"bytes", bytes},
          {"created_at", created_s},
          {"expires_at", expires_s ? Json(*expires_s) : Json(nullptr)},
          {"status", "processed"},
          {"status_details", nullptr}};
}

FileDraft::FileDraft(FileDraft&& other) noexcept
    : id_(std::move(other.id_)), path_(std::exchange(other.path_, Path())), sink_(std::move(other.sink_)) {}

FileDraft::~FileDraft() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

Result<std::uint64_t> FileDraft::seal() {
  TRY(sink_.flush());
  TRY(sink_.file().sync());
  return sink_.file().size();
}

Result<void> FileDraft::cut_in_half() {
  TRY(sink_.flush());
  const std::uint64_t bytes = TRY(sink_.file().size());
  std::error_code error;
  fs::resize_file(path_, bytes / 2, error);
  if (error) return std::unexpected(system_error(error.value(), "shortening", path_));
  return {};
}

Result<std::unique_ptr<FileStore>> FileStore::open(EmulatorDatabase& database, const Path& folder, Clock& clock,
                                                   Random& random) {
  TRY(make_folders(folder));
  auto store = std::unique_ptr<FileStore>(new FileStore(database, folder, clock, random));
  TRY(store->expire());
  const auto kept = TRY(database.read("listing the files", [](SQLite::Database& db) {
    std::set<std::string> ids;
    SQLite::Statement select(db, "SELECT id FROM files");
    while (select.executeStep()) ids.insert(select.getColumn(0).getString());
    return ids;
  }));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (!kept.contains(entry.path().filename().string())) fs::remove(entry.path(), ignored);
  }
  return store;
}

Result<FileDraft> FileStore::draft() {
  std::string id = new_file_id(random_);
  const Path path = path_of(id);
  FileSink sink(TRY(File::create(path)));
  return FileDraft(std::move(id), path, std::move(sink));
}

Result<StoredFile> FileStore::keep(SQLite::Database& database, FileDraft& draft, const std::string& name,
                                   const std::string& purpose, std::optional<std::int64_t> lives_s) {
  const std::uint64_t bytes = TRY(draft.seal());
  TRY(sync_folder(folder_));
  StoredFile file{.id = draft.id(), .bytes = bytes, .created_s = now_s(), .name = name, .purpose = purpose};
  if (lives_s) file.expires_s = file.created_s + *lives_s;
  SQLite::Statement insert(
      database, "INSERT INTO files (id, bytes, created_s, expires_s, name, purpose) VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(1, file.id);
  insert.bind(2, static_cast<std::int64_t>(file.bytes));
  insert.bind(3, file.created_s);
  if (file.expires_s) insert.bind(4, *file.expires_s);
  insert.bind(5, file.name);
  insert.bind(6, file.purpose);
  insert.exec();
  file.number = database.getLastInsertRowid();
  return file;
}

Result<StoredFile> FileStore::keep(FileDraft& draft, const std::string& name, const std::string& purpose,
                                   std::optional<std::int64_t> lives_s) {
  auto file = TRY(database_.write(
      "keeping a file", [&](SQLite::Database& database) { return keep(database, draft, name, purpose, lives_s); }));
  draft.release();
  return file;
}

Result<void> FileStore::expire() {
  const auto expired = TRY(database_.write("removing expired files", [&](SQLite::Database& database) {
    std::vector<std::string> ids;
    SQLite::Statement remove(database, "DELETE FROM files WHERE expires_s <= ? RETURNING id");
    remove.bind(1, now_s());
    while (remove.executeStep()) ids.push_back(remove.getColumn(0).getString());
    return ids;
  }));
  std::error_code ignored;
  for (const std::string& id : expired) fs::remove(path_of(id), ignored);
  return {};
}

ApiResult<StoredFile> FileStore::find(std::string_view id) {
  const auto file = TRY(database_.read("looking for a file", [&](SQLite::Database& database) {
    SQLite::Statement select(database, fmt::format("SELECT {} FROM files WHERE id = ?", kColumns));
    select.bind(1, std::string(id));
    return select.executeStep() ? std::optional(file_of(select)) : std::nullopt;
  }));
  if (!file || (file->expires_s && *file->expires_s <= now_s())) return std::unexpected(no_such_file(id));
  return *file;
}

ApiResult<FilePage> FileStore::list(const FileQuery& query) {
  TRY(expire());
  std::optional<std::int64_t> after;
  if (!query.after.empty()) after = TRY(find(query.after)).number;
  return TRY(database_.read("listing the files", [&](SQLite::Database& database) {
    SQLite::Statement select(
        database, fmt::format("SELECT {} FROM files WHERE (?1 IS NULL OR number {} ?1) AND (?2 = '' OR purpose = ?2) "
                              "ORDER BY number {} LIMIT ?3",
                              kColumns, query.newest_first ? '<' : '>', query.newest_first ? "DESC" : "ASC"));
    if (after) select.bind(1, *after);
    select.bind(2, query.purpose);
    select.bind(3, static_cast<std::int64_t>(query.limit) + 1);
    FilePage page;
    while (select.executeStep()) page.files.push_back(file_of(select));
    page.has_more = page.files.size() > query.limit;
    if (page.has_more) page.files.pop_back();
    return page;
  }));
}

ApiResult<void> FileStore::remove(std::string_view id) {
  const StoredFile file = TRY(find(id));
  TRY(database_.write("removing a file", [&](SQLite::Database& database) {
    SQLite::Statement remove(database, "DELETE FROM files WHERE id = ?");
    remove.bind(1, file.id);
    remove.exec();
  }));
  std::error_code ignored;
  fs::remove(path_of(file.id), ignored);
  return {};
}

Result<std::unique_ptr<ByteSource>> FileStore::open_content(const StoredFile& file, ByteRange range) {
  return std::make_unique<PartSource>(TRY(open_file(file)), range);
}

Result<File> FileStore::open_file(const StoredFile& file) { return File::open_read(path_of(file.id)); }

Result<std::int64_t> FileStore::count() {
  TRY(expire());
  return database_.read("counting the files", [](SQLite::Database& database) {
    return database.execAndGet("SELECT count(*) FROM files").getInt64();
  });
}

}  // namespace tillite
