#pragma once

#include <memory>

#include "base/file.h"
#include "ports/table.h"

namespace tillite {

/// A table in one SQLite file, with DynamoDB's meaning and limits (docs/formats/home.md). Several processes may use one
/// file. Writes of all threads go through one writer, which puts those that wait together into one transaction: they
/// share an fsync, each keeps its own outcome. Reads have connections of their own and never wait for writes.
class SqliteTable final : public Table {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SqliteTable>> open(const Path& file);
  ~SqliteTable() override;

  [[nodiscard]] Result<std::optional<Item>> get(const ItemKey& key) override;
  [[nodiscard]] Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override;
  [[nodiscard]] Result<void> write(const Write& write) override;
  [[nodiscard]] Result<void> transact(const std::vector<Write>& writes) override;
  [[nodiscard]] Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override;
  [[nodiscard]] Result<Page> query(const Query& query) override;
  [[nodiscard]] Result<std::uint64_t> count(const Query& query) override;

 private:
  struct Parts;
  explicit SqliteTable(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
