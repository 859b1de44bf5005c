#pragma once

#include "adapters/aws/dynamodb_setup.h"
#include "adapters/aws/dynamodb_table.h"
#include "support/aws_place.h"
#include "support/forwarding_table.h"
#include "support/temp_folder.h"

namespace tillite::testing {

/// A table at a stand-in for DynamoDB, with its clients; the same for the same folder.
class ServedTable final : public ForwardingTable {
 public:
  ServedTable(const std::string& origin, const TempFolder& folder)
      : place_(origin), table_(make(place_, folder.path().filename().string())) {}
  Table& real() override { return table_; }

 private:
  static DynamoDbTable make(AwsPlace& place, const std::string& name) {
    const auto client = place.client(AwsApi::dynamodb);
    must(create_dynamodb_table(*client, name, place.clock(), Logger::none(), {}));
    return {client, name, place.random(), {}};
  }
  AwsPlace place_;
  DynamoDbTable table_;
};

}  // namespace tillite::testing
