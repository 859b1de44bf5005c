#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "adapters/aws/aws_client.h"
#include "ports/table.h"

namespace tillite {

/// A table of DynamoDB's (docs/aws.md). Reads of the table itself are consistent; its indexes lag. An answer that was
/// lost is asked for again, where that does no harm: a conditional write that is refused after that is `unavailable`,
/// not `conflict`, because the refusal may be of its own doing. Transactions carry a token, and are never done twice.
class DynamoDbTable final : public Table {
 public:
  /// The random numbers must outlive this object. `stop` ends every call, with `cancelled`.
  DynamoDbTable(std::shared_ptr<AwsClient> client, std::string table, Random& random, std::stop_token stop);

  [[nodiscard]] Result<std::optional<Item>> get(const ItemKey& key) override;
  /// BatchGetItem, a hundred keys a call, several calls at once.
  [[nodiscard]] Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override;
  [[nodiscard]] Result<void> write(const Write& write) override;
  [[nodiscard]] Result<void> transact(const std::vector<Write>& writes) override;
  /// BatchWriteItem for what has no condition, 25 writes a call, fewer if they are large; the others one by one;
  /// several calls at once. Writes of one row keep their order.
  [[nodiscard]] Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override;
  [[nodiscard]] Result<Page> query(const Query& query) override;
  [[nodiscard]] Result<std::uint64_t> count(const Query& query) override;

 private:
  [[nodiscard]] AwsResult<Json> call(std::string_view operation, const Json& arguments);
  /// Whether the write happened: false if its condition did not hold.
  [[nodiscard]] Result<bool> write_one(const Write& write);
  struct BatchedWrite {
    const Write* write;
    Json arguments;
  };
  [[nodiscard]] Result<void> write_batch(const std::vector<BatchedWrite>& writes);
  [[nodiscard]] Result<void> get_batch(std::span<const ItemKey> keys, std::span<const std::size_t> wanted,
                                       std::vector<std::optional<Item>>& items);
  /// Calls an operation on many rows again with what it left undone.
  [[nodiscard]] Result<void> call_until_done(std::string_view operation, Json requests, std::string_view left_undone,
                                             const std::function<Result<void>(const Json& answer)>& take);
  [[nodiscard]] Result<void> run_parallel(const std::vector<std::function<Result<void>()>>& jobs) const;
  [[nodiscard]] Result<Json> query_arguments(const Query& query) const;

  std::shared_ptr<AwsClient> client_;
  std::string table_;
  Random& random_;
  std::stop_token stop_;
};

}  // namespace tillite
