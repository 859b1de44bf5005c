// Prints an example of every kind of key that the program makes in its two buckets, as JSON: the lifecycle rules of
// infra/ are held against them. Made by the builders that the steps use, so that a key that changes changes the
// example.
#include <iostream>

#include "adapters/local/folder_object_store.h"
#include "receipts/entity.h"
#include "steps/batches/batch.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

using testing::must;
using testing::TempFolder;

constexpr std::int64_t kGeneration = 3;
constexpr std::int64_t kNumber = 17;
constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// What was paid for, or names it: it goes when nothing needs it any more, and not by its age.
std::vector<std::string> kept(std::string_view collection) {
  const std::string snapshot = snapshot_folder(collection, kGeneration, kNumber, 5, "9b2f");
  return {root_key(collection).str(),
          delta_key(collection, kGeneration, DeltaId(kUuid)).str(),
          manifest_key(collection, kGeneration, kNumber).str(),
          pointer_key(collection, kGeneration).str(),
          boundary_key(collection, kGeneration).str(),
          shard_folder(snapshot, 0, 1) + "chroma.sqlite3",
          shard_folder(snapshot, 2, 4) + "chroma.sqlite3"};
}

/// What is made anew from the deltas where it is missing.
std::vector<std::string> made_anew() {
  const ObjectKey intermediate = intermediate_key("arn-aws-states-execution", 0, {DeltaId(kUuid)});
  std::vector<std::string> keys;
  for (const int shards : {1, 2}) {
    for (const ObjectKey& run : intermediate_runs(intermediate, shards)) keys.push_back(run.str());
  }
  return keys;
}

std::vector<std::string> batch_files(std::string_view folder, ObjectStore& store) {
  return {must(store_by_content(store, folder, kUuid, ".items.ndjson", "{}\n")).str(),
          must(store_by_content(store, folder, kUuid, ".ndjson", "{}\n")).str()};
}

Json all_keys() {
  const TempFolder folder;
  const auto store = must(FolderObjectStore::open(folder.path()));
  Json keys = {{"kept", Json::array()}, {"made_anew", made_anew()}, {"batch_files", Json::array()}};
  for (const Entity entity : {Entity::line, Entity::word}) {
    for (auto& key : kept(names_of(entity).collection)) keys["kept"].push_back(std::move(key));
    for (auto& key : batch_files(names_of(entity).batch_folder, *store)) keys["batch_files"].push_back(std::move(key));
  }
  return keys;
}

}  // namespace
}  // namespace tillite

int main() {
  std::cout << tillite::all_keys().dump(2) << '\n';
  return 0;
}
