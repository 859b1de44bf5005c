#include "steps/batches/item_claims.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "embedding/batch_files.h"
#include "embedding/text_key.h"
#include "steps/batches/model_facts.h"
#include "steps/batches/text_claims.h"
#include "steps/generations/backfill_claims.h"

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

std::string status_text(EmbeddingStatus status) { return std::string(status_name(status)); }

/// The update that moves an item from NONE into a batch, if its text is still the one that was read: an import may have
/// been faster. Its item_version stays the row's.
Update claim(const BatchItem& item, const Batch& batch) {
  Json set = status_keys(item.id, EmbeddingStatus::pending);
  set["embedding_batch_id"] = batch.id.str();
  set["input_hash"] = item.input_hash;
  if (batch.generation > 1) set["input_generation"] = batch.generation;
  return {.key = row_key(item.id),
          .set = std::move(set),
          .remove = {"failure_reason"},
          .condition = {equal("embedding_status", status_text(EmbeddingStatus::none)),
                        item.stored_hash.empty() ? absent("input_hash") : equal("input_hash", item.stored_hash)}};
}

/// Items with their texts and versions as the receipts have them now; those whose text has changed are left out.
Result<std::vector<BatchItem>> with_inputs(const std::vector<BatchItem>& items, InputFormat format, Table& table) {
  std::vector<BatchItem> current;
  TRY(for_each_receipt(table, items,
                       [&](const ReceiptRead& read, std::span<const BatchItem> of_receipt) -> Result<void> {
                         const StoredReceipt* const stored = read.receipt;
                         if (stored == nullptr) return {};
                         const auto inputs = embedding_inputs(stored->receipt, format);
                         for (const BatchItem& item : of_receipt) {
                           const auto input = inputs.find(item.id);
                           if (input == inputs.end() || input_hash(input->second) != item.input_hash) continue;
                           current.push_back(item);
                           current.back().input = input->second;
                           const auto state = stored->states.find(item.id);
                           if (state != stored->states.end()) current.back().stored_hash = state->second.input_hash;
                         }
                         return {};
                       }));
  return current;
}

/// The items whose texts this batch may send.
Result<std::vector<BatchItem>> with_texts_won(std::vector<BatchItem> items, const BatchId& batch,
                                              const CollectionBinding& binding, const Ports& ports) {
  std::vector<TextKey> keys;
  std::unordered_map<std::string, std::size_t> key_of_text;
  for (const BatchItem& item : items) {
    if (key_of_text.try_emplace(item.input_hash, keys.size()).second)
      keys.push_back(text_key(binding, item.input_hash));
  }
  std::vector<bool> won;
  won.reserve(keys.size());
  for (std::span<const TextKey> rest(keys); !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kWritesAtOnce));
    const std::vector<bool> ours = TRY(claim_texts(batch, some, ports));
    won.insert(won.end(), ours.begin(), ours.end());
    rest = rest.subspan(some.size());
  }
  std::erase_if(items, [&](const BatchItem& item) { return !won[key_of_text.at(item.input_hash)]; });
  return items;
}

struct Requests {
  std::string text;  ///< NDJSON
  std::size_t count = 0;
  std::size_t tokens = 0;
};

/// A request for each text, in the name of the first item that has it.
Result<Requests> requests_of(const std::vector<BatchItem>& items, const RequestBody& body, const InputLimit& limit,
                             const Logger& log) {
  Requests requests;
  std::unordered_set<std::string_view> texts;
  for (const BatchItem& item : items) {
    if (!texts.insert(item.input_hash).second) continue;
    const SentInput sent = TRY(sent_input(cl100k_base(), item.input, limit));
    if (sent.fate == SentInput::Fate::cut) {
      log.warning("a text is too long: its front is sent",
                  {{"id", item.id.str()}, {"tokens", sent.tokens_of_whole}, {"tokens_sent", sent.tokens}});
    }
    requests.text += request_line(item.id, sent.text, body);
    requests.tokens += sent.tokens;
    ++requests.count;
  }
  return requests;
}

