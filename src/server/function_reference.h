#pragma once

#include <string>
#include <string_view>

#include "server/arn.h"

namespace tillite {

/// How a request names a function.
struct FunctionReference {
  std::string name;
  std::string qualifier;  ///< a version or an alias; empty: none was named
};

/// "name", "123456789012:function:name" or a whole ARN, with or without ":qualifier". Region and account may be any.
/// ValidationException for what is no such name.
[[nodiscard]] Result<FunctionReference> parse_function_reference(std::string_view text);

/// "arn:aws:lambda:us-east-1:000000000000:function:name", ":qualifier" behind it if there is one.
[[nodiscard]] std::string function_arn(const AwsPlace& place, const FunctionReference& function);

}  // namespace tillite
