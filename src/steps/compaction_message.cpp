#include "steps/compaction_message.h"

#include "base/json.h"
#include "base/time.h"
#include "vectors/versions/keys.h"

namespace tillite {

Result<CompactionMessage> parse_compaction_message(std::string_view body) {
  const Json json = TRY(parse_json(body, "the message"));
  if (!json.is_object()) {
    return fail(Code::invalid_input, "the message is no JSON object such as {{\"collection\": \"receipt_lines\"}}");
  }
  CompactionMessage message;
  message.entity = TRY(entity_of_collection(TRY(string_field(json, "collection"))));
  const auto key = TRY(optional_string(json, "delta_key"));
  if (key) {
    message.kind = CompactionMessage::Kind::delta;
    message.delta = delta_id_of(ObjectKey(*key));
  } else if (TRY(optional_bool(json, "check")).value_or(false)) {
    message.kind = CompactionMessage::Kind::check;
  }
  return message;
}

std::string delta_message(const DeltaNotification& delta) {
  return to_text({{"delta_key", delta.delta_key.str()},
                  {"collection", names_of(delta.entity).collection},
                  {"database", names_of(delta.entity).name},
                  {"vector_count", delta.vector_count},
                  {"batch_id", delta.batch_id.str()},
                  {"timestamp", iso_time(delta.timestamp_ms)}});
}

std::string check_message(Entity entity) {
  return to_text({{"collection", names_of(entity).collection}, {"check", true}});
}

std::string everything_message(Entity entity) { return to_text({{"collection", names_of(entity).collection}}); }

}  // namespace tillite
