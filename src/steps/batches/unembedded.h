#pragma once

#include <functional>
#include <vector>

#include "embedding/batch_plan.h"
#include "embedding/input_format.h"
#include "steps/step.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// The items of a receipt that wait for an embedding, are not deferred, and whose stored hash is that of their text,
/// with their texts and what these count in tokens as they are sent. Another hash means that the receipt is being
/// replaced right now: whoever looks next finds it whole.
[[nodiscard]] Result<std::vector<BatchItem>> unembedded_items(const StoredReceipt& stored,
                                                              const CollectionBinding& binding, std::int64_t now_ms,
                                                              const InputLimit& limit);

/// Hears of the items of one receipt; whether the walk goes on.
using UnembeddedItems = std::function<Result<bool>(std::vector<BatchItem> items)>;

/// Walks over all receipts that have items without an embedding, in the order of their ids, and hands out these items,
/// receipt by receipt. The answer: how many receipts were passed over because they cannot be read; each is logged.
/// Memory: a page of the index and a receipt. `cancelled` when the stop token is requested.
[[nodiscard]] Result<std::size_t> walk_unembedded(Entity entity, const CollectionBinding& binding, const Ports& ports,
                                                  const StepContext& context, const UnembeddedItems& each);

/// Whether an item of an entity waits only for the time from which it may be sent again.
[[nodiscard]] Result<bool> any_deferred(Entity entity, Table& table, std::int64_t now_ms);

}  // namespace tillite
