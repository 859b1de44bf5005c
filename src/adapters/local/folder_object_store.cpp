#include "adapters/local/folder_object_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "adapters/local/store_lock.h"

namespace tillite {
namespace {

constexpr std::string_view kTemporaryFolder = "tmp";
constexpr int kParentTriesMax = 20;  // against a folder that is removed as empty at the same time

std::unexpected<Error> failed(std::string_view what, const Path& path) {
  return std::unexpected(system_error(errno, what, path));
}

ObjectInfo info_of(const ObjectKey& key, const struct stat& facts) {
  // Every content comes as a file of its own (another inode or time), so these three change with it.
  return {.key = key,
          .size_bytes = static_cast<std::uint64_t>(facts.st_size),
          .etag = fmt::format("{:x}-{:x}-{:x}.{:x}", facts.st_size, facts.st_ino, facts.st_mtim.tv_sec,
                              facts.st_mtim.tv_nsec),
          .modified_ms = facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1'000'000};
}

Result<struct stat> facts_of(const Path& path, const ObjectKey& key) {
  struct stat facts{};
  const bool there = ::stat(path.c_str(), &facts) == 0;
  if (there && S_ISREG(facts.st_mode)) return facts;
  if (there || errno == ENOENT || errno == ENOTDIR) return fail(Code::not_found, "there is no object {}", key.str());
  return failed("reading", path);
}

/// The file is on the disk, and its time says when it came into the store: one that is moved in was written before, and
/// garbage collection goes by the time. To the nanosecond, so that two contents never share an etag.
Result<void> seal(File& file) {
  struct timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::array<struct timespec, 2> times = {now, now};
  if (::futimens(file.descriptor(), times.data()) != 0) return failed("setting the time of", file.path());
  return file.sync();
}

/// An entry of a folder of objects. Folders carry the '/' that follows them in keys: so their order is that of the
/// keys.
struct Entry {
  std::string name;
  [[nodiscard]] bool is_folder() const { return name.ends_with('/'); }
};

/// The entries in the order of their keys. A folder that is gone has none: it was removed as empty.
Result<std::vector<Entry>> entries_of(const Path& folder) {
  std::vector<Entry> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    const bool is_folder = entry->is_directory(gone);
    entries.push_back({entry->path().filename().string() + (is_folder ? "/" : "")});
  }
  if (error && error.value() != ENOENT && error.value() != ENOTDIR) {
    return std::unexpected(system_error(error.value(), "listing", folder));
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

/// What a listing is after.
struct Listing {
  const std::string& prefix;
  const std::string& after;
  std::size_t limit;

  /// Whether keys that begin with `start` (a folder's, with its '/') can belong to it.
  [[nodiscard]] bool may_have(const std::string& start) const {
    return (start.starts_with(prefix) || prefix.starts_with(start)) && (start > after || after.starts_with(start));
  }
  [[nodiscard]] bool has(const std::string& key) const { return key.starts_with(prefix) && key > after; }
};

/// Gathers a folder's keys in order, and enters no folder whose keys are not wanted.
Result<void> gather(const Path& root, const std::string& start, const Listing& listing,
                    std::vector<ObjectInfo>& found) {
  for (const Entry& entry : TRY(entries_of(root / start))) {
    if (found.size() == listing.limit) return {};
    const std::string key = start + entry.name;
    if (entry.is_folder()) {
      if (listing.may_have(key)) TRY(gather(root, key, listing, found));
    } else if (listing.has(key)) {
      const auto facts = facts_of(root / key, ObjectKey(key));
      if (facts) found.push_back(info_of(ObjectKey(key), *facts));
      if (!facts && facts.error().code() != Code::not_found) return std::unexpected(facts.error());
    }
  }
  return {};
}

Result<void> write_synced(const Path& path, std::span<const std::byte> content) {
  auto file = TRY(File::create(path));
  TRY(file.write(content));
  return seal(file);
}

/// Removes a file at the end of its life unless it is gone already.
class TemporaryFile {
 public:
  explicit TemporaryFile(Path path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace

Result<std::unique_ptr<FolderObjectStore>> FolderObjectStore::open(const Path& root) {
  auto store = std::unique_ptr<FolderObjectStore>(new FolderObjectStore(root));
  TRY(make_folders(store->objects()));
  TRY(StoreLock::shared(root));  // its file is there from now on, also when a full disk leaves no room for one
  ScratchFolder::remove_stale(root / kTemporaryFolder);
  return store;
}

Result<Path> FolderObjectStore::path_of(const ObjectKey& key) const {
  TRY(check_key(key));
  return objects() / key.str();
}

Result<Path> FolderObjectStore::temporary() {
  const std::scoped_lock lock(temporary_mutex_);
  if (!temporary_folder_) temporary_folder_ = TRY(ScratchFolder::create(root_ / kTemporaryFolder));
  return temporary_folder_->path() / std::to_string(++temporary_number_);
}

Result<ScratchFolder> FolderObjectStore::link_all(const Path& root) {
  auto links = TRY(ScratchFolder::create(root / kTemporaryFolder));
  const Path objects = root / "objects";
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(objects, error), end; !error && entry != end;
       entry.increment(error)) {
    const Path target = links.path() / entry->path().lexically_relative(objects);
    if (entry->is_directory(error)) {
      TRY(make_folders(target));
    } else if (::link(entry->path().c_str(), target.c_str()) != 0) {
      return failed("linking", entry->path());
    }
  }
  if (error) return std::unexpected(system_error(error.value(), "listing", objects));
  return links;
}

Result<void> FolderObjectStore::make_parent(const Path& path) {
  std::vector<Path> created;
  for (Path folder = path.parent_path(); folder != objects() && !std::filesystem::exists(folder);
       folder = folder.parent_path()) {
    created.push_back(folder);
  }
  TRY(make_folders(path.parent_path()));
  for (const Path& folder : created) TRY(sync_folder(folder.parent_path()));
  return {};
}

Result<void> FolderObjectStore::link_into_place(const Path& file, const ObjectKey& key) {
  const Path path = TRY(path_of(key));
  const auto lock = TRY(StoreLock::shared(root_));
  for (int tries = 0; tries < kParentTriesMax; ++tries) {
    TRY(make_parent(path));
    if (::link(file.c_str(), path.c_str()) == 0) return sync_folder(path.parent_path());
    if (errno == EEXIST) return fail(Code::conflict, "there is an object {} already", key.str());
    if (errno != ENOENT) return failed("writing", path);
  }
  return fail(Code::unavailable, "the folder of {} vanishes all the time", path.string());
}

Result<void> FolderObjectStore::rename_into_place(const Path& file, const ObjectKey& key) {
  const Path path = TRY(path_of(key));
  for (int tries = 0; tries < kParentTriesMax; ++tries) {
    TRY(make_parent(path));
    if (::rename(file.c_str(), path.c_str()) == 0) return sync_folder(path.parent_path());
    if (errno != ENOENT) return failed("writing", path);
  }
  return fail(Code::unavailable, "the folder of {} vanishes all the time", path.string());
}

Result<void> FolderObjectStore::create(const ObjectKey& key, std::span<const std::byte> content) {
  const Path path = TRY(path_of(key));
  if (facts_of(path, key)) return fail(Code::conflict, "there is an object {} already", key.str());
  const TemporaryFile file(TRY(temporary()));
  TRY(write_synced(file.path(), content));
  return link_into_place(file.path(), key);
}

Result<void> FolderObjectStore::create_from_file(const ObjectKey& key, const Path& source) {
  TRY(path_of(key));
  const TemporaryFile moved(TRY(temporary()));
  if (::rename(source.c_str(), moved.path().c_str()) != 0) {
    if (errno != EXDEV) return failed("moving", source);
    TRY(clone_file(source, moved.path()));
  }
  auto file = TRY(File::open_update(moved.path()));
  TRY(seal(file));
  return link_into_place(moved.path(), key);
}

Result<void> FolderObjectStore::put(const ObjectKey& key, std::span<const std::byte> content) {
  TRY(path_of(key));
  const TemporaryFile file(TRY(temporary()));
  TRY(write_synced(file.path(), content));
  const auto lock = TRY(StoreLock::shared(root_));
  return rename_into_place(file.path(), key);
}

Result<void> FolderObjectStore::replace(const ObjectKey& key, std::span<const std::byte> content,
                                        const std::string& etag) {
  TRY(path_of(key));
  const TemporaryFile file(TRY(temporary()));
  TRY(write_synced(file.path(), content));
  const auto lock = TRY(StoreLock::exclusive(root_));
  const auto there = info(key);
  if (!there && there.error().code() != Code::not_found) return std::unexpected(there.error());
  if (!there || there->etag != etag) return fail(Code::conflict, "the object {} has changed", key.str());
  return rename_into_place(file.path(), key);
}

Result<ObjectInfo> FolderObjectStore::info(const ObjectKey& key) {
  return info_of(key, TRY(facts_of(TRY(path_of(key)), key)));
}

Result<std::unique_ptr<ByteSource>> FolderObjectStore::open(const ObjectKey& key) {
  const Path path = TRY(path_of(key));
  TRY(facts_of(path, key));
  auto source = file_source(path);
  if (!source && source.error().code() == Code::not_found)
    return fail(Code::not_found, "there is no object {}", key.str());
  return source;
}

Result<Path> FolderObjectStore::fetch(const ObjectKey& key, const Path&) {
  Path path = TRY(path_of(key));
  TRY(facts_of(path, key));
  return path;
}

Result<std::vector<ObjectInfo>> FolderObjectStore::list(const std::string& prefix, const std::string& after,
                                                        std::size_t limit) {
  std::vector<ObjectInfo> found;
  TRY(gather(objects(), "", {prefix, after, limit}, found));
  return found;
}

Result<void> FolderObjectStore::remove(const ObjectKey& key) {
  const Path path = TRY(path_of(key));
  const auto lock = TRY(StoreLock::shared(root_));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR) {
    return failed("removing", path);
  }
  // What is reported as removed must not be back after a power failure: a consumed delta would be merged again. Also
  // if it was gone already: who removed it may have been killed before this line.
  const auto synced = sync_folder(path.parent_path());
  if (!synced && synced.error().code() != Code::not_found) return synced;
  // Folders that are empty now go too; one that is not stays by itself.
  for (Path folder = path.parent_path(); folder != objects() && ::rmdir(folder.c_str()) == 0;)
    folder = folder.parent_path();
  return {};
}

}  // namespace tillite
