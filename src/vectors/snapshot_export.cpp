#include <unistd.h>

#include <cerrno>

#include "vectors/collection_view.h"
#include "vectors/snapshot_files.h"

namespace tillite {
namespace {

std::unexpected<Error> failed(std::string_view what, const Path& path) {
  return std::unexpected(system_error(errno, what, path));
}

Result<void> move_file(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("renaming", from);
  return {};
}

/// Gives a store's own file a second name. A hard link keeps the bytes even if the store removes the object.
Result<void> link_file(const Path& from, const Path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  if (::symlink(std::filesystem::absolute(from).c_str(), to.c_str()) != 0) return failed("linking", to);
  return {};
}

bool is_below(const Path& path, const Path& folder) {
  const Path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

/// Fetches one file of a version as `folder`/name. A copy is moved there; a file of the store's own is handed to
/// `take`.
template <typename Take>
Result<void> fetch_file(ObjectStore& objects, const Manifest::Snapshot& snapshot, const Manifest::SnapshotFile& file,
                        const Path& folder, const Path& scratch, bool verify, Take take) {
  const Path target = folder / file.name;
  const Path fetched = TRY(objects.fetch(TRY(file_key(snapshot, file)), scratch));
  TRY(check_file(fetched, file, verify));
  TRY(make_folders(target.parent_path()));
  return is_below(fetched, scratch) ? move_file(fetched, target) : take(fetched, target);
}

Result<void> check_has_snapshot(const Manifest& manifest) {
  if (manifest.snapshot) return {};
  return fail(Code::not_found, "version {} of {} has no snapshot: no vector was ever published", manifest.number,
              manifest.binding.collection);
}

Result<void> check_export_target(const Path& folder) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(folder, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  const bool empty_folder =
      status.type() == std::filesystem::file_type::directory && std::filesystem::is_empty(folder, error) && !error;
  if (empty_folder) return {};
  return fail(Code::conflict, "{} is there and is not an empty folder: nothing was exported; name another folder",
              folder.string());
}

}  // namespace

Result<void> fetch_snapshot(ObjectStore& objects, const Manifest& manifest, const Path& folder, bool verify) {
  TRY(check_has_snapshot(manifest));
  TRY(make_folders(folder));
  const auto room = TRY(ScratchFolder::create(folder));
  for (const auto& file : manifest.snapshot->files) {
    TRY(fetch_file(objects, *manifest.snapshot, file, folder, room.path(), verify, link_file));
  }
  return {};
}

Result<void> export_snapshot(ObjectStore& objects, const Manifest& manifest, const Path& folder) {
  TRY(check_has_snapshot(manifest));
  const Path named = std::filesystem::absolute(folder).lexically_normal();
  const Path target = named.has_filename() ? named : named.parent_path();
  TRY(check_export_target(target));
  const auto room = TRY(ScratchFolder::create(target.parent_path()));
  const Path fetched = room.path() / "fetched";
  const Path content = room.path() / "content";
  TRY(make_folders(fetched));
  TRY(make_folders(content));
  const auto copy = [](const Path& from, const Path& to) { return clone_file(from, to); };
  for (const auto& file : manifest.snapshot->files) {
    if (file.name == kRecordsFile) continue;
    TRY(fetch_file(objects, *manifest.snapshot, file, content, fetched, true, copy));
  }
  TRY(sync_and_describe(content));
  if (::rename(content.c_str(), target.c_str()) != 0) {
    const int error = errno;
    TRY(check_export_target(target));  // somebody put something there meanwhile
    return std::unexpected(system_error(error, "renaming the export to", target));
  }
  return sync_folder(target.parent_path());
}

}  // namespace tillite
