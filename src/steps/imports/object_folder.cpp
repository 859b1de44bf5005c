#include "steps/imports/object_folder.h"

namespace tillite {

Result<void> fetch_object(ObjectStore& store, const ObjectKey& key, const Path& file) {
  const auto source = TRY(store.open(key));
  TRY(make_folders(file.parent_path()));
  FileSink sink(TRY(File::create(file)));
  std::vector<std::byte> piece(std::size_t{64} << 10);
  for (;;) {
    const auto size = TRY(source->read(piece));
    if (size == 0) return sink.flush();
    TRY(sink.write(std::span(piece).first(size)));
  }
}

Result<void> fetch_folder(ObjectStore& store, const std::string& prefix, const Path& folder,
                          const FetchLimits& limits) {
  const auto objects = TRY(list_all(store, prefix));
  if (objects.empty()) return fail(Code::not_found, "there is nothing below {}", prefix);
  std::uint64_t bytes = 0;
  for (const ObjectInfo& object : objects) bytes += object.size_bytes;
  if (objects.size() > limits.objects_max || bytes > limits.bytes_max) {
    return fail(Code::limit_exceeded, "{} has {} files with {} bytes", prefix, objects.size(), bytes);
  }
  for (const ObjectInfo& object : objects) {
    TRY(check_key(object.key));  // no part of it leads upwards
    TRY(fetch_object(store, object.key, folder / object.key.str().substr(prefix.size())));
  }
  return {};
}

}  // namespace tillite
