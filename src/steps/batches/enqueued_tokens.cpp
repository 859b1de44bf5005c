#include "steps/batches/enqueued_tokens.h"

#include <algorithm>

#include "embedding/batch_files.h"
#include "embedding/tokens/tokenizer.h"
#include "steps/batches/model_facts.h"
#include "steps/generations/retirement.h"

namespace tillite {
namespace {

constexpr std::string_view kTokens = "tokens";
constexpr int kTriesMax = 50;
constexpr std::size_t kRequestBytesMax = std::size_t{1} << 20;

ItemKey sum_key(const std::string& model) { return {fmt::format("MODEL#{}", model), "ENQUEUED_TOKENS"}; }

/// A model's sum as it was read: nothing if there is no row yet.
Result<std::optional<std::int64_t>> read_sum(const std::string& model, Table& table) {
  const auto row = TRY(table.get(sum_key(model)));
  if (!row) return std::nullopt;
  return TRY(optional_int(*row, kTokens));
}

/// The write that moves a sum, if it still is what was read.
Update sum_update(const std::string& model, const std::optional<std::int64_t>& from, std::int64_t to) {
  const std::string tokens(kTokens);
  return {.key = sum_key(model),
          .set = {{"TYPE", "ENQUEUED_TOKENS"}, {kTokens, to}},
          .condition = {from ? equal(tokens, *from) : absent(tokens)}};
}

Update reservation(const BatchId& batch, const std::string& model, std::int64_t tokens) {
  return {.key = batch_row_key(batch),
          .set = {{"tokens_reserved", tokens}, {"tokens_model", model}},
          .condition = {absent("tokens_reserved"), absent("openai_batch_id"), equal("status", "PENDING")}};
}

/// What became of one try; nothing: somebody else wrote in between.
Result<std::optional<bool>> try_to_reserve(const BatchId& id, std::int64_t tokens, const std::string& model,
                                           std::uint64_t limit, Table& table) {
  const auto sum = TRY(read_sum(model, table));
  const std::int64_t enqueued = sum.value_or(0);
  if (enqueued > 0 && static_cast<std::uint64_t>(enqueued + tokens) > limit) return false;
  const auto written = table.transact({reservation(id, model, tokens), sum_update(model, sum, enqueued + tokens)});
  if (written) return true;
  if (written.error().code() != Code::conflict) return std::unexpected(written.error());
  const Batch now = TRY(read_batch(table, id));
  // Somebody else works on the same batch: what comes next settles it.
  if (now.tokens_reserved > 0 || !now.is_prepared()) return true;
  return std::nullopt;
}

}  // namespace

Result<bool> reserve_tokens(const Batch& batch, const Ports& ports, const StepContext& context) {
  if (batch.tokens_reserved > 0) return true;
  const auto binding = TRY(binding_of_batch(batch, ports));
  const EmbeddingModel model = facts_of(binding ? binding->model : context.settings.model, context.settings);
  if (!model.enqueued_tokens_max) return true;
  const auto tokens = static_cast<std::int64_t>(TRY(tokens_of(batch, ports.batch_files)));
  if (tokens == 0) return true;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto reserved = TRY(try_to_reserve(batch.id, tokens, model.name, *model.enqueued_tokens_max, ports.table));
    if (reserved) return *reserved;
  }
  return fail(Code::conflict, "others reserve and give back tokens of {} all the time: try again", model.name);
}

Result<void> write_and_give_back(const BatchId& batch, Update update, Table& table) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto row = TRY(table.get(batch_row_key(batch)));
    if (!row || !holds(update.condition, &*row)) return table.write(update);  // which says that it does not hold
    const Batch now = TRY(parse_batch(*row));
    if (now.tokens_reserved == 0) return table.write(update);

    Update with_tokens = update;
    with_tokens.remove.insert(with_tokens.remove.end(), {"tokens_reserved", "tokens_model"});
    with_tokens.condition.push_back(equal("tokens_reserved", now.tokens_reserved));
    const auto sum = TRY(read_sum(now.tokens_model, table));
    const std::int64_t left = std::max<std::int64_t>(sum.value_or(0) - now.tokens_reserved, 0);
    auto written = table.transact({std::move(with_tokens), sum_update(now.tokens_model, sum, left)});
    if (written || written.error().code() != Code::conflict) return written;
  }
  return fail(Code::conflict, "the batch {} cannot give its tokens back: others do so all the time", batch.str());
}

Result<std::uint64_t> tokens_enqueued(const std::string& model, Table& table) {
  return static_cast<std::uint64_t>(TRY(read_sum(model, table)).value_or(0));
}

Result<std::uint64_t> tokens_of(const Batch& batch, ObjectStore& batch_files) {
  if (batch.token_count > 0 || batch.requests_key.empty()) return static_cast<std::uint64_t>(batch.token_count);
  const auto file = TRY(batch_files.open(ObjectKey(batch.requests_key)));
  LineReader lines(*file, kRequestBytesMax);
  std::uint64_t tokens = 0;
  while (true) {
    const auto line = TRY(lines.next());
    if (line.status == LineReader::Status::end) return tokens;
    tokens += TRY(cl100k_base().count_tokens(TRY(parse_request_line(line.text)).input));
  }
}

}  // namespace tillite
