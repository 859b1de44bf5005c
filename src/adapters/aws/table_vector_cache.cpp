#include "adapters/aws/table_vector_cache.h"

#include <cstring>
#include <set>

#include "adapters/local/vector_checksum.h"
#include "base/base64.h"
#include "base/hash.h"

namespace tillite {
namespace {

constexpr std::string_view kPrefix = "VECTOR#";
constexpr const char* kSortKey = "VECTOR";
constexpr std::string_view kParts = "0123456789abcdef";
constexpr std::size_t kPageRows = 500;
constexpr std::size_t kErasedAtOnce = 1000;

ItemKey key_of(const TextKey& key) { return {fmt::format("{}{}", kPrefix, key.str()), kSortKey}; }

/// Rows of one TYPE are one partition of an index, which takes only so many writes a second: the vectors have sixteen.
std::string type_of(const TextKey& key) { return fmt::format("{}{}", kPrefix, sha256_hex(key.str()).front()); }
std::string type_of_part(char part) { return fmt::format("{}{}", kPrefix, part); }

/// The vector in a row; nothing if it is not what was written.
std::optional<std::vector<float>> vector_in(const Item& row) {
  const auto pk = string_field(row, "PK");
  const auto text = string_field(row, "vector");
  const auto checksum = string_field(row, "checksum");
  if (!pk || !text || !checksum || !pk->starts_with(kPrefix)) return std::nullopt;
  const auto size = base64_size(*text);
  if (!size || *size == 0 || *size % sizeof(float) != 0) return std::nullopt;
  std::vector<float> vector(*size / sizeof(float));
  const auto bytes = std::as_writable_bytes(std::span(vector));
  if (!read_base64(*text, bytes)) return std::nullopt;
  if (vector_checksum(TextKey(pk->substr(kPrefix.size())), bytes) != *checksum) return std::nullopt;
  return vector;
}

}  // namespace

bool TableVectorCache::is_over(const Item& row) const {
  const auto end_s = int_field(row, "time_to_live");
  return !end_s || *end_s * 1000 <= clock_.now_ms();
}

Result<std::vector<std::optional<Item>>> TableVectorCache::rows_of(std::span<const TextKey> keys) {
  std::vector<ItemKey> wanted;
  wanted.reserve(keys.size());
  for (const TextKey& key : keys) wanted.push_back(key_of(key));
  auto rows = TRY(table_.get_each(wanted));
  for (auto& row : rows) {
    if (row && is_over(*row)) row.reset();
  }
  return rows;
}

Result<std::vector<bool>> TableVectorCache::contains(std::span<const TextKey> keys) {
  std::vector<bool> found;
  found.reserve(keys.size());
  for (const auto& row : TRY(rows_of(keys))) found.push_back(row.has_value());
  return found;
}

Result<std::vector<std::optional<std::vector<float>>>> TableVectorCache::read(std::span<const TextKey> keys) {
  std::vector<std::optional<std::vector<float>>> vectors;
  std::vector<Write> damaged;
  const auto rows = TRY(rows_of(keys));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto& vector = vectors.emplace_back();
    if (!rows[i]) continue;
    vector = vector_in(*rows[i]);
    if (!vector) damaged.emplace_back(Erase{.key = key_of(keys[i])});
  }
  if (!damaged.empty()) TRY(table_.write_each(damaged));
  return vectors;
}

Result<void> TableVectorCache::keep(std::span<const CachedVector> vectors) {
  std::vector<TextKey> keys;
  keys.reserve(vectors.size());
  for (const CachedVector& cached : vectors) keys.push_back(cached.key);
  const auto there = TRY(rows_of(keys));
  const std::int64_t end_s = (clock_.now_ms() + life_ms_) / 1000;
  std::vector<Write> writes;
  std::set<TextKey> seen;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const CachedVector& cached = vectors[i];
    if (there[i] || !seen.insert(cached.key).second) continue;  // the first stays
    const auto bytes = std::as_bytes(std::span(cached.vector));
    const ItemKey key = key_of(cached.key);
    writes.emplace_back(Put{.item = {{"PK", key.pk},
                                     {"SK", key.sk},
                                     {"TYPE", type_of(cached.key)},
                                     {"vector", base64_of(bytes)},
                                     {"checksum", vector_checksum(cached.key, bytes)},
                                     {"time_to_live", end_s}}});
  }
  if (!writes.empty()) TRY(table_.write_each(writes));
  return {};
}

Result<CacheFacts> TableVectorCache::facts() {
  CacheFacts facts;
  for (const char part : kParts) {
    TRY(for_each_item(table_, {.index = Index::type, .hash = type_of_part(part), .limit = kPageRows},
                      [&](const Item& row) -> Result<void> {
                        if (is_over(row)) return {};
                        ++facts.vectors;
                        const auto text = string_field(row, "vector");
                        facts.bytes += key_of(row).pk.size() - kPrefix.size();
                        facts.bytes += text ? base64_size(*text).value_or(0) : 0;
                        return {};
                      }));
  }
  return facts;
}

Result<CacheFacts> TableVectorCache::verify() {
  std::vector<Write> damaged;
  for (const char part : kParts) {
    TRY(for_each_item(table_, {.index = Index::type, .hash = type_of_part(part), .limit = kPageRows},
                      [&](const Item& row) -> Result<void> {
                        if (!is_over(row) && !vector_in(row)) damaged.emplace_back(Erase{.key = key_of(row)});
                        return {};
                      }));
  }
  if (!damaged.empty()) TRY(table_.write_each(damaged));
  CacheFacts facts_now = TRY(facts());
  facts_now.damaged = damaged.size();
  return facts_now;
}

Result<void> TableVectorCache::clear() {
  for (const char part : kParts) {
    std::vector<Write> erased;
    const auto erase_all = [&]() -> Result<void> {
      if (!erased.empty()) TRY(table_.write_each(std::exchange(erased, {})));
      return {};
    };
    TRY(for_each_item(table_, {.index = Index::type, .hash = type_of_part(part), .limit = kPageRows},
                      [&](const Item& row) -> Result<void> {
                        erased.emplace_back(Erase{.key = key_of(row)});
                        return erased.size() < kErasedAtOnce ? Result<void>() : erase_all();
                      }));
    TRY(erase_all());
  }
  return {};
}

}  // namespace tillite
