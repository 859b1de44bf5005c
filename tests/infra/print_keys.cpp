// Prints an example of every kind of key that the program makes in its two buckets, as JSON: the lifecycle rules of
// infra/ are held against them. Made by the builders that the steps use, so that a key that changes changes the
// example.
#include <iostream>

#include "adapters/local/folder_object_store.h"
#include "receipts/entity.h"
#include "steps/batch.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/keys.h"

namespace tillite {
namespace {

using testing::must;
using testing::TempFolder;

constexpr std::int64_t kGeneration = 3;
constexpr std::int64_t kNumber = 17;
constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

Json keys_of_vectors(Entity entity) {
  const std::string_view collection = names_of(entity).collection;
  const DeltaId delta{kUuid};
  const std::string snapshot = snapshot_folder(collection, kGeneration, kNumber, 5, "9b2f");
  Json intermediates = Json::array();
  const ObjectKey intermediate = intermediate_key("arn-aws-states-execution", 0, {delta});
  for (const int shards : {1, 4}) {
    for (const ObjectKey& run : intermediate_runs(intermediate, shards)) intermediates.push_back(run.str());
  }
  return {{"kept",
           {root_key(collection).str(), delta_key(collection, kGeneration, delta).str(),
            manifest_key(collection, kGeneration, kNumber).str(), pointer_key(collection, kGeneration).str(),
            boundary_key(collection, kGeneration).str(), shard_folder(snapshot, 0, 1) + "chroma.sqlite3",
            shard_folder(snapshot, 2, 4) + "chroma.sqlite3"}},
          {"made_anew", intermediates}};
}

Json keys_of_batch_files(Entity entity, ObjectStore& store) {
  Json keys = Json::array();
  for (const std::string_view suffix : {".items.ndjson", ".ndjson"}) {
    keys.push_back(must(store_by_content(store, names_of(entity).batch_folder, kUuid, suffix, "{}\n")).str());
  }
  return keys;
}

Json all_keys() {
  const TempFolder folder;
  const auto store = must(FolderObjectStore::open(folder.path()));
  Json keys = {{"vectors", Json::array()}, {"batch_files", Json::array()}};
  for (const Entity entity : {Entity::line, Entity::word}) {
    keys["vectors"].push_back(keys_of_vectors(entity));
    for (const Json& key : keys_of_batch_files(entity, *store)) keys["batch_files"].push_back(key);
  }
  return keys;
}

}  // namespace
}  // namespace tillite

int main() {
  std::cout << tillite::all_keys().dump(2) << '\n';
  return 0;
}
