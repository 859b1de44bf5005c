// A Lambda function that does what its event says, for tests of who runs functions: {"do": "echo"}.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/json.h"
#include "lambda/line_output.h"
#include "lambda/runtime_api.h"

namespace {

using tillite::Json;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Takes memory for good.
void allocate(std::size_t mb) {
  static std::vector<std::vector<char>> taken;
  constexpr std::size_t kBytesPerMib = std::size_t{1} << 20;
  for (std::size_t i = 0; i < mb; ++i) taken.emplace_back(kBytesPerMib, 'x');
}

/// Takes memory and writes at the same time, for ever.
[[noreturn]] void allocate_and_write() {
  const std::jthread allocating([] { allocate(2000); });
  const std::string line = std::string(1023, 'x') + "\n";
  while (::write(STDOUT_FILENO, line.data(), line.size()) > 0) {
  }
  ::_exit(1);
}

tillite::Result<void> work(tillite::RuntimeApi& api, const tillite::RuntimeInvocation& invocation, std::size_t count) {
  const Json event = TRY(tillite::parse_json(invocation.event, "the event"));
  const std::string what = TRY(tillite::optional_string(event, "do")).value_or("echo");
  if (what == "sleep") std::this_thread::sleep_for(std::chrono::milliseconds(TRY(tillite::int_field(event, "ms"))));
  if (what == "exit") ::_exit(static_cast<int>(TRY(tillite::int_field(event, "status"))));
  if (what == "allocate") allocate(static_cast<std::size_t>(TRY(tillite::int_field(event, "mb"))));
  if (what == "allocate and write") allocate_and_write();
  if (what == "log") tillite::write_line(STDOUT_FILENO, TRY(tillite::string_field(event, "line")));
  if (what == "no json") return api.respond(invocation.request_id, "{");
  if (what == "error") return api.fail(invocation.request_id, {.type = "Probe.Failed", .message = "as I was told"});
  if (what == "large") {
    const std::string text =
        "\"" + std::string(static_cast<std::size_t>(TRY(tillite::int_field(event, "bytes"))), 'x') + "\"";
    const auto taken = api.respond(invocation.request_id, text);
    if (taken) return {};
    return api.fail(invocation.request_id, {.type = taken.error().name(), .message = taken.error().message()});
  }
  Json variables = Json::object();
  if (what == "environment") {
    for (char** each = environ; *each != nullptr; ++each) {
      const std::string text(*each);
      variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
  }
  return api.respond(invocation.request_id, tillite::to_text({{"event", event},
                                                              {"pid", ::getpid()},
                                                              {"invocations", count},
                                                              {"arn", invocation.function_arn},
                                                              {"deadline_ms", invocation.deadline_ms},
                                                              {"trace", invocation.trace_header},
                                                              {"environment", variables}}));
}

tillite::Result<void> run() {
  auto api = TRY(tillite::RuntimeApi::at(variable("AWS_LAMBDA_RUNTIME_API")));
  if (variable("AT_START") == "exit") ::_exit(3);
  if (variable("AT_START") == "sleep") ::pause();
  if (variable("AT_START") == "error") {
    TRY(api.fail_init({.type = "Probe.NotReady", .message = "something is missing"}));
    ::_exit(1);
  }
  for (std::size_t count = 1;; ++count) TRY(work(api, TRY(api.next()), count));
}

}  // namespace

int main() { return run() ? EXIT_SUCCESS : EXIT_FAILURE; }
