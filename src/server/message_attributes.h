#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace tillite {

/// The MD5 that SQS answers for a message's text, in hexadecimal digits: clients check with it what has arrived.
[[nodiscard]] std::string md5_of_body(std::string_view body);

// The attributes of a message, as the JSON protocol has them:
//
//     {"name": {"DataType": "String", "StringValue": "a"}, "other": {"DataType": "Binary", "BinaryValue": "AAE="}}

/// Names, types, sizes (256 KiB together) and number (10) as SQS has them; InvalidParameterValueException otherwise.
[[nodiscard]] Result<void> check_message_attributes(const Json& attributes);
/// Their bytes, which count towards the limit of a message.
[[nodiscard]] std::size_t message_attributes_bytes(const Json& attributes);
/// Their MD5, over names, types and values in the order of the names. Of attributes that were checked.
[[nodiscard]] std::string md5_of_attributes(const Json& attributes);

}  // namespace tillite
