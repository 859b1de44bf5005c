#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/aws/aws_error.h"
#include "adapters/aws/xml_element.h"
#include "adapters/remote/content_range.h"
#include "adapters/remote/retries.h"
#include "base/check.h"
#include "base/text.h"

/// Whatever a service says, a refusal is bounded, printable, and of a known kind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::check;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string line = text.substr(0, text.find_first_of("\r\n"));
  for (const int status : {301, 400, 403, 404, 409, 412, 413, 429, 500, 503}) {
    const tillite::HttpResponse response{
        .status = status,
        .headers = {{"x-amzn-errortype", line}, {"x-amzn-requestid", line}, {"retry-after", line}, {"date", line}},
        .body = text};
    const auto refusal = tillite::judge_aws_refusal(response, "DynamoDB_20120810.GetItem");
    const std::string& message = refusal.error.message();
    check(message.size() < 2000, "a message is bounded");
    check(tillite::is_utf8(message) && message.find('\n') == std::string::npos, "a message is one line of UTF-8");
    check(refusal.type.size() <= 128, "a type is a name");
    check(!tillite::is_throttling(refusal) || tillite::may_pass(refusal), "what is throttled may be asked again");
    check(tillite::asked_pause_ms(response, 0).value_or(0) >= 0, "no pause is negative");
  }
  for (const char* const name : {"Code", "Message", "SecretAccessKey"}) {
    if (const auto inside = tillite::xml_element_text(text, name)) {
      check(inside->size() < text.size(), "an element's text is a part of the whole");
    }
  }
  if (tillite::parse_content_range(line)) check(line.starts_with("bytes "), "bytes are counted");
  return 0;
}
