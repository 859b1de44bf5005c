#include "vectors/versions/snapshot_files.h"

#include <algorithm>

#include "vectors/files/hashed_sink.h"

namespace tillite {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 18;

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

bool is_our_own(std::string_view name) { return name == kRecordsFile || name == kKeptGraphFile; }

Result<std::vector<Manifest::SnapshotFile>> sync_and_describe(const Path& folder,
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
    described.sha256 = known != hashed.end() ? known->second : TRY(sha256_of_file(path));
  }
  for (const Path& path : tree.folders) TRY(sync_folder(path));
  TRY(sync_folder(folder));
  std::ranges::sort(files, {}, &Manifest::SnapshotFile::name);
  return files;
}

Result<std::string> copy_hashed(const Path& from, const Path& to) {
  const auto source = TRY(file_source(from));
  HashedSink sink(TRY(File::create(to)));
  std::vector<std::byte> buffer(kCopyBytes);
  while (const auto size = TRY(source->read(buffer))) TRY(sink.write(std::span(buffer).first(size)));
  return sink.finish();
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
