#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "ports/object_store.h"

namespace tillite {

/// Objects as files below a folder: `objects/{key}`, and `tmp/` for those being written (docs/formats/home.md). As safe
/// as S3's: temporary name, fsync, link without replacing, fsync of the folder. Several processes may use one folder.
/// Names change under the store's lock (store_lock.h) only.
class FolderObjectStore final : public ObjectStore {
 public:
  /// Creates the folder if it is not there. Removes what killed processes left in tmp/.
  [[nodiscard]] static Result<std::unique_ptr<FolderObjectStore>> open(const Path& root);

  [[nodiscard]] Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override;
  [[nodiscard]] Result<void> create_from_file(const ObjectKey& key, const Path& file) override;
  [[nodiscard]] Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override;
  [[nodiscard]] Result<void> replace(const ObjectKey& key, std::span<const std::byte> content,
                                     const std::string& etag) override;
  [[nodiscard]] Result<ObjectInfo> info(const ObjectKey& key) override;
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override;
  [[nodiscard]] Result<Path> fetch(const ObjectKey& key, const Path& scratch) override;
  [[nodiscard]] Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                                     std::size_t limit) override;
  [[nodiscard]] Result<void> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string place_of(const std::string& prefix) const override { return objects() / prefix; }

  /// A folder in which every object of the store at `root` has one more name, and so stays as it is whatever becomes of
  /// the store. For callers who hold the store's lock exclusively.
  [[nodiscard]] static Result<ScratchFolder> link_all(const Path& root);

 private:
  explicit FolderObjectStore(Path root) : root_(std::move(root)) {}
  [[nodiscard]] Path objects() const { return root_ / "objects"; }
  [[nodiscard]] Result<Path> path_of(const ObjectKey& key) const;
  [[nodiscard]] Result<Path> temporary();
  [[nodiscard]] Result<void> link_into_place(const Path& file, const ObjectKey& key);
  [[nodiscard]] Result<void> rename_into_place(const Path& file, const ObjectKey& key);
  [[nodiscard]] Result<void> make_parent(const Path& path);

  Path root_;
  std::mutex temporary_mutex_;
  std::optional<ScratchFolder> temporary_folder_;  ///< of this store, made by its first write
  std::uint64_t temporary_number_ = 0;
};

}  // namespace tillite
