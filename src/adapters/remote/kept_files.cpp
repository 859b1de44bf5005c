#include "adapters/remote/kept_files.h"

#include <algorithm>
#include <system_error>

#include "base/hash.h"

namespace tillite {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kDiskShare = 4;

/// One more name for a file; false if that is not to be had (another file system, a folder that has gone).
bool link(const Path& file, const Path& name) {
  std::error_code error;
  fs::create_hard_link(file, name, error);
  return !error;
}

bool put_on_disk(const Path& path) {
  auto file = File::open_read(path);
  return file && file->sync();
}

void remove_quietly(const Path& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
}

struct KeptFile {
  Path path;
  std::uint64_t bytes = 0;
  fs::file_time_type used;
};

/// What lies in the folder, those used longest ago first. A file that goes meanwhile is left out.
std::vector<KeptFile> kept_files(const Path& folder) {
  std::vector<KeptFile> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    KeptFile file{.path = at->path(), .bytes = at->file_size(gone), .used = at->last_write_time(gone)};
    if (!gone) files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &KeptFile::used);
  return files;
}

}  // namespace

Path KeptFiles::place_of(const ObjectKey& key) const { return settings_.folder / sha256_hex(key.str()); }

Result<Path> KeptFiles::fetch(const ObjectKey& key, const Path& scratch) {
  if (!settings_.keeps(key)) return store_->fetch(key, scratch);
  const Path kept = place_of(key);
  TRY(make_folders(scratch));
  // The caller's own name, so that the file stays as long as it was promised, whatever is thrown out here.
  const Path file = scratch / kept.filename();
  if (fs::exists(file) || link(kept, file)) {
    std::error_code ignored;
    fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
    return file;
  }
  Path fetched = TRY(store_->fetch(key, scratch));
  keep(fetched, key);
  return fetched;
}

Result<void> KeptFiles::create_from_file(const ObjectKey& key, const Path& file) {
  if (!settings_.keeps(key)) return store_->create_from_file(key, file);
  TRY(store_->create_from_file(key, file));
  if (fs::exists(file)) keep(file, key);  // else the store took it
  return {};
}

Result<void> KeptFiles::remove(const ObjectKey& key) {
  TRY(store_->remove(key));
  if (settings_.keeps(key)) remove_quietly(place_of(key));
  return {};
}

void KeptFiles::keep(const Path& file, const ObjectKey& key) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(file, error);
  if (error || !make_folders(settings_.folder)) return;
  // Work that is done beside them needs the disk, too.
  const auto disk = fs::space(settings_.folder, error);
  const std::uint64_t bytes_max = std::min<std::uint64_t>(settings_.bytes_max, disk.capacity / kDiskShare);
  if (error || bytes > bytes_max) return;
  if (!put_on_disk(file)) return;  // a name must not survive a crash that its content does not
  const std::lock_guard lock(room_mutex_);
  make_room(bytes, bytes_max);
  link(file, place_of(key));  // one that is there already is the same
}

void KeptFiles::make_room(std::uint64_t bytes, std::uint64_t bytes_max) {
  const auto files = kept_files(settings_.folder);
  std::uint64_t used = 0;
  for (const KeptFile& file : files) used += file.bytes;
  for (const KeptFile& file : files) {
    if (used + bytes <= bytes_max) return;
    remove_quietly(file.path);
    used -= file.bytes;
  }
}

}  // namespace tillite
