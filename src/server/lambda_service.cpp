#include "server/lambda_service.h"

#include <algorithm>
#include <map>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/number_text.h"
#include "server/aws_error.h"
#include "server/list_page.h"

namespace tillite {
namespace {

constexpr const char* kVersion = "$LATEST";
constexpr std::int64_t kPageStandard = 50;  // as AWS has it, and the next one, too
constexpr std::int64_t kPageMax = 10'000;
constexpr std::size_t kResponseBytesOfAws = 6'291'556;  // what AWS names as its limit in the message

/// The value of a parameter that is one of a few words.
Result<std::string> word_of(const Json& parameters, std::string_view name, std::vector<std::string> words) {
  auto word = TRY(optional_string(parameters, name)).value_or(words.front());
  if (std::ranges::find(words, word) != words.end()) return word;
  return constraint_error(name, fmt::format("Member must satisfy enum value set: [{}]", fmt::join(words, ", ")));
}

/// No payload is an empty object.
Result<Json> parse_event(std::string_view payload) {
  if (payload.empty()) return Json::object();
  auto event = parse_json(payload, "the payload");
  if (event) return event;
  return aws_error("InvalidRequestContentException",
                   fmt::format("Could not parse request body into json: {}", event.error().message()));
}

Json failure(std::string_view type, std::string_view message) {
  return {{"errorMessage", message}, {"errorType", type}};
}

std::unexpected<Error> stopping() {
  return aws_error("ServiceException", "the server is stopping: call the function again later");
}

std::unexpected<Error> too_many_requests() { return aws_error("TooManyRequestsException", "Rate Exceeded."); }

/// What a function's end is as Invoke's answer. One that was stopped is none of the function's failures.
Result<Json> answer_of(const EndedFunction& ended, bool wants_log) {
  if (ended.is_throttled) return too_many_requests();
  Json answer = {{"StatusCode", 200}, {"ExecutedVersion", kVersion}};
  if (ended.result) {
    answer["Payload"] = to_text(*ended.result);
  } else if (ended.result.error().code() == Code::cancelled) {
    return stopping();
  } else {
    answer["FunctionError"] = "Unhandled";
    answer["Payload"] = to_text(failure(ended.result.error().name(), ended.result.error().message()));
  }
  if (answer["Payload"].get_ref<const std::string&>().size() > LambdaService::kPayloadBytesMax) {
    answer["FunctionError"] = "Unhandled";
    answer["Payload"] = to_text(failure(
        "Function.ResponseSizeTooLarge",
        fmt::format("Response payload size exceeded maximum allowed payload size ({} bytes).", kResponseBytesOfAws)));
  }
  if (wants_log) {
    const std::string_view log = ended.log;
    answer["LogResult"] =
        base64_of(as_bytes(log.substr(log.size() - std::min(log.size(), LambdaService::kLogTailBytesMax))));
  }
  return answer;
}

}  // namespace

/// What is asked of Invoke.
struct LambdaService::Invocation {
  std::string function_name;
  std::string type;  ///< "RequestResponse", "Event", "DryRun"
  bool wants_log = false;
  std::size_t bytes = 0;  ///< of the payload
  Json event;
};

Result<const FunctionInfo*> LambdaService::function_of(const Json& parameters) const {
  FunctionReference function = TRY(parse_function_reference(TRY(string_field(parameters, "FunctionName"))));
  if (const auto qualifier = TRY(optional_string(parameters, "Qualifier"))) {
    if (!function.qualifier.empty() && function.qualifier != *qualifier) {
      return aws_error("InvalidParameterValueException",
                       "The derived qualifier from the function name does not match the specified qualifier.");
    }
    function.qualifier = *qualifier;
  }
  const auto found = std::ranges::find(functions_.functions(), function.name, &FunctionInfo::name);
  const bool is_version = function.qualifier.empty() || function.qualifier == kVersion;
  if (found != functions_.functions().end() && is_version) return &*found;
  return aws_error("ResourceNotFoundException",
                   fmt::format("Function not found: {}", function_arn(place_, function).substr(0, 512)));
}

// ------------------------------------------------------------------------------------------------------ Invoke

Result<LambdaService::Invocation> LambdaService::parse_invocation(const Json& parameters) const {
  Invocation invocation;
  invocation.type = TRY(word_of(parameters, "InvocationType", {"RequestResponse", "Event", "DryRun"}));
  invocation.wants_log = TRY(word_of(parameters, "LogType", {"None", "Tail"})) == "Tail";
  const std::string payload = TRY(optional_string(parameters, "Payload")).value_or("");
  invocation.bytes = payload.size();
  const std::size_t bytes_max = invocation.type == "Event" ? kEventPayloadBytesMax : kPayloadBytesMax;
  if (payload.size() > bytes_max) {
    return aws_error("RequestTooLargeException",
                     fmt::format("Request must be smaller than {} bytes for the InvokeFunction operation", bytes_max));
  }
  invocation.function_name = TRY(function_of(parameters))->name;
  invocation.event = TRY(parse_event(payload));
  return invocation;
}

void LambdaService::invoke(AwsCall call) {
  auto wanted = parse_invocation(call.parameters);
  call.parameters = nullptr;  // the payload is large, and may wait
  if (!wanted) return call.answer(std::unexpected(wanted.error()));
  if (wanted->type == "DryRun") return call.answer(Json{{"StatusCode", 204}});
  // An event is answered when it is taken, another call when the function has ended.
  const bool is_event = wanted->type == "Event";
  const std::size_t bytes = wanted->bytes;
  const auto caller = std::make_shared<AwsCall>(std::move(call));
  auto run = [this, caller, is_event, invocation = *std::move(wanted)](InvocationQueue::Turn turn) mutable {
    if (turn == InvocationQueue::Turn::refused) {
      if (!is_event) caller->answer(stopping());
      return;
    }
    const EndedFunction ended = functions_.invoke({.function_name = std::move(invocation.function_name),
                                                   .event = std::move(invocation.event),
                                                   .request_id = caller->request_id,
                                                   .may_wait = is_event});
    if (!is_event) caller->answer(answer_of(ended, invocation.wants_log));
  };
  if (const auto added = queue_.add(bytes, std::move(run)); !added) {
    const bool is_stopped = added.error().code() == Code::cancelled;
    return caller->answer(is_stopped ? stopping() : too_many_requests());
  }
  if (is_event) caller->answer(Json{{"StatusCode", 202}});
}

// --------------------------------------------------------------------------------------------------- functions

Json LambdaService::configuration_of(const FunctionInfo& function) const {
  Json json = {{"FunctionName", function.name},
               {"FunctionArn", function_arn(place_, {.name = function.name})},
               {"PackageType", function.is_container ? "Image" : "Zip"},
               {"MemorySize", function.memory_mb},
               {"Timeout", function.timeout_s},
               {"EphemeralStorage", {{"Size", function.storage_mb}}},
               {"Version", kVersion},
               {"State", "Active"},
               {"LastUpdateStatus", "Successful"},
               {"LoggingConfig", {{"LogFormat", "Text"}, {"LogGroup", "/aws/lambda/" + function.name}}}};
  if (!function.is_container) {
    json["Runtime"] = "provided.al2023";
    json["Handler"] = "bootstrap";
  }
  if (!function.environment.empty()) json["Environment"] = {{"Variables", function.environment}};
  return json;
}

Result<Json> LambdaService::list_functions(const Json& parameters) {
  const std::int64_t size = TRY(optional_int(parameters, "MaxItems")).value_or(kPageStandard);
  if (size < 1 || size > kPageMax) {
    return constraint_error("maxItems", fmt::format("Member must have value between 1 and {}", kPageMax));
  }
  const auto marker = TRY(optional_string(parameters, "Marker"));
  const auto begin = parse_whole_number(marker.value_or("0"));
  if (!begin || *begin < 0) return aws_error("InvalidParameterValueException", "Invalid Marker.");
  std::vector<Json> configurations;
  configurations.reserve(functions_.functions().size());
  for (const FunctionInfo& function : functions_.functions()) configurations.push_back(configuration_of(function));
  ListPage page = page_at(std::move(configurations), *begin, size);
  Json answer = {{"Functions", std::move(page.entries)}};
  if (!page.next.empty()) answer["NextMarker"] = page.next;
  return answer;
}

Result<Json> LambdaService::get_function(const Json& parameters) {
  const Json configuration = TRY(get_function_configuration(parameters));
  return Json{{"Configuration", configuration}};
}

Result<Json> LambdaService::get_function_configuration(const Json& parameters) {
  return configuration_of(*TRY(function_of(parameters)));
}

void LambdaService::handle(AwsCall call) {
  if (call.operation == "Invoke") return invoke(std::move(call));
  using Operation = Result<Json> (LambdaService::*)(const Json&);
  static const std::map<std::string, Operation, std::less<>> operations = {
      {"GetFunction", &LambdaService::get_function},
      {"GetFunctionConfiguration", &LambdaService::get_function_configuration},
      {"ListFunctions", &LambdaService::list_functions},
  };
  const auto found = operations.find(call.operation);
  auto result = found == operations.end() ? std::unexpected(unknown_operation("Lambda", call.operation))
                                          : (this->*found->second)(call.parameters);
  call.answer(std::move(result));
}

}  // namespace tillite
