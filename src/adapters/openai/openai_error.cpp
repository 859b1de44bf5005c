#include "adapters/openai/openai_error.h"

#include <algorithm>
#include <array>

#include "adapters/openai/openai_answers.h"
#include "adapters/remote/shown_text.h"

namespace tillite {
namespace {

constexpr std::size_t kMessageBytesMax = 500;
constexpr std::size_t kRequestIdBytesMax = 100;

// A later try is of no use before somebody pays, or gives another key.
constexpr std::array<std::string_view, 8> kAccountCodes = {
    "insufficient_quota",  "billing_hard_limit_reached", "billing_not_active",  "invalid_api_key",
    "account_deactivated", "organization_deactivated",   "project_deactivated", "access_terminated"};
constexpr std::array<std::string_view, 6> kLimitCodes = {"context_length_exceeded", "string_above_max_length",
                                                         "array_above_max_length",  "file_too_large",
                                                         "max_tokens_per_request",  "request_too_large"};

bool is_one_of(std::string_view text, std::span<const std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

std::string reason_of(const std::optional<OpenAiFailure>& failure, const Secret& key) {
  if (!failure) return "without a reason that can be read";
  std::string text = failure->message.empty() ? "no reason" : failure->message;
  if (!failure->code.empty()) text = fmt::format("{} ({})", text, failure->code);
  return presentable(text, key);
}

Code code_of(int status, const std::optional<OpenAiFailure>& failure) {
  if (failure && (is_one_of(failure->code, kAccountCodes) || is_one_of(failure->type, kAccountCodes))) {
    return Code::permission;
  }
  if (failure && is_one_of(failure->code, kLimitCodes)) return Code::limit_exceeded;
  const bool says_why = failure && !failure->message.empty();
  switch (status) {
    // The only word on a request itself. A proxy's page, and a server that is none of OpenAI's, have the status too.
    case 400:
    case 422:
      return says_why ? Code::invalid_input : Code::unavailable;
    case 416:
      return Code::invalid_input;
    case 401:
    case 402:
    case 403:
    case 407:
      return Code::permission;
    case 404:
      // A page that is not there is no word on a batch or a file.
      return failure && failure->message != "Not Found" && !failure->message.starts_with("Invalid URL")
                 ? Code::not_found
                 : Code::unavailable;
    case 405:
    case 501:
      return Code::unsupported;
    case 408:
      return Code::timed_out;
    case 409:
      return Code::conflict;
    case 413:
      return Code::limit_exceeded;
    default:
      return Code::unavailable;
  }
}

std::string_view remedy(int status, Code code) {
  if (code == Code::permission) return "; check OPENAI_API_KEY, OPENAI_ORG_ID, OPENAI_PROJECT_ID and the account";
  if (status < 400) return "; OPENAI_BASE_URL leads elsewhere, redirects are not followed";
  const bool is_strange = status < 500 && status != 425 && status != 429;
  if (is_strange && code == Code::unavailable) return "; is OPENAI_BASE_URL right?";
  return "";
}

}  // namespace

std::string presentable(std::string_view text, const Secret& key) {
  // More than is shown is looked at, so that nothing is shown of a key that the end cuts through.
  return shown_text(without_secret(without_keys(std::string(cut_text(text, kMessageBytesMax * 4))), key),
                    kMessageBytesMax);
}

OpenAiRefusal judge_refusal(const HttpResponse& response, std::string_view call, const Secret& key) {
  const int status = response.status;
  const auto failure = parse_failure(response.body);
  const Code code = code_of(status, failure);
  std::string request;
  if (const auto id = response.header("x-request-id")) {
    request = fmt::format(" [request {}]", presentable(cut_text(*id, kRequestIdBytesMax), key));
  }
  Error error(code, fmt::format("{}: the provider answers with status {}: {}{}{}", call, status,
                                reason_of(failure, key), request, remedy(status, code)));
  const bool is_limited = (status == 429 || status == 425) && code == Code::unavailable;
  const bool is_fault = (status >= 500 && status != 501 && code == Code::unavailable) || status == 408;
  return {.error = std::move(error), .is_fault = is_fault, .is_undone = is_limited, .may_pass = is_fault || is_limited};
}

}  // namespace tillite
