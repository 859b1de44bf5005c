#include "vectors/snapshots/snapshot_export.h"

#include <unistd.h>

#include <cerrno>

#include "vectors/chroma/export_folder.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/snapshot_files.h"

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
Result<void> fetch_file(ObjectStore& objects, const Manifest::Shard& shard, const Manifest::SnapshotFile& file,
                        const Path& folder, const Path& scratch, bool verify, Take take) {
  const Path target = folder / file.name;
  const Path fetched = TRY(objects.fetch(TRY(file_key(shard, file)), scratch));
  if (const auto whole = check_file(fetched, file, verify); !whole) return pass_on(whole, shard.folder);
  TRY(make_folders(target.parent_path()));
  return is_below(fetched, scratch) ? move_file(fetched, target) : take(fetched, target);
}

Result<void> check_has_snapshot(const Manifest& manifest) {
  if (manifest.has_snapshot()) return {};
  return fail(Code::not_found, "version {} of {} has no snapshot: no vector was ever published", manifest.number,
              manifest.binding.collection);
}

}  // namespace

Result<void> fetch_shard(ObjectStore& objects, const Manifest::Shard& shard, FetchedFor purpose, const Path& folder,
                         bool verify) {
  TRY(make_folders(folder));
  const auto room = TRY(ScratchFolder::create(folder));
  for (const auto& file : shard.files) {
    const bool is_kept_graph = file.name == kKeptGraphFile;
    if (is_kept_graph && purpose == FetchedFor::queries) continue;
    const auto fetched = fetch_file(objects, shard, file, folder, room.path(), verify, link_file);
    if (!fetched && !(is_kept_graph && is_damage(fetched.error()))) return fetched;
  }
  return {};
}

Result<void> export_snapshot(ObjectStore& objects, const Manifest& manifest, const Path& folder) {
  TRY(check_has_snapshot(manifest));
  const auto place = TRY(ExportFolder::create(folder));
  const auto copy = [](const Path& from, const Path& to) { return clone_file(from, to); };
  for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
    const Manifest::Shard& shard = manifest.shards[i];
    const Path content = place.content() / shard_folder("", static_cast<int>(i), manifest.binding.shards);
    for (const auto& file : shard.files) {
      if (is_our_own(file.name)) continue;
      TRY(fetch_file(objects, shard, file, content, place.scratch(), true, copy));
    }
  }
  return place.publish();
}

}  // namespace tillite
