#pragma once

#include <functional>
#include <span>

#include "receipts/receipt_items.h"
#include "steps/step.h"

namespace tillite {

/// An item that was given up: its attempts were used up, or its text cannot be sent.
struct FailedItem {
  RecordId id;
  std::string text;    ///< of the line or word itself
  std::string reason;  ///< the provider's, where it gave one
  std::int64_t attempts = 0;
};

/// The first `limit` of an entity's FAILED items, by id.
[[nodiscard]] Result<std::vector<FailedItem>> failed_items(Entity entity, std::size_t limit, Table& table);

/// Releases FAILED items: they are NONE again, with all their attempts, and the next run sends them. The answer says of
/// each whether it was FAILED until now.
[[nodiscard]] Result<std::vector<bool>> retry_items(std::span<const RecordId> ids, Table& table);
/// All of an entity; how many were released.
[[nodiscard]] Result<std::size_t> retry_all_items(Entity entity, Table& table);

}  // namespace tillite
