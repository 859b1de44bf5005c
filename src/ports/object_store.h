#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/ids.h"

namespace tillite {

struct ObjectInfo {
  ObjectKey key;
  std::uint64_t size_bytes = 0;
  std::string etag;              ///< changes with the content
  std::int64_t modified_ms = 0;  ///< when it was written, by the store's clock
};

/// Bytes under keys: a folder, S3, or the simulator. Objects are whole: a reader sees all of one version or of another.
///
/// Keys: parts of [A-Za-z0-9._=-] joined by '/', at most 900 bytes, no part empty, "." or "..".
/// Threads: any method from any thread.
/// Durability: what a call reported as done survives a crash of this machine and of the store.
/// Errors: those named at each method; besides them `invalid_input` for a key that is none, `unavailable` (worth a
/// retry; it may hide a success: a caller who must know reads the object back and compares), `corrupt` and `no_space`.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Writes `content` under `key` if the key is free. `conflict` if it is taken; what stands there is untouched.
  [[nodiscard]] virtual Result<void> create(const ObjectKey& key, std::span<const std::byte> content) = 0;
  /// The same with a file's content. The file may be moved into the store: the caller does not use it afterwards.
  [[nodiscard]] virtual Result<void> create_from_file(const ObjectKey& key, const Path& file) = 0;

  /// Writes `content` whatever stands there. For hints only, where the last writer may win.
  [[nodiscard]] virtual Result<void> put(const ObjectKey& key, std::span<const std::byte> content) = 0;
  /// Writes `content` if the object still has `etag`. `conflict` if it has another or is gone.
  [[nodiscard]] virtual Result<void> replace(const ObjectKey& key, std::span<const std::byte> content,
                                             const std::string& etag) = 0;

  /// What is known of an object. `not_found` only if the store says so plainly.
  [[nodiscard]] virtual Result<ObjectInfo> info(const ObjectKey& key) = 0;
  /// The object's bytes from the front. `not_found` as above.
  [[nodiscard]] virtual Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) = 0;
  /// The object as a local file that must not be changed: the store's own where it has files, else a copy below
  /// `scratch`. The file lives as long as the object and `scratch` do. `not_found` as above.
  [[nodiscard]] virtual Result<Path> fetch(const ObjectKey& key, const Path& scratch) = 0;

  /// At most `limit` objects whose keys begin with `prefix` and sort after `after`, in order of their keys.
  /// Sees every write that was reported as done.
  [[nodiscard]] virtual Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                                             std::size_t limit) = 0;

  /// Removes an object; one that is not there is no error.
  [[nodiscard]] virtual Result<void> remove(const ObjectKey& key) = 0;

  /// Where the objects below a prefix lie, for people to read: a folder of this machine, or "s3://bucket/prefix".
  [[nodiscard]] virtual std::string place_of(const std::string& prefix) const = 0;
};

/// The whole of an object that is known to be small. `limit_exceeded` above `bytes_max`.
[[nodiscard]] Result<std::string> read_object(ObjectStore& store, const ObjectKey& key,
                                              std::size_t bytes_max = std::size_t{64} << 20);

/// All objects below a prefix, however many pages that takes.
[[nodiscard]] Result<std::vector<ObjectInfo>> list_all(ObjectStore& store, const std::string& prefix);

/// Whether `key` is a valid key (see above).
[[nodiscard]] Result<void> check_key(const ObjectKey& key);

}  // namespace tillite
