#include "steps/imports/delta_import.h"

#include <algorithm>
#include <array>

#include "steps/imports/object_folder.h"
#include "vectors/files/unpack.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr std::size_t kDeltasMax = 100'000;
constexpr std::string_view kArchiveEnd = ".tar.gz";
constexpr UnpackLimits kLimits;

struct StoredPlace {
  std::string_view prefix;
  Entity entity;
};
constexpr std::array kStoredPlaces = {StoredPlace{"lines/delta/", Entity::line},
                                      StoredPlace{"words/delta/", Entity::word}};

/// The one Chroma directory in what was unpacked: an archive may have it at its top or in a folder.
Result<Path> chroma_directory_in(const Path& folder) {
  std::vector<Path> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() == kChromaFile) found.push_back(entry->path().parent_path());
  }
  if (error) return std::unexpected(system_error(error.value(), "listing", folder));
  if (found.size() == 1) return found.front();
  return fail(Code::corrupt, "the archive has {} Chroma directories, not one", found.size());
}

Result<Path> unpacked(ByteSource& archive, const Path& scratch) {
  const Path folder = scratch / "unpacked";
  TRY(make_folders(folder));
  TRY(unpack_tar_gz(archive, folder, kLimits));
  return chroma_directory_in(folder);
}

ChromaDelta delta_of_folder(const Path& folder) {
  return {folder.string(), std::nullopt, [folder](const Path&) -> Result<Path> { return folder; }};
}

ChromaDelta delta_of_archive(const Path& file) {
  return {file.string(), std::nullopt,
          [file](const Path& scratch) -> Result<Path> { return unpacked(*TRY(file_source(file)), scratch); }};
}

ChromaDelta delta_of_archive(ObjectStore& vectors, const ObjectKey& key, Entity entity) {
  return {key.str(), entity,
          [&vectors, key](const Path& scratch) -> Result<Path> { return unpacked(*TRY(vectors.open(key)), scratch); }};
}

/// `prefix`: the folder's name with its '/'.
ChromaDelta delta_of_folder(ObjectStore& vectors, const std::string& prefix, Entity entity) {
  return {prefix, entity, [&vectors, prefix](const Path& scratch) -> Result<Path> {
            TRY(fetch_folder(vectors, prefix, scratch / "copy", {kLimits.members_max, kLimits.bytes_max}));
            return scratch / "copy";
          }};
}

/// What is wrong with one delta and says nothing of the others.
bool concerns_the_delta(const Error& error) {
  constexpr std::array kCodes = {Code::corrupt, Code::invalid_input, Code::not_found, Code::unsupported,
                                 Code::limit_exceeded};
  return std::ranges::find(kCodes, error.code()) != kCodes.end();
}

class DeltaImporter {
 public:
  DeltaImporter(std::string collection, std::string into, ImportMode mode, const Ports& ports,
                const StepContext& context)
      : collection_(std::move(collection)), into_(std::move(into)), mode_(mode), ports_(ports), context_(context) {}

  Result<void> take(const ChromaDelta& delta) {
    const auto room = TRY(ScratchFolder::create(context_.scratch));
    const auto checked = check_whole(delta, room.path());
    if (!checked) return refuse(delta, checked.error());
    RecordImport& import = *TRY(import_into(checked->pair.into));
    const auto fits = import.check_dimensions(checked->pair.from);
    if (!fits) return refuse(delta, fits.error());

    auto directory = TRY(ChromaDirectory::open(checked->folder, room.path()));
    const std::int64_t version = version_when_written(directory);
    const std::uint64_t news = import.news();
    const auto take_record = [&](ChromaRecord&& record) { return import.take(std::move(record), version); };
    TRY(directory.for_each(checked->pair.from, take_record, context_.stop));
    ++report_.deltas;
    if (import.news() > news) report_.with_news.push_back(delta.name);
    return import.flush();
  }

  Result<DeltaImport> finish() {
    for (auto& [entity, import] : imports_) report_.records.emplace(entity, TRY(import.finish()));
    return std::move(report_);
  }

 private:
  struct Checked {
    Path folder;
    ImportPair pair;
  };

