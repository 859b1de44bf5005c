#include "adapters/local/folder_object_store.h"
#include "adapters/local/home.h"
#include "library/source.h"
#include "steps/generations/collection.h"

namespace tillite::v1 {
namespace {

/// The parts of a home that a view reads, in the order in which they need each other.
struct OpenedHome {
  std::unique_ptr<FolderObjectStore> vectors;
  ScratchFolder scratch;
  CollectionView view;
};

class HomeSource final : public Collection::Source {
 public:
  HomeSource(Facts facts, OpenedHome opened) : Source(std::move(facts)), opened_(std::move(opened)) {}

  Result<std::vector<QueryHit>> query(std::vector<float> vector, std::size_t k, const Where& where) const override {
    return opened_.view.query(std::move(vector), k, where);
  }
  Result<std::vector<StoredRecord>> get(const std::vector<RecordId>& ids, bool with_vectors) const override {
    return opened_.view.get(ids, with_vectors);
  }

 private:
  OpenedHome opened_;
};

}  // namespace

Result<std::unique_ptr<Collection::Source>> open_home_source(const Path& folder, std::string_view collection) {
  const Entity entity = TRY(entity_of_collection(collection));
  const Home home = TRY(Home::open(folder, /*create=*/false));
  auto vectors = TRY(FolderObjectStore::open(home.vectors_folder()));
  const auto binding = TRY(stored_binding(entity, *vectors));
  if (!binding) {
    return fail(Code::not_found, "{} has no {} yet: import receipts and run first", folder.string(), collection);
  }
  auto scratch = TRY(ScratchFolder::create(home.scratch_folder()));
  auto view = TRY(CollectionView::open(*vectors, *binding, scratch.path()));
  Collection::Source::Facts facts{
      .name = binding->collection, .model = binding->model, .dimensions = binding->dimensions, .size = view.size()};
  return std::make_unique<HomeSource>(std::move(facts),
                                      OpenedHome{std::move(vectors), std::move(scratch), std::move(view)});
}

}  // namespace tillite::v1