/// Fails the items of a batch whose texts are not sent because they are too long; the others.
Result<std::vector<BatchItem>> without_refused(std::vector<BatchItem> items, const Batch& batch,
                                               const InputLimit& limit, const Ports& ports, const Settings& settings) {
  std::vector<BatchItem> sent_items;
  std::vector<Write> failures;
  for (BatchItem& item : items) {
    const bool may_be_too_long = item.input.size() > limit.tokens_max;  // no token is shorter than a byte
    SentInput sent;
    if (may_be_too_long) sent = TRY(sent_input(cl100k_base(), item.input, limit));
    if (sent.fate != SentInput::Fate::refused) {
      sent_items.push_back(std::move(item));
      continue;
    }
    const std::string reason = fmt::format("too_long: the text has {} tokens, at most {} are sent (EMBEDDING_TOO_LONG)",
                                           sent.tokens_of_whole, limit.tokens_max);
    if (batch.backfill) {
      failures.emplace_back(refuse_for_backfill(batch, item, reason, settings));
      continue;
    }
    Json set = status_keys(item.id, EmbeddingStatus::failed);
    set["failure_reason"] = reason;
    failures.emplace_back(Update{.key = row_key(item.id),
                                 .set = std::move(set),
                                 .remove = {"embedding_batch_id"},
                                 .condition = claimed_by(batch.id, item.input_hash)});
  }
  TRY(ports.table.write_each(failures));
  return sent_items;
}

/// Claims items for the batch. For each whether this batch has it: won now, or by an earlier call.
Result<std::vector<bool>> claim_items(const Batch& batch, std::span<const BatchItem> items, Table& table) {
  std::vector<Write> claims;
  claims.reserve(items.size());
  for (const BatchItem& item : items) claims.emplace_back(claim(item, batch));
  auto won = TRY(table.write_each(claims));
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (won[i]) continue;
    const auto row = TRY(table.get(row_key(items[i].id)));
    won[i] = row && holds(claimed_by(batch.id, items[i].input_hash), &*row);
  }
  return won;
}

/// The items that this batch has. They are claimed some at a time: a claim takes more room than its item.
Result<std::vector<BatchItem>> items_won(const Batch& batch, std::vector<BatchItem> items, const Ports& ports) {
  std::vector<BatchItem> won;
  won.reserve(items.size());
  for (std::span<BatchItem> rest(items); !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kWritesAtOnce));
    const auto is_won =
        TRY(batch.backfill ? claim_for_backfill(batch, some, ports) : claim_items(batch, some, ports.table));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (is_won[i]) won.push_back(std::move(some[i]));
    }
    rest = rest.subspan(some.size());
  }
  return won;
}

}  // namespace

std::int64_t deferred_until_ms(std::int64_t deferrals, std::int64_t now_ms, const Settings& settings) {
  constexpr std::int64_t doublings_max = 5;
  return now_ms + (settings.deferral_ms << std::min(deferrals - 1, doublings_max));
}

Condition claimed_by(const BatchId& batch, const std::string& input_hash) {
  return {equal("embedding_status", status_text(EmbeddingStatus::pending)), equal("embedding_batch_id", batch.str()),
          equal("input_hash", input_hash)};
}

Result<void> for_each_receipt(
    Table& table, const std::vector<BatchItem>& items,
    const std::function<Result<void>(const ReceiptRead& read, std::span<const BatchItem> items)>& each) {
  for (std::size_t begin = 0; begin < items.size();) {
    const RecordName name = TRY(parse_record_id(items[begin].id));
    const std::string receipt = receipt_name(name.image_id, name.receipt_id) + "#";
    std::size_t end = begin + 1;
    while (end < items.size() && items[end].id.str().starts_with(receipt)) ++end;
    const auto stored = load_receipt(table, name.image_id, name.receipt_id);
    if (!stored && stored.error().code() != Code::corrupt) return std::unexpected(stored.error());
    ReceiptRead read;
    if (!stored) read.damage = stored.error().message();
    if (stored && *stored) read.receipt = &**stored;
    TRY(each(read, std::span(items).subspan(begin, end - begin)));
    begin = end;
  }
  return {};
}

