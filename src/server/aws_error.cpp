#include "server/aws_error.h"

#include <algorithm>
#include <array>

namespace tillite {
namespace {

/// Errors whose code in the query protocol, or whose status, does not follow from their name.
struct Special {
  std::string_view name;
  std::string_view query_code;
  unsigned status = 400;
};
constexpr std::array kSpecial = {
    Special{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"},
    Special{"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"},
    Special{"TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
    Special{"EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"},
    Special{"BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
    Special{"BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"},
    Special{"InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"},
    Special{"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"},
    Special{"ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404},
    Special{"InvalidParameterValueException", "InvalidParameterValue"},
    Special{"MissingRequiredParameterException", "MissingParameter"},
    Special{"ValidationException", "InvalidParameterValue"},
    Special{"UnknownOperationException", "InvalidAction"},
    Special{"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403},
    Special{"IncompleteSignatureException", "IncompleteSignature"},
    Special{"UnrecognizedClientException", "InvalidClientTokenId", 403},
    Special{"InvalidSignatureException", "SignatureDoesNotMatch", 403},
    Special{"InternalFailure", "InternalFailure", 500},
    Special{"ServiceUnavailable", "ServiceUnavailable", 503},
};

std::string_view name_of_code(Code code) {
  switch (code) {
    case Code::invalid_input:
    case Code::usage:
    case Code::limit_exceeded:
    case Code::unsupported:
    case Code::not_found:
    case Code::conflict:
      return "ValidationException";
    case Code::permission:
      return "AccessDeniedException";
    case Code::unavailable:
    case Code::lock_held:
    case Code::lost_lease:
    case Code::no_space:
    case Code::cancelled:
    case Code::timed_out:
      return "ServiceUnavailable";
    default:
      return "InternalFailure";
  }
}

bool has_name_of_aws(const Error& error) { return error.name() != error_name(error.code()); }

}  // namespace

std::unexpected<Error> aws_error(std::string_view name, std::string message) {
  return std::unexpected(Error(Code::invalid_input, std::move(message)).named(std::string(name)));
}

std::unexpected<Error> constraint_error(std::string_view parameter, std::string_view constraint) {
  return aws_error("ValidationException",
                   fmt::format("1 validation error detected: Value at '{}' failed to satisfy constraint: {}", parameter,
                               constraint));
}

Error with_aws_name(const Error& error, Code code, std::string_view name) {
  return error.code() == code && !has_name_of_aws(error) ? error.named(std::string(name)) : error;
}

WireError wire_error(const Error& error) {
  WireError wire{.name = has_name_of_aws(error) ? error.name() : std::string(name_of_code(error.code())),
                 .message = error.message()};
  const auto* const special = std::ranges::find(kSpecial, wire.name, &Special::name);
  wire.query_code = special == kSpecial.end() ? wire.name : std::string(special->query_code);
  wire.status = special == kSpecial.end() ? 400 : special->status;
  return wire;
}

}  // namespace tillite
