#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/aws/s3_answers.h"
#include "adapters/aws/sqs_answers.h"
#include "adapters/aws/step_functions_answers.h"
#include "base/check.h"

namespace {

using tillite::check;

/// Whatever a server says, keys are keys, and a list does not go on to nowhere.
void parse_s3(const std::string& text) {
  if (const auto page = tillite::parse_list_page(text)) {
    for (const auto& object : page->objects)
      check(tillite::check_key(object.key).has_value(), "a key is a key of ours");
  }
  if (const auto id = tillite::parse_upload_id(text)) check(!id->empty(), "an upload has an id");
  static_cast<void>(tillite::check_completion(text));
  if (const auto crc32 = tillite::parse_crc32(text)) {
    check(tillite::parse_crc32(tillite::crc32_text(*crc32)) == crc32, "a checksum has one text");
  }
  for (const int status : {200, 206}) {
    const tillite::HttpResponse response{.status = status,
                                         .headers = {{"content-length", text},
                                                     {"content-range", text},
                                                     {"etag", text},
                                                     {"last-modified", text},
                                                     {"x-amz-checksum-crc32", text}},
                                         .body = {}};
    const auto facts = tillite::parse_object_headers(response, "an object");
    if (facts && status == 206) check(facts->begin < facts->size_bytes, "a part begins within its object");
  }
  const tillite::S3Part part{.number = 1, .etag = text, .crc32 = 1};
  const std::string body = tillite::completion_body({part});
  check(body.ends_with("</CompleteMultipartUpload>"), "a body is whole");
}

void parse_json_services(const tillite::Json& answer) {
  if (const auto messages = tillite::parse_received(answer)) {
    for (const auto& message : *messages) check(message.receive_count >= 0, "a count is not negative");
  }
  static_cast<void>(tillite::parse_sent(answer));
  static_cast<void>(tillite::parse_counts(answer));
  if (const auto target = tillite::parse_redrive_policy(answer)) {
    check(!target->name.empty() && !target->account.empty(), "a queue has a name and an account");
  }
  if (const auto execution = tillite::parse_execution(answer)) check(execution->start_ms >= 0, "a time is one");
  static_cast<void>(tillite::parse_execution_page(answer));
  static_cast<void>(tillite::parse_event_page(answer));
  static_cast<void>(tillite::parse_machine_page(answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  parse_s3(text);
  if (const auto answer = tillite::parse_json(text, "an answer"); answer && answer->is_object()) {
    parse_json_services(*answer);
  }
  return 0;
}
