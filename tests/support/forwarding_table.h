#pragma once

#include "ports/table.h"

namespace tillite::testing {

/// A table that hands everything on to another: whoever derives from it changes what it wants to.
class ForwardingTable : public Table {
 public:
  virtual Table& real() = 0;

  Result<std::optional<Item>> get(const ItemKey& key) override { return real().get(key); }
  Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override {
    return real().get_each(keys);
  }
  Result<void> write(const Write& write) override { return real().write(write); }
  Result<void> transact(const std::vector<Write>& writes) override { return real().transact(writes); }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override { return real().write_each(writes); }
  Result<Page> query(const Query& query) override { return real().query(query); }
  Result<std::uint64_t> count(const Query& query) override { return real().count(query); }
};

}  // namespace tillite::testing
