#pragma once

#include <tillite/collection.h>

#include "vectors/queries/collection_view.h"

namespace tillite::v1 {

/// Where a collection is read from. Threads: any.
class Collection::Source {
 public:
  struct Facts {
    std::string name;
    std::string model;  ///< empty if it is not known
    std::size_t dimensions = 0;
    std::uint64_t size = 0;
  };

  explicit Source(Facts facts) : facts_(std::move(facts)) {}
  virtual ~Source() = default;

  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] virtual Result<std::vector<QueryHit>> query(std::vector<float> vector, std::size_t k,
                                                            const Where& where) const = 0;
  [[nodiscard]] virtual Result<std::vector<StoredRecord>> get(const std::vector<RecordId>& ids,
                                                              bool with_vectors) const = 0;

 private:
  Facts facts_;
};

/// Of a home: Collection::open_home.
[[nodiscard]] Result<std::unique_ptr<Collection::Source>> open_home_source(const Path& home,
                                                                           std::string_view collection);
/// Of an exported folder: Collection::open_export.
[[nodiscard]] Result<std::unique_ptr<Collection::Source>> open_export_source(const Path& folder,
                                                                             std::string_view model);

}  // namespace tillite::v1
