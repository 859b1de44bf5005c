#pragma once

#include "receipts/receipt_items.h"
#include "steps/step.h"

namespace tillite {

/// What importing one receipt did (or would do).
struct ImportedReceipt {
  bool is_new = false;
  bool changed = false;  ///< something was written
  std::size_t lines = 0;
  std::size_t words = 0;
  std::size_t to_embed = 0;       ///< items that are new or whose text changed
  std::size_t metadata_only = 0;  ///< items whose metadata changed alone
  std::size_t removed = 0;        ///< items that became tombstones
};

/// Brings the table to what `receipt` says, and marks noise. The same receipt again changes nothing. Another text:
/// items whose input text changed (a word's neighbours count) get the next item_version and go back to NONE; those that
/// are gone become tombstones; changed metadata alone waits in the outbox. Conditional on what was read, so that a
/// claim at the same time is never overwritten. With `dry_run` nothing is written.
[[nodiscard]] Result<ImportedReceipt> import_receipt(const Receipt& receipt, bool dry_run, const Ports& ports,
                                                     const StepContext& context);

/// Removes a receipt: its items become tombstones and wait in the outbox, its other rows go. The answer: how many items
/// were removed. `not_found` if there is no such receipt.
[[nodiscard]] Result<std::size_t> remove_receipt(const ImageId& image, int receipt_id, const Ports& ports,
                                                 const StepContext& context);

}  // namespace tillite
