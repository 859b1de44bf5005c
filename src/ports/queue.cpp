#include "ports/queue.h"

namespace tillite {
namespace {

Result<void> check_duration(std::string_view name, std::int64_t duration_ms, std::int64_t max_ms) {
  if (duration_ms < 0) return fail(Code::invalid_input, "a {} of {} ms: it cannot be negative", name, duration_ms);
  if (duration_ms > max_ms) {
    return fail(Code::limit_exceeded, "a {} of {} ms; at most {} are allowed", name, duration_ms, max_ms);
  }
  return {};
}

}  // namespace

Result<void> check_message(const std::string& body, std::int64_t delay_ms, const std::string& attributes) {
  const std::size_t bytes = body.size() + attributes.size();
  if (bytes > Queue::kBodyBytesMax) {
    return fail(Code::limit_exceeded, "a message of {} bytes; at most {} are allowed", bytes, Queue::kBodyBytesMax);
  }
  if (body.empty()) return fail(Code::invalid_input, "a message needs a text");
  return check_duration("delay", delay_ms, Queue::kDelayMsMax);
}

Result<void> check_visibility(std::int64_t visibility_ms) {
  return check_duration("visibility", visibility_ms, Queue::kVisibilityMsMax);
}

}  // namespace tillite
