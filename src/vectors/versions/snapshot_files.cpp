#include "vectors/versions/snapshot_files.h"

#include <algorithm>

#include "vectors/files/file_checksum.h"

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

/// A file that has the size that its manifest says.
Result<File> open_whole(const Path& path, const Manifest::SnapshotFile& file) {
  auto opened = TRY(File::open_read(path));
  const auto size = TRY(opened.size());
  if (size == file.size_bytes) return opened;
  return fail(Code::corrupt, "the snapshot's file {} has {} bytes, its manifest says {}: it is torn", file.name, size,
              file.size_bytes);
}

/// Reads a file and compares it with its checksum.
Result<void> check_content(
    const File& opened, const Manifest::SnapshotFile& file, std::size_t threads,
    const std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> piece)>& each = {}) {
  const auto form = checksum_form(file.checksum, file.size_bytes);
  if (form && TRY(checksum_of_file(opened, *form, threads, each)) == file.checksum) return {};
  return fail(Code::corrupt, "the snapshot's file {} does not have the checksum of its manifest: bytes changed",
              file.name);
}

}  // namespace

bool is_our_own(std::string_view name) { return name == kRecordsFile || name == kKeptGraphFile; }

Result<std::vector<Manifest::SnapshotFile>> sync_and_describe(const Path& folder, std::size_t threads,
                                                              const std::map<Path, std::string>& hashed) {
  const Tree tree = TRY(tree_below(folder));
  std::vector<Manifest::SnapshotFile> files;
  for (const Path& path : tree.files) {
    auto file = TRY(File::open_update(path));
    TRY(file.sync());
    const auto known = hashed.find(path);
    Manifest::SnapshotFile& described = files.emplace_back();
    described.name = path.lexically_relative(folder).generic_string();
    described.size_bytes = TRY(file.size());
    described.checksum =
        known != hashed.end() ? known->second : TRY(checksum_of_file(file, ChecksumForm::by_parts, threads));
  }
  for (const Path& path : tree.folders) TRY(sync_folder(path));
  TRY(sync_folder(folder));
  std::ranges::sort(files, {}, &Manifest::SnapshotFile::name);
  return files;
}

Result<void> copy_checked(const Path& from, const Manifest::SnapshotFile& file, const Path& to, std::size_t threads) {
  const auto source = TRY(open_whole(from, file));
  auto target = TRY(File::create(to));
  return check_content(source, file, threads, [&](std::uint64_t offset, std::span<const std::byte> piece) {
    return target.write_at(offset, piece);
  });
}

Result<ObjectKey> file_key(const Manifest::Shard& shard, const Manifest::SnapshotFile& file) {
  ObjectKey key(shard.folder + file.name);
  if (!shard.folder.ends_with('/') || !check_key(key)) {
    return fail(Code::corrupt, "the manifest names '{}' as a file of the snapshot '{}'", file.name, shard.folder);
  }
  return key;
}

Result<void> check_file(const Path& path, const Manifest::SnapshotFile& file, bool verify, std::size_t threads) {
  const auto opened = TRY(open_whole(path, file));
  return verify ? check_content(opened, file, threads) : Result<void>();
}

}  // namespace tillite
