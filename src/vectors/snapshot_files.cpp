#include "vectors/snapshot_files.h"

#include <algorithm>

namespace tillite {
namespace {

/// Regular files and folders below a folder; anything else does not belong there.
struct Tree {
  std::vector<Path> files;
  std::vector<Path> folders;
};

Result<Tree> tree_below(const Path& folder) {
  Tree tree;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    (entry->is_directory() ? tree.folders : tree.files).push_back(entry->path());
  }
  if (error) return std::unexpected(system_error(error.value(), "reading the folder", folder));
  return tree;
}

}  // namespace

Result<std::vector<Manifest::SnapshotFile>> sync_and_describe(const Path& folder) {
  const Tree tree = TRY(tree_below(folder));
  std::vector<Manifest::SnapshotFile> files;
  for (const Path& path : tree.files) {
    auto file = TRY(File::open_update(path));
    TRY(file.sync());
    files.push_back({.name = path.lexically_relative(folder).generic_string(),
                     .size_bytes = TRY(file.size()),
                     .sha256 = TRY(sha256_of_file(path))});
  }
  for (const Path& path : tree.folders) TRY(sync_folder(path));
  TRY(sync_folder(folder));
  std::ranges::sort(files, {}, &Manifest::SnapshotFile::name);
  return files;
}

Result<ObjectKey> file_key(const Manifest::Shard& shard, const Manifest::SnapshotFile& file) {
  ObjectKey key(shard.folder + file.name);
  if (!shard.folder.ends_with('/') || !check_key(key)) {
    return fail(Code::corrupt, "the manifest names '{}' as a file of the snapshot '{}'", file.name, shard.folder);
  }
  return key;
}

Result<void> check_file(const Path& path, const Manifest::SnapshotFile& file, bool verify) {
  const auto opened = TRY(File::open_read(path));
  const auto size = TRY(opened.size());
  if (size != file.size_bytes) {
    return fail(Code::corrupt, "the snapshot's file {} has {} bytes, its manifest says {}: it is torn", file.name, size,
                file.size_bytes);
  }
  if (verify && TRY(sha256_of_file(path)) != file.sha256) {
    return fail(Code::corrupt, "the snapshot's file {} does not have the SHA-256 of its manifest: bytes changed",
                file.name);
  }
  return {};
}

}  // namespace tillite
