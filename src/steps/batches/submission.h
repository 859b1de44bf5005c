#pragma once

#include <functional>
#include <optional>

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

// What submitting a batch, cancelling it, and looking for lost ones have in common: the right to submit it, and how its
// batch at the provider is found again.

/// The key of the provider's metadata that carries our batch's id.
inline constexpr std::string_view kOwnIdKey = "tillite_batch_id";

/// The id of our batch that a batch of the provider's carries; empty if it carries none.
[[nodiscard]] BatchId own_id_of(const ProviderBatch& batch);
/// The name under which a batch's requests are uploaded: "{batch}.ndjson".
[[nodiscard]] std::string input_file_name(const BatchId& id);

/// Reserves the submit of a prepared batch for the holder of `token`: others leave the batch alone until the
/// reservation runs out. False if somebody else has it, or the batch is prepared no more.
[[nodiscard]] Result<bool> reserve_submit(const Batch& batch, const std::string& token, const Ports& ports,
                                          const Settings& settings);

/// Gives the right up before it runs out, if `token` still has it: nothing was begun that must be looked for.
[[nodiscard]] Result<void> give_up_submit(const BatchId& id, const std::string& token, Table& table);

/// Calls `each` for the provider's batches, newest first, until it answers false or there are no more.
/// `limit_exceeded` behind 50,000 of them.
[[nodiscard]] Result<void> for_each_provider_batch(BatchProvider& provider,
                                                   const std::function<Result<bool>(const ProviderBatch&)>& each);

/// An earlier submit got as far as uploading: its batch at the provider if it was created, else nothing, and then it
/// cannot be any more.
[[nodiscard]] Result<std::optional<ProviderBatch>> recover_submit(const Batch& batch, BatchProvider& provider);

/// Records that a batch was submitted, and gives the reservation back. One that was adopted meanwhile stays as it is.
[[nodiscard]] Result<void> record_submit(const Batch& batch, const ProviderBatch& created, const Ports& ports);

}  // namespace tillite
