#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

// Tokens that batches have at the provider. A model's limit of them does not turn a create down: the batch fails later,
// and has to be sent again. So a batch reserves its tokens before it is submitted and gives them back when it has
// ended.
//
// A reservation stands on the batch's row (tokens_reserved, tokens_model), the sum of a model's in a row of its own
// (docs/formats/table.md). Both change in one transaction, whatever crashes: the sum is that of the rows, always.

/// Reserves a prepared batch's tokens, if the model of its generation has a limit. Whether it may be submitted now:
/// false if it has to wait until others have ended. One that is above the limit by itself goes when nothing else is
/// enqueued. A batch that has its tokens keeps them. `conflict` if others reserve all the time: worth a retry.
[[nodiscard]] Result<bool> reserve_tokens(const Batch& batch, const Ports& ports, const StepContext& context);

/// Writes `update` of a batch's row that says that the provider is done with it, and gives the tokens back that the
/// batch has reserved, both or none. `conflict` if the update's condition does not hold.
[[nodiscard]] Result<void> write_and_give_back(const BatchId& batch, Update update, Table& table);

/// The tokens of a model that batches have reserved.
[[nodiscard]] Result<std::uint64_t> tokens_enqueued(const std::string& model, Table& table);

/// What the requests of a batch count: as its row says, or, in rows of older programs, as its file says.
[[nodiscard]] Result<std::uint64_t> tokens_of(const Batch& batch, ObjectStore& batch_files);

}  // namespace tillite
