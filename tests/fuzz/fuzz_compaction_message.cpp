#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "steps/chunk.h"
#include "steps/compaction_message.h"

/// Whatever tells a step what to merge, a message or an event's chunk, it is understood or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::CompactionMessage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto event = tillite::parse_json(text, "the event")) {
    const auto chunk = tillite::parse_chunk(*event);
    tillite::check(!chunk || !chunk->deltas.empty(), "a chunk has deltas");
  }
  const auto message = tillite::parse_compaction_message(text);
  if (!message) {
    tillite::check(!message.error().message().empty(), "a message that cannot be read says why");
    return 0;
  }
  tillite::check(message->kind == CompactionMessage::Kind::delta || !message->delta, "only a notification has a delta");
  return 0;
}
