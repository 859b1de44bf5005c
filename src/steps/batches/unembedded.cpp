#include "steps/batches/unembedded.h"

#include "steps/batches/model_facts.h"

namespace tillite {
namespace {

bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::not_found; }

/// One walk: the receipts that the index names, each once.
class Walk {
 public:
  Walk(Entity entity, const CollectionBinding& binding, const Ports& ports, const StepContext& context,
       const UnembeddedItems& each)
      : entity_(entity),
        binding_(binding),
        ports_(ports),
        context_(context),
        each_(each),
        limit_(input_limit_of(binding.model, context.settings)) {}

  Result<std::size_t> walk() {
    // The index is ordered by receipt, and may lag: it only says which receipts to look at.
    Query query{.index = Index::gsi1,
                .hash = "EMBEDDING_STATUS#NONE",
                .range_prefix = std::string(names_of(entity_).index_prefix)};
    while (true) {
      const Page page = TRY(ports_.table.query(query));
      for (const Item& row : page.items) {
        if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped while finding items to embed");
        const auto name = name_of(row);
        if (!name) {
          ++damaged_;
          context_.log.error(
              "a row's key is none of an item",
              {{"name", row.value("PK", "") + " " + row.value("SK", "")}, {"reason", name.error().message()}});
          continue;
        }
        if (!TRY(look_at(*name))) return damaged_;
      }
      if (page.next.empty()) return damaged_;
      query.start_after = page.next;
    }
  }

 private:
  static Result<RecordName> name_of(const Item& row) { return parse_record_id(TRY(record_id_of(row))); }

  Result<bool> look_at(const RecordName& name) {
    std::string receipt = receipt_name(name.image_id, name.receipt_id);
    if (receipt == receipt_) return true;
    receipt_ = std::move(receipt);
    auto loaded = load_receipt(ports_.table, name.image_id, name.receipt_id);
    if (!loaded && is_damage(loaded.error())) {
      // What is damaged never stops its neighbours.
      ++damaged_;
      context_.log.error("a receipt cannot be read", {{"name", receipt_}, {"reason", loaded.error().message()}});
      return true;
    }
    const auto stored = TRY(std::move(loaded));
    if (!stored) return true;
    return each_(TRY(unembedded_items(*stored, binding_, ports_.clock.now_ms(), limit_)));
  }

  Entity entity_;
  const CollectionBinding& binding_;
  const Ports& ports_;
  const StepContext& context_;
  const UnembeddedItems& each_;
  InputLimit limit_;
  std::string receipt_;  ///< the one that was looked at last
  std::size_t damaged_ = 0;
};

}  // namespace

Result<std::vector<BatchItem>> unembedded_items(const StoredReceipt& stored, const CollectionBinding& binding,
                                                std::int64_t now_ms, const InputLimit& limit) {
  const InputFormat format = TRY(parse_input_format(binding.input_format));
  std::vector<BatchItem> items;
  for (auto& [id, input] : embedding_inputs(stored.receipt, format)) {
    const auto state = stored.states.find(id);
    if (state == stored.states.end() || state->second.status != EmbeddingStatus::none || state->second.removed)
      continue;
    if (!state->second.status_known)
      continue;  // it cannot be claimed until it is adopted (steps/adoption/item_fault.h)
    if (state->second.deferred_until_ms > now_ms) continue;
    const std::string hash = input_hash(input);
    const std::string_view stored_hash = state->second.hash_for(binding.generation);
    if (!stored_hash.empty() && stored_hash != hash) continue;
    BatchItem item{.id = id,
                   .input_hash = hash,
                   .item_version = state->second.item_version,
                   .input = input,
                   .stored_hash = state->second.input_hash,
                   .deferrals = state->second.deferrals};
    item.tokens = TRY(sent_input(cl100k_base(), input, limit)).tokens;
    items.push_back(std::move(item));
  }
  return items;
}

Result<bool> any_deferred(Entity entity, Table& table, std::int64_t now_ms) {
  Query query{.index = Index::gsi1,
              .hash = "EMBEDDING_STATUS#NONE",
              .range_prefix = std::string(names_of(entity).index_prefix)};
  while (true) {
    const Page page = TRY(table.query(query));
    for (const Item& row : page.items) {
      const auto state = item_state(row);
      if (state && state->deferred_until_ms > now_ms) return true;
    }
    if (page.next.empty()) return false;
    query.start_after = page.next;
  }
}

Result<std::size_t> walk_unembedded(Entity entity, const CollectionBinding& binding, const Ports& ports,
                                    const StepContext& context, const UnembeddedItems& each) {
  return Walk(entity, binding, ports, context, each).walk();
}

}  // namespace tillite
