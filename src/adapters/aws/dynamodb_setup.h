#pragma once

#include <stop_token>
#include <string>

#include "adapters/aws/aws_client.h"

namespace tillite {

/// Creates the table of the receipts: keys PK and SK, the indexes GSI1 to GSI3 and GSITYPE, billed by use, rows that
/// end at time_to_live, recovery to any point in time. Waits until it can be used. A table that is there already must
/// have these keys and indexes; the end of rows and the recovery are set in it, too. What a stand-in for DynamoDB does
/// not know of these is logged and left out. The answer: whether the table was made now.
///
/// Errors: `conflict` (another kind of table has the name), `permission`, `unavailable`, `timed_out` (five minutes).
[[nodiscard]] Result<bool> create_dynamodb_table(AwsClient& client, const std::string& table, Clock& clock,
                                                 const Logger& log, const std::stop_token& stop);

}  // namespace tillite
