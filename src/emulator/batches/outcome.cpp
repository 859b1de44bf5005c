#include "emulator/batches/outcome.h"

#include <array>

namespace tillite {
namespace {

constexpr std::array kEnds = {std::pair("completed", Outcome::End::completed),
                              std::pair("failed", Outcome::End::failed), std::pair("expired", Outcome::End::expired),
                              std::pair("cancelled", Outcome::End::cancelled)};
constexpr std::array kOutputs = {std::pair("whole", Outcome::Output::whole), std::pair("none", Outcome::Output::none),
                                 std::pair("truncated", Outcome::Output::truncated)};

template <typename Names, typename Value>
Result<Value> value_named(const Names& names, std::string_view field, const std::string& name, Value otherwise) {
  if (name.empty()) return otherwise;
  for (const auto& [text, value] : names) {
    if (name == text) return value;
  }
  return fail(Code::invalid_input, "the field '{}' cannot be '{}'", field, name.substr(0, 40));
}

template <typename Names, typename Value>
std::string name_of(const Names& names, Value value) {
  for (const auto& [text, named] : names) {
    if (named == value) return text;
  }
  return "";
}

}  // namespace

Result<Outcome> Outcome::parse(const Json& json) {
  if (!json.is_object()) return fail(Code::invalid_input, "an outcome of a batch is an object");
  Outcome outcome;
  outcome.end = TRY(value_named(kEnds, "end", TRY(optional_string(json, "end")).value_or(""), End::completed));
  outcome.done = TRY(optional_number(json, "done")).value_or(outcome.end == End::completed ? 1 : 0.5);
  if (!(outcome.done >= 0 && outcome.done <= 1)) return fail(Code::invalid_input, "the field 'done' is from 0 to 1");
  outcome.code = TRY(optional_string(json, "code")).value_or("");
  outcome.message = TRY(optional_string(json, "message")).value_or("");
  outcome.output =
      TRY(value_named(kOutputs, "output", TRY(optional_string(json, "output")).value_or(""), Output::whole));
  if (const Json* const lines = find_field(json, "lines")) {
    TRY(FaultSpec::parse_lines(*lines));
    outcome.lines = *lines;
  }
  for (const auto& [name, value] : json.items()) {
    if (name != "end" && name != "done" && name != "code" && name != "message" && name != "output" && name != "lines") {
      return fail(Code::invalid_input, "an outcome has no field '{}'", name.substr(0, 40));
    }
  }
  return outcome;
}

Json Outcome::json() const {
  Json json = {{"end", name_of(kEnds, end)}, {"done", done}, {"output", name_of(kOutputs, output)}};
  if (!code.empty()) json["code"] = code;
  if (!message.empty()) json["message"] = message;
  if (!lines.empty()) json["lines"] = lines;
  return json;
}

Outcome Outcome::of(BatchFault fault, double unit) {
  switch (fault) {
    case BatchFault::expires:
      return {.end = End::expired, .done = unit};
    case BatchFault::fails:
      return {.end = End::failed, .code = "server_error", .message = "The batch could not be processed."};
    case BatchFault::hits_token_limit:
      return {.end = End::failed, .code = "token_limit_exceeded"};
    case BatchFault::is_cancelled:
      return {.end = End::cancelled, .done = unit};
    case BatchFault::has_no_output:
      return {.output = Output::none};
    case BatchFault::is_truncated:
      return {.output = Output::truncated};
  }
  return {};
}

}  // namespace tillite
