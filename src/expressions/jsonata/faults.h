#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite::jsonata {

/// What a message of JSONata's table names, each as it is written in the message.
struct FaultDetails {
  std::string value;
  std::string value2;
  std::string token;
  std::string index;
  std::string type;
};

/// Stands in a message for a name that only the caller knows; name_token() fills it in.
inline constexpr std::string_view kUnknownToken = "\x01token\x01";

/// "T2001: The left side of the \"+\" operator must evaluate to a number": the message of JSONata's table under `code`.
[[nodiscard]] std::string fault_message(std::string_view code, const FaultDetails& details = {});

/// An error of parsing: `invalid_input`.
[[nodiscard]] std::unexpected<Error> syntax_fault(std::string_view code, const FaultDetails& details = {});

/// An error of evaluating: `failed`.
[[nodiscard]] std::unexpected<Error> fault(std::string_view code, const FaultDetails& details = {});

/// The error with `token` (as JSON) in the place of the name that was not known.
[[nodiscard]] Error name_token(const Error& error, std::string_view token);

}  // namespace tillite::jsonata
