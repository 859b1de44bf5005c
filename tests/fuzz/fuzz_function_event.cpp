#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "lambda/response_context.h"

/// Whatever an event is, its caller is recognised and gets an answer that is JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::CallerKind;
  const auto event = tillite::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "the event");
  if (!event) return 0;
  const CallerKind kind = tillite::recognise_caller(*event);
  const auto wanted = tillite::step_event(kind, *event);
  const bool is_gateway = kind == CallerKind::rest_gateway || kind == CallerKind::http_gateway;
  tillite::check(wanted || is_gateway, "only a gateway's event can fail to be read");
  if (is_gateway && wanted) tillite::check(wanted->is_object(), "a gateway's body is an object");

  const auto answer = tillite::success_answer(kind, wanted ? *wanted : tillite::Json::object());
  tillite::check(!answer.is_error && tillite::parse_json(answer.payload, "").has_value(), "a result is JSON");
  const auto failed =
      tillite::error_answer(kind, *event, tillite::Error(tillite::Code::conflict, "somebody was first"), "r");
  const bool is_raised = kind == CallerKind::state_machine || kind == CallerKind::direct;
  tillite::check(failed.is_error == is_raised, "an error is raised to who would take an answer for success");
  tillite::check(is_raised || tillite::parse_json(failed.payload, "").has_value(), "any other answer is JSON");
  return 0;
}