  /// Reads all of the delta, so that a damaged one is refused as a whole.
  Result<Checked> check_whole(const ChromaDelta& delta, const Path& room) {
    Checked checked{.folder = TRY(delta.fetch(room))};
    auto directory = TRY(ChromaDirectory::open(checked.folder, room));
    checked.pair = TRY(choose_collections(directory, delta.name, collection_, into_, delta.entity));
    TRY(directory.for_each(checked.pair.from, [](ChromaRecord&&) -> Result<void> { return {}; }, context_.stop));
    return checked;
  }

  /// Only for what says nothing of the other deltas.
  Result<void> refuse(const ChromaDelta& delta, const Error& error) {
    if (!concerns_the_delta(error)) return std::unexpected(error.in(delta.name));
    report_.refused.push_back({delta.name, error.message()});
    context_.log.warning("a delta was refused", {{"delta", delta.name}, {"error", error.message()}});
    return {};
  }

  Result<RecordImport*> import_into(Entity entity) {
    auto place = imports_.find(entity);
    if (place == imports_.end()) {
      place = imports_.emplace(entity, TRY(RecordImport::begin(entity, ports_, context_, mode_))).first;
    }
    return &place->second;
  }

  std::string collection_;
  std::string into_;
  ImportMode mode_;
  const Ports& ports_;
  const StepContext& context_;
  std::map<Entity, RecordImport> imports_;
  DeltaImport report_;
};

Result<void> check_number(const std::vector<ChromaDelta>& deltas) {
  if (deltas.size() <= kDeltasMax) return {};
  return fail(Code::limit_exceeded, "there are more than {} deltas: import them in parts", kDeltasMax);
}

}  // namespace

Result<std::vector<ChromaDelta>> chroma_deltas_at(const Path& place) {
  std::error_code error;
  const auto kind = std::filesystem::status(place, error).type();
  if (kind == std::filesystem::file_type::regular) return std::vector{delta_of_archive(place)};
  if (kind != std::filesystem::file_type::directory) {
    return fail(Code::not_found, "{} is neither a folder nor an archive", place.string());
  }
  if (std::filesystem::exists(place / kChromaFile, error)) return std::vector{delta_of_folder(place)};
  std::vector<ChromaDelta> deltas;
  for (std::filesystem::recursive_directory_iterator entry(place, error), end; !error && entry != end;
       entry.increment(error)) {
    const Path& path = entry->path();
    if (path.filename() == kChromaFile) deltas.push_back(delta_of_folder(path.parent_path()));
    if (path.native().ends_with(kArchiveEnd)) deltas.push_back(delta_of_archive(path));
    TRY(check_number(deltas));
  }
  if (error) return std::unexpected(system_error(error.value(), "looking for deltas", place));
  if (deltas.empty()) {
    return fail(Code::not_found, "{} has no {} and no *{} in it", place.string(), kChromaFile, kArchiveEnd);
  }
  std::ranges::sort(deltas, {}, &ChromaDelta::name);
  return deltas;
}

Result<std::vector<ChromaDelta>> chroma_deltas_in(ObjectStore& vectors) {
  std::vector<ChromaDelta> deltas;
  for (const auto& [prefix, entity] : kStoredPlaces) {
    for (const ObjectInfo& object : TRY(list_all(vectors, std::string(prefix)))) {
      const std::string& key = object.key.str();
      const std::string folder = key.substr(0, key.rfind('/') + 1);
      const bool is_directory = key.size() > folder.size() && key.substr(folder.size()) == kChromaFile;
      if (is_directory) deltas.push_back(delta_of_folder(vectors, folder, entity));
      if (key.ends_with(kArchiveEnd)) deltas.push_back(delta_of_archive(vectors, object.key, entity));
      TRY(check_number(deltas));
    }
  }
  return deltas;
}

Result<DeltaImport> import_deltas(const std::vector<ChromaDelta>& deltas, const std::string& collection,
                                  const std::string& into, const Ports& ports, const StepContext& context,
                                  ImportMode mode) {
  DeltaImporter importer(collection, into, mode, ports, context);
  for (const ChromaDelta& delta : deltas) TRY(importer.take(delta));
  return importer.finish();
}

}  // namespace tillite
