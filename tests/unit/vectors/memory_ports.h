#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <random>

#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/table.h"
#include "support/standing_clock.h"

namespace tillite {

/// The value of a Result that must be one.
template <typename T>
T value(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

using TestClock = testing::StandingClock;

class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed = 1) : engine_(seed) {}
  std::array<std::byte, 16> bytes() override {
    const std::scoped_lock lock(mutex_);
    std::array<std::byte, 16> bytes{};
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine_() & 0xff);
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

/// What goes wrong with a call: the other side refuses it, or does it and the answer is lost.
enum class Fault { none, refused, answer_lost };
/// Decides for a call: its method's name and the key it is about.
using FaultPlan = std::function<Fault(std::string_view method, const std::string& key)>;
inline const FaultPlan kNoFaults = [](std::string_view, const std::string&) { return Fault::none; };

/// From the n-th call on (from 0) nothing works any more: a crash, seen from the store.
[[nodiscard]] inline FaultPlan crash_at(int call) {
  return [call, calls = std::make_shared<std::atomic<int>>(0)](std::string_view, const std::string&) {
    return (*calls)++ >= call ? Fault::refused : Fault::none;
  };
}

inline Error unavailable(std::string_view method, const std::string& key) {
  return {Code::unavailable, fmt::format("{} {} failed", method, key)};
}

/// An object store in memory, with faults on demand.
class MemoryObjects final : public ObjectStore {
 public:
  explicit MemoryObjects(Clock& clock) : clock_(clock) {}

  FaultPlan faults = kNoFaults;

  Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    return perform("create", key, [&](Stored* there) -> Result<void> {
      if (there != nullptr) return fail(Code::conflict, "{} is taken", key.str());
      store(key, content);
      return {};
    });
  }
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    const std::string content = TRY(read_file(file));
    return create(key, as_bytes(content));
  }
  Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override {
    return perform("put", key, [&](Stored*) -> Result<void> {
      store(key, content);
      return {};
    });
  }
  Result<void> replace(const ObjectKey& key, std::span<const std::byte> content, const std::string& etag) override {
    return perform("replace", key, [&](Stored* there) -> Result<void> {
      if (there == nullptr || there->etag != etag) return fail(Code::conflict, "{} has changed", key.str());
      store(key, content);
      return {};
    });
  }
  Result<ObjectInfo> info(const ObjectKey& key) override {
    ObjectInfo info;
    TRY(perform("info", key, [&](Stored* there) -> Result<void> {
      if (there == nullptr) return fail(Code::not_found, "{} is not there", key.str());
      info = info_of(key, *there);
      return {};
    }));
    return info;
  }
  Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override {
    std::string content;
    TRY(perform("open", key, [&](Stored* there) -> Result<void> {
      if (there == nullptr) return fail(Code::not_found, "{} is not there", key.str());
      content = there->content;
      return {};
    }));
    return source_of(std::move(content));
  }
  Result<Path> fetch(const ObjectKey& key, const Path& scratch) override {
    const std::string content = TRY(read_object(*this, key));
    Path file = scratch / std::to_string(std::hash<std::string>()(key.str()));
    TRY(replace_file(file, as_bytes(content)));
    return file;
  }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                       std::size_t limit) override {
    std::vector<ObjectInfo> found;
    TRY(perform("list", ObjectKey(prefix), [&](Stored*) -> Result<void> {
      for (const auto& [key, stored] : objects_) {
        if (key.starts_with(prefix) && key > after && found.size() < limit) {
          found.push_back(info_of(ObjectKey(key), stored));
        }
      }
      return {};
    }));
    return found;
  }
  Result<void> remove(const ObjectKey& key) override {
    return perform("remove", key, [&](Stored*) -> Result<void> {
      objects_.erase(key.str());
      return {};
    });
  }
  std::string place_of(const std::string& prefix) const override { return "memory:" + prefix; }

  [[nodiscard]] bool has(const ObjectKey& key) {
    const std::scoped_lock lock(mutex_);
    return objects_.contains(key.str());
  }
  [[nodiscard]] std::vector<std::string> keys(const std::string& prefix = "") {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, stored] : objects_) {
      if (key.starts_with(prefix)) keys.push_back(key);
    }
    return keys;
  }
  /// All that is stored, to be compared.
  [[nodiscard]] std::map<std::string, std::string> contents() {
    const std::scoped_lock lock(mutex_);
    std::map<std::string, std::string> contents;
    for (const auto& [key, stored] : objects_) contents[key] = stored.content;
    return contents;
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    objects_.clear();
  }
  /// Stores it, whatever stands there, and without a fault.
  void set(const ObjectKey& key, std::string_view content) {
    const std::scoped_lock lock(mutex_);
    store(key, as_bytes(content));
  }

 private:
  struct Stored {
    std::string content;
    std::string etag;
    std::int64_t modified_ms = 0;
  };

  template <typename Call>
  Result<void> perform(std::string_view method, const ObjectKey& key, Call call) {
    const Fault fault = faults(method, key.str());
    if (fault == Fault::refused) return std::unexpected(unavailable(method, key.str()));
    if (method != "list") TRY(check_key(key));
    const std::scoped_lock lock(mutex_);
    const auto there = objects_.find(key.str());
    Result<void> done = call(there == objects_.end() ? nullptr : &there->second);
    if (fault == Fault::answer_lost) return std::unexpected(unavailable(method, key.str()));
    return done;
  }
  void store(const ObjectKey& key, std::span<const std::byte> content) {
    objects_[key.str()] = {std::string(as_text(content)), std::to_string(++changes_), clock_.now_ms()};
  }
  static ObjectInfo info_of(const ObjectKey& key, const Stored& stored) {
    return {.key = key, .size_bytes = stored.content.size(), .etag = stored.etag, .modified_ms = stored.modified_ms};
  }

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Stored> objects_;
  std::uint64_t changes_ = 0;
};

