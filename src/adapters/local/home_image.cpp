#include "adapters/local/home_image.h"

#include <SQLiteCpp/Backup.h>
#include <sqlite3.h>

#include <functional>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/store_lock.h"

namespace tillite {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 30'000;

/// Nobody writes to the database as long as the answer lives.
Result<SQLite::Database> freeze(const Path& file) {
  return with_sqlite(fmt::format("waiting for the writers of {}", file.string()), [&] {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, kBusyTimeoutMs);
    database.exec("BEGIN IMMEDIATE");
    return database;
  });
}

/// A connection that sees the database as it is now.
Result<SQLite::Database> pin(const Path& file) {
  return with_sqlite(fmt::format("reading {}", file.string()), [&] {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY, kBusyTimeoutMs);
    database.exec("BEGIN");
    database.execAndGet("SELECT count(*) FROM sqlite_schema");  // only the first read fixes what is seen
    return database;
  });
}

Result<void> copy_database(SQLite::Database& from, const Path& to) {
  return with_sqlite(fmt::format("copying {} to {}", from.getFilename(), to.string()), [&]() -> Result<void> {
    SQLite::Database target(to.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    SQLite::Backup backup(target, from);
    if (backup.executeStep() == SQLITE_DONE) return {};
    return fail(Code::unavailable, "{} is used by others", to.string());
  });
}

Result<void> clone_synced(const Path& from, const Path& to) {
  TRY(clone_file(from, to));
  return TRY(File::open_update(to)).sync();
}

/// Copies a folder with all below it; files and names are on the disk.
Result<void> copy_folder(const Path& from, const Path& to) {
  TRY(make_folders(to));
  std::error_code error;
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    const Path target = to / entry->path().filename();
    TRY(entry->is_directory() ? copy_folder(entry->path(), target) : clone_synced(entry->path(), target));
  }
  if (error) return std::unexpected(system_error(error.value(), "reading", from));
  return sync_folder(to);
}

}  // namespace

Result<HomeImage> HomeImage::take(const Home& home) {
  HomeImage image;
  const auto is_there = [](const Path& path) { return fs::exists(path); };
  std::vector<Path> files = {home.table_file(), home.workflows_file(), home.provider_file(),
                             home.queue_file(), home.logs_file(),      home.cache_file()};
  std::vector<Path> stores = {home.vectors_folder(), home.batches_folder(), home.provider_folder()};
  std::erase_if(files, std::not_fn(is_there));
  std::erase_if(stores, std::not_fn(is_there));

  // Always in this order, so that two images never wait for each other; no writer holds two of these at once.
  std::vector<SQLite::Database> frozen;
  std::vector<StoreLock> locks;
  frozen.reserve(files.size());
  locks.reserve(stores.size());
  for (const Path& file : files) frozen.push_back(TRY(freeze(file)));
  for (const Path& store : stores) locks.push_back(TRY(StoreLock::exclusive(store)));

  for (const Path& file : files) image.databases_.push_back(TRY(pin(file)));
  for (const Path& store : stores) {
    auto objects = TRY(FolderObjectStore::link_all(store));
    image.objects_.push_back({store.filename(), std::move(objects)});
  }
  return image;
}

Result<void> HomeImage::copy_to(const Path& folder) {
  for (SQLite::Database& database : databases_) {
    TRY(copy_database(database, folder / Path(database.getFilename()).filename()));
  }
  for (const Objects& objects : objects_) {
    TRY(copy_folder(objects.links.path(), folder / objects.name / "objects"));
    TRY(sync_folder(folder / objects.name));
  }
  return sync_folder(folder);
}

}  // namespace tillite
