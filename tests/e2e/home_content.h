#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "app/parts/pipeline_host.h"
#include "base/sqlite.h"
#include "receipts/receipt_items.h"
#include "steps/generations/collection.h"
#include "support/must.h"
#include "support/sample_home.h"
#include "vectors/queries/collection_view.h"

namespace tillite::testing {

using IdVersions = std::map<std::string, std::int64_t>;  ///< item_version by id

/// A home as its files are, read beside the program.
class HomeContent {
 public:
  explicit HomeContent(const Path& home)
      : host_(must(PipelineHost::open(
            {.home = home, .stop = {}, .environment = [](const std::string&) { return std::nullopt; }}))) {}

  /// The lines or words of the table that have this status.
  [[nodiscard]] IdVersions in_table(Entity entity, EmbeddingStatus status) const {
    IdVersions ids;
    const Query rows{.index = Index::type, .hash = std::string(names_of(entity).row_type)};
    must(for_each_item(host_->ports().table, rows, [&](const Item& row) -> Result<void> {
      const ItemState state = TRY(item_state(row));
      if (state.status == status) ids.emplace(TRY(record_id_of(row)).str(), state.item_version);
      return {};
    }));
    return ids;
  }

  /// What the newest version holds. Nothing may wait for a merge.
  [[nodiscard]] IdVersions published(Entity entity) const {
    const auto binding = must(active_collection(entity, host_->ports(), host_->context()));
    const auto scratch = must(ScratchFolder::create(host_->context().scratch));
    const auto view = must(CollectionView::open(host_->ports().vectors, binding, scratch.path()));
    EXPECT_TRUE(view.unmerged_deltas().empty());
    IdVersions ids;
    must(view.for_each_id([&](const RecordId& id, std::int64_t item_version) -> Result<void> {
      EXPECT_TRUE(ids.emplace(id.str(), item_version).second) << id.str() << " is there twice";
      return {};
    }));
    return ids;
  }

 private:
  std::unique_ptr<PipelineHost> host_;
};

/// Every line of `left` that has no equal in `right`, and the reverse; empty if the two are one.
inline std::string difference(const IdVersions& left, const IdVersions& right) {
  std::vector<std::pair<std::string, std::int64_t>> found;
  std::ranges::set_symmetric_difference(left, right, std::back_inserter(found));
  std::string text;
  for (const auto& [id, version] : found) {
    if (text.size() > 1000) return fmt::format("{}... {} in all", text, found.size());
    text += fmt::format("{} (version {}) is in one only\n", id, version);
  }
  return text;
}

}  // namespace tillite::testing
