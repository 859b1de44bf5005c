#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "steps/compaction_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::CompactionMessage;
  const auto message = tillite::parse_compaction_message(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!message) {
    tillite::check(!message.error().message().empty(), "a message that cannot be read says why");
    return 0;
  }
  tillite::check(message->kind == CompactionMessage::Kind::delta || !message->delta, "only a notification has a delta");
  return 0;
}