/// A table in memory, with faults on demand. Queries know what the tests here ask: GSI1 and the primary index.
class MemoryTable final : public Table {
 public:
  FaultPlan faults = kNoFaults;

  Result<std::optional<Item>> get(const ItemKey& key) override {
    const Fault fault = faults("get", key.pk);
    if (fault != Fault::none) return std::unexpected(unavailable("get", key.pk));
    const std::scoped_lock lock(mutex_);
    const auto row = rows_.find(key);
    return row == rows_.end() ? std::optional<Item>{} : std::optional(row->second);
  }
  Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override {
    std::vector<std::optional<Item>> items;
    for (const ItemKey& key : keys) items.push_back(TRY(get(key)));
    return items;
  }
  Result<void> write(const Write& write) override {
    const ItemKey key = key_of(write);
    const Fault fault = faults("write", key.pk);
    if (fault == Fault::refused) return std::unexpected(unavailable("write", key.pk));
    const std::scoped_lock lock(mutex_);
    const Result<void> done = apply(write, key);
    if (fault == Fault::answer_lost) return std::unexpected(unavailable("write", key.pk));
    return done;
  }
  Result<void> transact(const std::vector<Write>& writes) override {
    for (const Write& one : writes) TRY(write(one));
    return {};
  }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override {
    std::vector<bool> happened;
    for (const Write& one : writes) happened.push_back(write(one).has_value());
    return happened;
  }
  Result<Page> query(const Query& query) override {
    if (faults("query", query.hash) != Fault::none) return std::unexpected(unavailable("query", query.hash));
    const std::string hash = query.index == Index::gsi1 ? "GSI1PK" : "PK";
    const std::string range = query.index == Index::gsi1 ? "GSI1SK" : "SK";
    const std::scoped_lock lock(mutex_);
    Page page;
    for (const auto& [key, row] : rows_) {
      if (row.value(hash, "") == query.hash && row.value(range, "").starts_with(query.range_prefix)) {
        page.items.push_back(row);
      }
    }
    return page;
  }
  Result<std::uint64_t> count(const Query& asked) override { return TRY(query(asked)).items.size(); }

  void clear() {
    const std::scoped_lock lock(mutex_);
    rows_.clear();
  }

 private:
  Result<void> apply(const Write& write, const ItemKey& key) {
    const auto there = rows_.find(key);
    const Item* const row = there == rows_.end() ? nullptr : &there->second;
    const Condition& condition = std::visit([](const auto& w) -> const Condition& { return w.condition; }, write);
    if (!holds(condition, row)) return fail(Code::conflict, "the condition on {} does not hold", key.pk);
    if (const auto* put = std::get_if<Put>(&write)) {
      rows_[key] = put->item;
    } else if (const auto* update = std::get_if<Update>(&write)) {
      Item changed = row != nullptr ? *row : Item{{"PK", key.pk}, {"SK", key.sk}};
      changed.update(update->set);
      for (const std::string& name : update->remove) changed.erase(name);
      rows_[key] = std::move(changed);
    } else {
      rows_.erase(key);
    }
    return {};
  }

  std::mutex mutex_;
  std::map<ItemKey, Item> rows_;
};

}  // namespace tillite
