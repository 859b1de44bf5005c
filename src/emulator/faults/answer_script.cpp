#include "emulator/faults/answer_script.h"

#include <algorithm>
#include <iterator>

namespace tillite {
namespace {

constexpr std::int64_t kCountMax = 1'000'000;
constexpr std::int64_t kStatusMin = 200;
constexpr std::int64_t kStatusMax = 599;

Result<std::size_t> count_field(const Json& json, std::string_view name, std::int64_t otherwise) {
  const std::int64_t value = TRY(optional_int(json, name)).value_or(otherwise);
  if (value < 0 || value > kCountMax) {
    return fail(Code::invalid_input, "the field '{}' is from 0 to {}", name, kCountMax);
  }
  return static_cast<std::size_t>(value);
}

Result<void> check_fields(const Json& json) {
  for (const auto& [name, value] : json.items()) {
    if (name != "on" && name != "skip" && name != "times" && name != "fault" && name != "status" && name != "headers" &&
        name != "body") {
      return fail(Code::invalid_input, "an answer has no field '{}'", name.substr(0, 40));
    }
  }
  return {};
}

}  // namespace

Result<ScriptedAnswer> ScriptedAnswer::parse(const Json& json) {
  if (!json.is_object()) return fail(Code::invalid_input, "an answer is an object");
  TRY(check_fields(json));
  ScriptedAnswer answer;
  answer.operation = TRY(string_field(json, "on"));
  answer.skip = TRY(count_field(json, "skip", 0));
  answer.times = TRY(count_field(json, "times", 1));
  if (const auto fault = TRY(optional_string(json, "fault"))) {
    answer.fault = TRY(request_fault_named(*fault));
    return answer;
  }
  const std::int64_t status = TRY(int_field(json, "status"));
  if (status < kStatusMin || status > kStatusMax) {
    return fail(Code::invalid_input, "the field 'status' is from {} to {}", kStatusMin, kStatusMax);
  }
  answer.status = static_cast<unsigned>(status);
  if (const Json* const headers = find_field(json, "headers")) {
    if (!headers->is_object()) return fail(Code::invalid_input, "the field 'headers' is an object of texts");
    for (const auto& [name, value] : headers->items()) {
      if (!value.is_string()) return fail(Code::invalid_input, "the header '{}' is no text", name.substr(0, 40));
      answer.headers.emplace_back(name, value.get<std::string>());
    }
  }
  if (const Json* const body = find_field(json, "body")) answer.body = *body;
  return answer;
}

void AnswerScript::add(std::vector<ScriptedAnswer> answers) {
  const std::scoped_lock lock(mutex_);
  std::ranges::move(answers, std::back_inserter(answers_));
}

void AnswerScript::clear() {
  const std::scoped_lock lock(mutex_);
  answers_.clear();
}

std::optional<ScriptedAnswer> AnswerScript::take(std::string_view operation) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(answers_, [&](const ScriptedAnswer& answer) {
    return answer.times > 0 && (answer.operation == operation || answer.operation == "*");
  });
  if (found == answers_.end()) return std::nullopt;
  if (found->skip > 0) {
    --found->skip;
    return std::nullopt;
  }
  ScriptedAnswer answer = *found;
  if (--found->times == 0) answers_.erase(found);
  return answer;
}

}  // namespace tillite
