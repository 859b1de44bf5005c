#include "adapters/aws/s3_answers.h"

#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "adapters/remote/content_range.h"
#include "adapters/remote/retries.h"
#include "base/base64.h"
#include "base/number_text.h"
#include "base/percent_coding.h"
#include "base/time.h"

namespace tillite {
namespace {

constexpr std::size_t kShownBytesMax = 200;
constexpr std::uint64_t kObjectBytesMax = std::uint64_t{50} << 40;  // no object of S3's is larger

/// The answer's document. DTDs and what they define are left aside.
Result<pugi::xml_document> parse_xml(std::string_view xml) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return fail(Code::corrupt, "the answer is no XML: {} at byte {}", parsed.description(), parsed.offset);
  return document;
}

Result<pugi::xml_node> root_of(const pugi::xml_document& document, const char* name) {
  const pugi::xml_node node = document.child(name);
  if (!node) return fail(Code::corrupt, "the answer has no element {}", name);
  return node;
}

Result<std::string> text_of(const pugi::xml_node& node, const char* name) {
  const pugi::xml_node child = node.child(name);
  if (!child) return fail(Code::corrupt, "{} has no {}", node.name(), name);
  return std::string(child.text().get());
}

/// The status that an error has where S3 has not sent another one before it ("Error responses", Amazon S3 API
/// Reference).
int status_of(std::string_view code) {
  struct Status {
    std::string_view code;
    int status;
  };
  constexpr auto statuses = std::to_array<Status>({{"InternalError", 500},
                                                   {"ServiceUnavailable", 503},
                                                   {"SlowDown", 503},
                                                   {"PreconditionFailed", 412},
                                                   {"ConditionalRequestConflict", 409},
                                                   {"OperationAborted", 409},
                                                   {"NoSuchUpload", 404},
                                                   {"NoSuchBucket", 404},
                                                   {"AccessDenied", 403}});
  const auto found = std::ranges::find(statuses, code, &Status::code);
  return found == statuses.end() ? 400 : found->status;
}

Result<ObjectInfo> parse_entry(const pugi::xml_node& node, std::string key) {
  ObjectInfo info;
  info.key = ObjectKey(std::move(key));
  info.etag = TRY(text_of(node, "ETag"));
  const std::string size = TRY(text_of(node, "Size"));
  const auto bytes = parse_natural_number(size);
  if (!bytes) return fail(Code::corrupt, "'{}' is no size", size.substr(0, kShownBytesMax));
  info.size_bytes = *bytes;
  info.modified_ms = TRY(parse_iso_time(TRY(text_of(node, "LastModified"))));
  return info;
}

}  // namespace

Result<S3ObjectFacts> parse_object_headers(const HttpResponse& response, std::string_view name) {
  const auto unreadable = [&](std::string_view header) {
    return fail(Code::corrupt, "{}: the answer has no {} that can be read", name, header);
  };
  S3ObjectFacts facts;
  if (response.status == 206) {
    const auto range = parse_content_range(response.header("content-range").value_or(""));
    if (!range || !range->length || range->first >= *range->length) return unreadable("Content-Range");
    facts.begin = range->first;
    facts.size_bytes = *range->length;
  } else {
    const auto size = parse_natural_number(response.header("content-length").value_or(""));
    if (!size) return unreadable("Content-Length");
    facts.size_bytes = *size;
  }
  if (facts.size_bytes > kObjectBytesMax)
    return fail(Code::corrupt, "{}: an object of {} bytes", name, facts.size_bytes);
  facts.etag = response.header("etag").value_or("");
  if (facts.etag.empty()) return unreadable("ETag");
  const auto modified_ms = parse_http_date_ms(response.header("last-modified").value_or(""));
  if (!modified_ms) return unreadable("Last-Modified");
  facts.modified_ms = *modified_ms;
  facts.write_id = response.header(kWriteIdHeader).value_or("");
  // A checksum of checksums has its own type; of a single upload the type may be left out.
  if (response.header("x-amz-checksum-type").value_or("FULL_OBJECT") == "FULL_OBJECT") {
    facts.crc32 = parse_crc32(response.header("x-amz-checksum-crc32").value_or(""));
  }
  return facts;
}

Result<S3ListPage> parse_list_page(std::string_view xml) {
  const pugi::xml_document document = TRY(parse_xml(xml));
  const pugi::xml_node root = TRY(root_of(document, "ListBucketResult"));
  S3ListPage page;
  for (const pugi::xml_node& node : root.children("Contents")) {
    const std::string coded = TRY(text_of(node, "Key"));
    auto key = percent_decode(coded, true);
    if (!key) return fail(Code::corrupt, "'{}' is no percent-coded key", coded.substr(0, kShownBytesMax));
    // Of others, such as the folders that consoles make: they cannot be asked for.
    if (!check_key(ObjectKey(*key))) continue;
    page.objects.push_back(TRY(parse_entry(node, *std::move(key))));
  }
  if (TRY(text_of(root, "IsTruncated")) == "true") {
    page.continuation = TRY(text_of(root, "NextContinuationToken"));
    if (page.continuation.empty()) return fail(Code::corrupt, "the list goes on, but does not say where");
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  const pugi::xml_document document = TRY(parse_xml(xml));
  const pugi::xml_node root = TRY(root_of(document, "InitiateMultipartUploadResult"));
  std::string id = TRY(text_of(root, "UploadId"));
  if (id.empty()) return fail(Code::corrupt, "the id of the upload is empty");
  return id;
}

AwsResult<void> check_completion(std::string_view xml) {
  constexpr std::string_view call = "CompleteMultipartUpload";
  const auto document = parse_xml(xml);
  if (!document) return std::unexpected(aws_error_of({Code::unavailable, document.error().in(call).message()}));
  if (const pugi::xml_node error = document->child("Error")) {
    const std::string_view body = xml.substr(std::min(xml.find('<'), xml.size()));
    return std::unexpected(judge_aws_refusal(
        {.status = status_of(error.child_value("Code")), .headers = {}, .body = std::string(body)}, call));
  }
  // Servers that are not S3 call the outermost element differently.
  const auto etag = text_of(document->document_element(), "ETag");
  if (!etag) return std::unexpected(aws_error_of({Code::unavailable, etag.error().in(call).message()}));
  return {};
}

std::string completion_body(const std::vector<S3Part>& parts) {
  std::string body = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const S3Part& part : parts) {
    std::string etag;  // of another, so that it is not trusted to have no '<'
    for (const char c : part.etag) {
      if (c == '<' || c == '>' || c == '&') {
        etag += fmt::format("&#{};", static_cast<int>(c));
      } else {
        etag += c;
      }
    }
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag><ChecksumCRC32>{}</ChecksumCRC32></Part>",
                        part.number, etag, crc32_text(part.crc32));
  }
  return body + "</CompleteMultipartUpload>";
}

std::string crc32_text(std::uint32_t crc32) {
  std::array<std::byte, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes.at(i) = static_cast<std::byte>(crc32 >> (24 - 8 * i) & 0xff);
  return base64_of(bytes);
}

std::optional<std::uint32_t> parse_crc32(std::string_view text) {
  std::array<std::byte, 4> bytes{};
  if (base64_size(text) != bytes.size() || !read_base64(text, bytes)) return std::nullopt;
  std::uint32_t crc32 = 0;
  for (const std::byte byte : bytes) crc32 = crc32 << 8 | static_cast<std::uint32_t>(byte);
  return crc32;
}

}  // namespace tillite
