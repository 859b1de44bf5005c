#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "ports/object_store.h"

namespace tillite {

/// A store elsewhere whose objects, once fetched or created from a file, stay on this machine: fetching them again
/// moves nothing. For objects that never change under their key. Bounded: those used longest ago go first.
///
/// Threads: any; several processes may share the folder. Errors: the store's; a folder that cannot be written only
/// means that nothing is kept.
class KeptFiles final : public ObjectStore {
 public:
  struct Settings {
    Path folder;                  ///< made when the first file is kept
    std::uint64_t bytes_max = 0;  ///< of all files in it; never more than a quarter of the disk
    std::function<bool(const ObjectKey& key)> keeps;
  };
  KeptFiles(std::unique_ptr<ObjectStore> store, Settings settings)
      : store_(std::move(store)), settings_(std::move(settings)) {}

  [[nodiscard]] Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    return store_->create(key, content);
  }
  [[nodiscard]] Result<void> create_from_file(const ObjectKey& key, const Path& file) override;
  [[nodiscard]] Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override {
    return store_->put(key, content);
  }
  [[nodiscard]] Result<void> replace(const ObjectKey& key, std::span<const std::byte> content,
                                     const std::string& etag) override {
    return store_->replace(key, content, etag);
  }
  [[nodiscard]] Result<ObjectInfo> info(const ObjectKey& key) override { return store_->info(key); }
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override { return store_->open(key); }
  [[nodiscard]] Result<Path> fetch(const ObjectKey& key, const Path& scratch) override;
  [[nodiscard]] Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                                     std::size_t limit) override {
    return store_->list(prefix, after, limit);
  }
  [[nodiscard]] Result<void> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string place_of(const std::string& prefix) const override { return store_->place_of(prefix); }

 private:
  [[nodiscard]] Path place_of(const ObjectKey& key) const;
  void keep(const Path& file, const ObjectKey& key);
  void make_room(std::uint64_t bytes, std::uint64_t bytes_max);

  std::unique_ptr<ObjectStore> store_;
  Settings settings_;
  std::mutex room_mutex_;
};

}  // namespace tillite
