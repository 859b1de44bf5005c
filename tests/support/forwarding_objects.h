#pragma once

#include "ports/object_store.h"

namespace tillite::testing {

/// Hands every call on to another store: a test overrides the one that goes wrong.
class ForwardingObjects : public ObjectStore {
 public:
  explicit ForwardingObjects(ObjectStore& real) : real_(real) {}
  Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    return real_.create(key, content);
  }
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    return real_.create_from_file(key, file);
  }
  Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override {
    return real_.put(key, content);
  }
  Result<void> replace(const ObjectKey& key, std::span<const std::byte> content, const std::string& etag) override {
    return real_.replace(key, content, etag);
  }
  Result<ObjectInfo> info(const ObjectKey& key) override { return real_.info(key); }
  Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override { return real_.open(key); }
  Result<Path> fetch(const ObjectKey& key, const Path& scratch) override { return real_.fetch(key, scratch); }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                       std::size_t limit) override {
    return real_.list(prefix, after, limit);
  }
  Result<void> remove(const ObjectKey& key) override { return real_.remove(key); }
  std::string place_of(const std::string& prefix) const override { return real_.place_of(prefix); }

 private:
  ObjectStore& real_;
};

}  // namespace tillite::testing
