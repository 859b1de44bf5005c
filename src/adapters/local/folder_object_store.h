#pragma once

#include <memory>

#include "ports/object_store.h"

namespace tillite {

/// Objects as files below a folder: `objects/{key}`, and `tmp/` for those being written (docs/formats/home.md). As safe
/// as S3's: temporary name, fsync, link without replacing, fsync of the folder. Several processes may use one folder.
class FolderObjectStore final : public ObjectStore {
 public:
  /// Creates the folder if it is not there.
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

 private:
  explicit FolderObjectStore(Path root) : root_(std::move(root)) {}
  [[nodiscard]] Path objects() const { return root_ / "objects"; }
  [[nodiscard]] Result<Path> path_of(const ObjectKey& key) const;
  [[nodiscard]] Path temporary() const;
  [[nodiscard]] Result<void> link_into_place(const Path& file, const ObjectKey& key);
  [[nodiscard]] Result<void> rename_into_place(const Path& file, const ObjectKey& key);
  [[nodiscard]] Result<void> make_parent(const Path& path);

  Path root_;
};

}  // namespace tillite
