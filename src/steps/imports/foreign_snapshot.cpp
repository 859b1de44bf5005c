#include "steps/imports/foreign_snapshot.h"

#include "base/text.h"
#include "steps/imports/object_folder.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr FetchLimits kLimits{.objects_max = 10'000, .bytes_max = std::uint64_t{16} << 30};
constexpr std::size_t kPointerBytesMax = 1024;

std::string_view folder_of(Entity entity) { return entity == Entity::line ? "lines/snapshot/" : "words/snapshot/"; }

}  // namespace

Result<std::optional<ForeignSnapshot>> foreign_snapshot(Entity entity, ObjectStore& vectors) {
  const std::string place(folder_of(entity));
  ForeignSnapshot snapshot{.pointer = ObjectKey(place + "latest-pointer.txt")};
  const auto text = read_object(vectors, snapshot.pointer, kPointerBytesMax);
  if (!text && text.error().code() == Code::not_found) return std::optional<ForeignSnapshot>();
  if (!text) return std::unexpected(text.error());
  snapshot.name = trim(*text);
  snapshot.folder = fmt::format("{}timestamped/{}/", place, snapshot.name);
  const ObjectKey database(snapshot.folder + std::string(kChromaFile));
  const auto valid = check_key(database);
  const auto there = valid ? vectors.info(database) : Result<ObjectInfo>(std::unexpected(valid.error()));
  if (there) return std::optional(std::move(snapshot));
  if (there.error().code() != Code::not_found && there.error().code() != Code::invalid_input) {
    return std::unexpected(there.error());
  }
  return fail(Code::corrupt, "{} says '{}', but there is no {}", snapshot.pointer.str(), snapshot.name.substr(0, 64),
              database.str().substr(0, 256));
}

Result<void> with_foreign_snapshot(
    const ForeignSnapshot& snapshot, Entity entity, ObjectStore& vectors, const Path& scratch,
    const std::function<Result<void>(ChromaDirectory& directory, const ChromaCollection& collection)>& use) {
  const auto room = TRY(ScratchFolder::create(scratch));
  const Path folder = room.path() / "snapshot";
  TRY(fetch_folder(vectors, snapshot.folder, folder, kLimits));
  const Path work = room.path() / "work";
  TRY(make_folders(work));
  auto directory = TRY(ChromaDirectory::open(folder, work));
  const ImportPair pair = TRY(choose_collections(directory, snapshot.folder, {}, {}, entity));
  if (pair.into != entity) {
    return fail(Code::invalid_input, "{} holds the collection '{}', which is not one of {}s", snapshot.folder,
                pair.from.name, names_of(entity).name);
  }
  return use(directory, pair.from);
}

}  // namespace tillite
