#pragma once

#include <algorithm>
#include <atomic>
#include <functional>

#include "ports/object_store.h"

namespace tillite {

/// An object store over a folder, as small as a test of readers needs it: keys are paths, no crash safety.
/// `before_open` runs before an object is read: a test lets the world change there.
class FolderObjects final : public ObjectStore {
 public:
  explicit FolderObjects(Path folder) : folder_(std::move(folder)) {}

  std::function<void(const ObjectKey&)> before_open = [](const ObjectKey&) {};

  Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    if (std::filesystem::exists(path_of(key))) return fail(Code::conflict, "{} is taken", key.str());
    return put(key, content);
  }
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    const std::string content = TRY(read_file(file));
    return create(key, as_bytes(content));
  }
  Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override {
    TRY(check_key(key));
    TRY(make_folders(path_of(key).parent_path()));
    return replace_file(path_of(key), content);
  }
  Result<void> replace(const ObjectKey& key, std::span<const std::byte> content, const std::string&) override {
    return put(key, content);
  }
  Result<ObjectInfo> info(const ObjectKey& key) override {
    const auto file = TRY(File::open_read(path_of(key)));
    const auto size = TRY(file.size());
    return ObjectInfo{.key = key, .size_bytes = size, .etag = std::to_string(size), .modified_ms = 0};
  }
  Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override {
    before_open(key);
    return file_source(path_of(key));
  }
  Result<Path> fetch(const ObjectKey& key, const Path& scratch) override {
    before_open(key);
    if (!std::filesystem::exists(path_of(key))) return fail(Code::not_found, "{} is not there", key.str());
    if (!copies) return path_of(key);
    const Path copy = scratch / std::to_string(++copies_made_);
    TRY(clone_file(path_of(key), copy));
    return copy;
  }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                       std::size_t limit) override {
    std::vector<ObjectInfo> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, error)) {
      const std::string key = entry.path().lexically_relative(folder_).generic_string();
      if (!entry.is_regular_file() || !key.starts_with(prefix) || key <= after) continue;
      found.push_back({.key = ObjectKey(key), .size_bytes = entry.file_size(), .etag = "1", .modified_ms = 0});
    }
    std::ranges::sort(found, {}, &ObjectInfo::key);
    if (found.size() > limit) found.resize(limit);
    return found;
  }
  Result<void> remove(const ObjectKey& key) override {
    std::error_code ignored;
    std::filesystem::remove(path_of(key), ignored);
    return {};
  }

  std::string place_of(const std::string& prefix) const override { return folder_ / prefix; }

  [[nodiscard]] Path path_of(const ObjectKey& key) const { return folder_ / key.str(); }

  bool copies = false;  ///< fetch() makes copies, as a store across a network does

 private:
  Path folder_;
  std::atomic<int> copies_made_ = 0;
};

}  // namespace tillite