Result<Batch> claim_and_write_requests(const Batch& batch, std::vector<BatchItem> items,
                                       const CollectionBinding& binding, const Ports& ports,
                                       const StepContext& context) {
  if (items.empty() || items.front().input.empty()) {
    items = TRY(with_inputs(items, TRY(parse_input_format(batch.embedding_format)), ports.table));
  }
  if (batch.source != VectorSource::cache) items = TRY(with_texts_won(std::move(items), batch.id, binding, ports));
  auto won = TRY(items_won(batch, std::move(items), ports));
  const InputLimit limit = input_limit_of(binding.model, context.settings);
  if (batch.source != VectorSource::cache) {
    won = TRY(without_refused(std::move(won), batch, limit, ports, context.settings));
  }

  Update update{.key = batch_row_key(batch.id),
                .set = {{"item_count", won.size()}},
                .condition = {absent("s3_key"), equal("status", batch_status_name(BatchStatus::pending))}};
  if (won.empty()) {
    update.set.update(batch_status_keys(batch.id, batch.entity, BatchStatus::cancelled));
    update.set["error_summary"] = "none of its items was left to embed";
    update.condition.push_back(absent("openai_batch_id"));
  } else if (batch.source == VectorSource::cache) {
    update.set["s3_key"] = batch.items_key;
  } else {
    const Requests requests = TRY(requests_of(won, request_body_of(binding), limit, context.log));
    const ObjectKey key = TRY(store_by_content(ports.batch_files, names_of(batch.entity).batch_folder, batch.id.str(),
                                               ".ndjson", requests.text));
    update.set["s3_key"] = key.str();
    update.set["request_count"] = requests.count;
    update.set["token_count"] = requests.tokens;
  }
  // Somebody else may have finished the same prepared batch first: theirs stands.
  const auto recorded = ports.table.write(update);
  if (!recorded && recorded.error().code() != Code::conflict) return std::unexpected(recorded.error());
  Batch now = TRY(read_batch(ports.table, batch.id));
  if (!recorded && !now.is_prepared() && now.openai_batch_id.empty() && now.delta_id.empty()) {
    // It was cancelled while this call was claiming: nobody would ever take back what it won late.
    std::vector<std::pair<BatchItem, Release>> late;
    late.reserve(won.size());
    for (BatchItem& item : won) late.emplace_back(std::move(item), Release{.reason = "its batch was cancelled"});
    TRY(release_items(batch, late, ports, context.settings));
  }
  return now;
}

Result<std::vector<BatchItem>> items_of(const Batch& batch, const Ports& ports) {
  auto listed = read_items(ports.batch_files, batch);
  if (listed || (listed.error().code() != Code::not_found && listed.error().code() != Code::corrupt)) return listed;
  std::vector<BatchItem> items;
  const Query query{.index = Index::gsi1,
                    .hash = "EMBEDDING_STATUS#" + status_text(EmbeddingStatus::pending),
                    .range_prefix = std::string(names_of(batch.entity).index_prefix)};
  TRY(for_each_item(ports.table, query, [&](const Item& row) -> Result<void> {
    const auto state = item_state(row);
    if (!state || state->batch_id != batch.id) return {};
    items.push_back({TRY(record_id_of(row)), state->input_hash, state->item_version, ""});
    return {};
  }));
  return items;
}

Result<Released> release_items(const Batch& batch, const std::vector<std::pair<BatchItem, Release>>& items,
                               const Ports& ports, const Settings& settings) {
  if (batch.backfill) return release_from_backfill(batch, items, ports, settings);
  Released released;
  for (std::size_t begin = 0; begin < items.size(); begin += kWritesAtOnce) {
    const auto part = std::span(items).subspan(begin, std::min(kWritesAtOnce, items.size() - begin));
    std::vector<Write> writes;
    std::vector<bool> fails;
    for (const auto& [item, release] : part) {
      const auto row = TRY(ports.table.get(row_key(item.id)));
      if (!row || !holds(claimed_by(batch.id, item.input_hash), &*row)) continue;
      const auto read = item_state(*row);
      if (!read) continue;  // a damaged row stops none of the others
      const ItemState& state = *read;
      const std::int64_t attempts = state.attempts + (release.counts_as_attempt ? 1 : 0);
      const bool failed = attempts >= settings.attempts_max;
      Json set = status_keys(item.id, failed ? EmbeddingStatus::failed : EmbeddingStatus::none);
      set["attempts"] = attempts;
      if (failed) set["failure_reason"] = release.reason;
      if (release.smaller) set["deferrals"] = state.deferrals + 1;
      if (release.later) {
        set["deferred_until_ms"] = deferred_until_ms(state.deferrals + 1, ports.clock.now_ms(), settings);
      }
      writes.emplace_back(Update{.key = row_key(item.id),
                                 .set = std::move(set),
                                 .remove = {"embedding_batch_id"},
                                 .condition = claimed_by(batch.id, item.input_hash)});
      fails.push_back(failed);
    }
    const auto happened = TRY(ports.table.write_each(writes));
    for (std::size_t i = 0; i < happened.size(); ++i) {
      if (happened[i]) ++(fails[i] ? released.failed : released.to_none);
    }
  }
  return released;
}

}  // namespace tillite
