#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "embedding/metadata.h"
#include "steps/adoption/item_fault.h"
#include "steps/batches/batch.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

/// A table that holds these rows, each in every index, and takes no others.
class HeldRows final : public Table {
 public:
  explicit HeldRows(std::vector<Item> rows) : rows_(std::move(rows)) {}
  Result<std::optional<Item>> get(const ItemKey& key) override {
    for (const Item& row : rows_) {
      if (row.value("PK", Json()) == key.pk && row.value("SK", Json()) == key.sk) return row;
    }
    return std::nullopt;
  }
  Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override {
    std::vector<std::optional<Item>> found;
    for (const ItemKey& key : keys) found.push_back(TRY(get(key)));
    return found;
  }
  Result<Page> query(const Query&) override { return Page{.items = rows_, .next = {}}; }
  Result<std::uint64_t> count(const Query&) override { return rows_.size(); }
  Result<void> write(const Write&) override { return refuse(); }
  Result<void> transact(const std::vector<Write>&) override { return refuse(); }
  Result<std::vector<bool>> write_each(const std::vector<Write>&) override { return refuse(); }

 private:
  static std::unexpected<Error> refuse() { return fail(Code::unsupported, "nothing is written here"); }
  std::vector<Item> rows_;
};

void use_item(const Item& row, Table& table) {
  const auto id = record_id_of(row);
  const auto name = id ? parse_record_id(*id) : std::unexpected(id.error());
  if (!name) return;
  check(line_record_id(name->image_id, name->receipt_id, name->line_id).str() == id->str() || name->word_id > 0,
        "an id is told in one way");
  auto holders = ItemHolders::load(name->entity(), table, kNowMs);
  check(holders.has_value(), "no batch's row stops what looks at its neighbours");
  if (const auto faults = faults_of(row, name->entity(), *holders); faults && faults->can_be_mended()) {
    const auto update = mended(row, *faults);
    check(!update || update->key.pk == row.at("PK"), "a row is mended where it is");
  }
  const auto stored = load_receipt(table, name->image_id, name->receipt_id);
  if (!stored || !*stored) return;
  for (const Entity entity : kEntities) {
    for (const auto& [of, text] : stored_texts(**stored, default_format(entity))) {
      check(text.metadata.is_object() && parse_record_id(of).has_value(), "what is stored has an id and metadata");
    }
  }
}

void use(std::string_view text) {
  const auto json = parse_json(text, "the rows");
  if (!json || !json->is_array()) return;
  std::vector<Item> rows;
  for (const Json& row : *json) {
    if (row.is_object() && rows.size() < 20) rows.push_back(row);
  }
  HeldRows table(rows);
  for (const Item& row : rows) {
    static_cast<void>(item_state(row));
    static_cast<void>(parse_batch(row));
    if (const auto generation = parse_generation(row)) {
      check(generation->number() >= 1 && generation->cursor.shard >= 0, "generations and shards are counted");
    }
    use_item(row, table);
  }
  const auto batches = read_batches_in(table, Entity::line, std::array{BatchStatus::pending});
  check(batches && batches->batches.size() + batches->unreadable.size() <= rows.size(), "a row is one batch at most");
}

}  // namespace
}  // namespace tillite

/// Whatever rows others left in a table, they are understood or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillite::use(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
