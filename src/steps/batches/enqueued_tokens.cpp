#include "steps/batches/enqueued_tokens.h"

#include <algorithm>

#include "embedding/batch_files.h"
#include "embedding/tokens/tokenizer.h"
#include "steps/batches/model_facts.h"
#include "steps/generations/retirement.h"

namespace tillite {
namespace {

constexpr std::string_view kTokens = "tokens";
constexpr std::string_view kRecounted = "recounted_at_ms";
constexpr std::int64_t kRecountEveryMs = 10 * 60'000;
constexpr int kTriesMax = 50;
constexpr std::size_t kRequestBytesMax = std::size_t{1} << 20;

ItemKey sum_key(const std::string& model) { return {fmt::format("MODEL#{}", model), "ENQUEUED_TOKENS"}; }

struct Sum {
  std::optional<std::int64_t> tokens;  ///< nothing if there is no row yet
  std::int64_t recounted_ms = 0;       ///< when it was last compared with the rows
};

Result<Sum> read_row(const std::string& model, Table& table) {
  const auto row = TRY(table.get(sum_key(model)));
  if (!row) return Sum();
  Sum sum;
  sum.tokens = TRY(optional_int(*row, kTokens));
  sum.recounted_ms = TRY(optional_int(*row, kRecounted)).value_or(0);
  return sum;
}

/// A model's sum as it was read: nothing if there is no row yet.
Result<std::optional<std::int64_t>> read_sum(const std::string& model, Table& table) {
  return TRY(read_row(model, table)).tokens;
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

/// The tokens of all batches that can give them back: open, and with a row that can be read.
Result<std::int64_t> reserved_by_rows(const std::string& model, Table& table) {
  std::vector<ItemKey> keys;
  for (const Entity entity : kEntities) {
    for (const Batch& batch : TRY(batches_in(table, entity, kOpenStatuses))) keys.push_back(batch_row_key(batch.id));
  }
  std::int64_t tokens = 0;
  for (const auto& row : TRY(table.get_each(keys))) {  // an index may not have heard of a reservation yet
    if (!row) continue;
    const auto batch = parse_batch(*row);
    if (batch && batch->tokens_model == model) tokens += batch->tokens_reserved;
  }
  return tokens;
}

/// Where there is no room: batches whose rows were damaged, or removed by somebody, never give back what they had
/// reserved, and would keep all others waiting for ever. Whether the sum was lowered; asked once in a while only.
Result<bool> recount(const std::string& model, const Sum& sum, Table& table, std::int64_t now_ms) {
  if (now_ms - sum.recounted_ms < kRecountEveryMs) return false;
  const std::int64_t tokens = std::min(*sum.tokens, TRY(reserved_by_rows(model, table)));
  Update update = sum_update(model, sum.tokens, tokens);
  update.set[std::string(kRecounted)] = now_ms;
  const auto written = table.write(update);
  if (!written && written.error().code() != Code::conflict) return std::unexpected(written.error());
  return !written || tokens < *sum.tokens;
}

/// What became of one try; nothing: somebody else wrote in between.
Result<std::optional<bool>> try_to_reserve(const BatchId& id, std::int64_t tokens, const std::string& model,
                                           std::uint64_t limit, Table& table, std::int64_t now_ms) {
  const Sum sum = TRY(read_row(model, table));
  const std::int64_t enqueued = sum.tokens.value_or(0);
  if (enqueued > 0 && static_cast<std::uint64_t>(enqueued + tokens) > limit) {
    if (TRY(recount(model, sum, table, now_ms))) return std::nullopt;
    return false;
  }
  const auto written =
      table.transact({reservation(id, model, tokens), sum_update(model, sum.tokens, enqueued + tokens)});
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
    const auto reserved = TRY(
        try_to_reserve(batch.id, tokens, model.name, *model.enqueued_tokens_max, ports.table, ports.clock.now_ms()));
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
