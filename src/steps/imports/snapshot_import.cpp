#include "steps/imports/snapshot_import.h"

#include <algorithm>

#include "steps/generations/collection.h"
#include "vectors/records/record_json.h"

namespace tillite {
namespace {

// The moment that gets the lowest of the versions for imports; as many seconds as there are versions last until 2051.
constexpr std::int64_t kFirstMoment_s = 1'577'836'800;  // 2020-01-01

std::string names_in(const ChromaDirectory& directory) {
  std::string names;
  for (const ChromaCollection& collection : directory.collections()) {
    names += (names.empty() ? "" : ", ") + collection.name;
  }
  return names;
}

Result<ChromaCollection> collection_to_read(const ChromaDirectory& directory, const std::string& place,
                                            const std::string& from, const std::string& into) {
  if (!from.empty()) return directory.collection(from);
  const auto& there = directory.collections();
  if (there.size() == 1) return there.front();
  std::vector<ChromaCollection> called_alike;
  for (const ChromaCollection& collection : there) {
    const bool alike = into.empty() ? entity_of_collection(collection.name).has_value() : collection.name == into;
    if (alike) called_alike.push_back(collection);
  }
  if (called_alike.size() == 1) return called_alike.front();
  if (there.empty()) return fail(Code::not_found, "{} has no collection at all", place);
  return fail(Code::invalid_input, "{} has the collections {}: say which with --collection", place,
              names_in(directory));
}

}  // namespace

Result<ImportPair> choose_collections(const ChromaDirectory& directory, const std::string& place,
                                      const std::string& from, const std::string& into,
                                      std::optional<Entity> otherwise) {
  ImportPair pair{.from = TRY(collection_to_read(directory, place, from, into))};
  if (!into.empty()) {
    pair.into = TRY(entity_of_collection(into));
    return pair;
  }
  const auto same_name = entity_of_collection(pair.from.name);
  if (!same_name && !otherwise) {
    return fail(Code::invalid_input,
                "the collection '{}' of {} is called like none of ours: say --into receipt_lines or receipt_words",
                pair.from.name, place);
  }
  pair.into = same_name ? *same_name : *otherwise;
  return pair;
}

std::int64_t version_when_written(const ChromaDirectory& directory) {
  const std::int64_t versions = -kFirstImportedVersion;
  return kFirstImportedVersion + std::clamp<std::int64_t>(directory.written_s() - kFirstMoment_s, 0, versions - 1);
}

Result<ImportedRecords> import_snapshot(std::span<ChromaDirectory> directories, const std::string& from, Entity into,
                                        const Ports& ports, const StepContext& context,
                                        std::optional<std::int64_t> version) {
  auto import = TRY(RecordImport::begin(into, ports, context));
  for (const ChromaDirectory& directory : directories) TRY(import.check_dimensions(TRY(directory.collection(from))));
  const auto take = [&](ChromaRecord&& record) { return import.take(std::move(record), version); };
  for (ChromaDirectory& directory : directories) {
    TRY(directory.for_each(TRY(directory.collection(from)), take, context.stop));
  }
  return import.finish();
}

}  // namespace tillite
