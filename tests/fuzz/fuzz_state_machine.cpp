#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/interpreter.h"

namespace {

/// Answers nothing: the walk comes as far as it can without anybody.
class Nobody final : public tillite::Interpreter::Listener {
 public:
  void recorded(tillite::HistoryEvent /*event*/) override {}
  void requested(tillite::Request /*request*/) override {}
  void withdrawn(std::int64_t /*request*/) override {}
  void map_run_began(const std::string& /*run*/, const tillite::MapRunLimits& /*limits*/) override {}
  void map_run_ended(const std::string& /*run*/, bool /*succeeded*/) override {}
};

}  // namespace

/// A definition that can be read can be walked: to its end, or to the first thing that it waits for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto machine =
      tillite::StateMachine::parse("fuzzed", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!machine) return 0;
  Nobody nobody;
  tillite::Interpreter interpreter(machine->states(), {}, {.limits = {.events_max = 500}}, nobody);
  interpreter.start(tillite::Value::Object{{"items", tillite::Value::Array{1, "two", nullptr}}}, 1'700'000'000'000);
  for (int wakes = 0; wakes < 20 && interpreter.next_wake_ms(); ++wakes)
    interpreter.advance(*interpreter.next_wake_ms());
  interpreter.stop("", "", 1'800'000'000'000);
  return 0;
}
