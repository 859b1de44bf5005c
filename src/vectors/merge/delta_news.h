#pragma once

#include <memory>
#include <stop_token>

#include "ports/object_store.h"
#include "vectors/deltas/run_file.h"
#include "vectors/merge/record_news.h"

namespace tillite {

/// What a few deltas say, without a run in between: all their lines are read first, so that each vector can be written
/// where it will stay.
class DeltaNews final : public RecordNews {
 public:
  /// Reads deltas on several threads; their vectors go into a file below `scratch` with this layout. A delta that is
  /// corrupt, or bound to something else, is quarantined in the header and does not stop its neighbours; one that is
  /// not there is `not_found` (naming it); a store that fails is an error; `cancelled` soon after `stop` was requested.
  /// Nothing if there are more than 32 of them, or their lines have more than `lines_bytes_max` bytes, each counted
  /// with 300 more: that is for runs. Memory: twice that.
  [[nodiscard]] static Result<std::optional<DeltaNews>> read(ObjectStore& objects, const CollectionBinding& binding,
                                                             const std::vector<DeltaId>& deltas, const Path& scratch,
                                                             const RowLayout& layout, std::uint64_t lines_bytes_max,
                                                             const std::stop_token& stop = {});
  DeltaNews(DeltaNews&&) noexcept;
  DeltaNews& operator=(DeltaNews&&) noexcept;
  ~DeltaNews() override;

  /// What went in, and what was quarantined.
  [[nodiscard]] const RunHeader& header() const;
  [[nodiscard]] Result<std::optional<std::pair<RecordId, RecordState>>> next() override;
  [[nodiscard]] Result<bool> is_empty() override;
  [[nodiscard]] std::optional<RowFile> rows() const override;

 private:
  class Parts;
  explicit DeltaNews(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
