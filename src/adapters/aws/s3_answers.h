#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/aws_error.h"
#include "base/http_client.h"
#include "ports/object_store.h"

namespace tillite {

// What S3 answers, as far as it matters here (Amazon S3 API Reference). What is unknown is left aside; `corrupt` names
// what cannot be read.

/// The header of an object's metadata that names the write which it came from: chosen anew by each writer.
inline constexpr std::string_view kWriteIdHeader = "x-amz-meta-tillite-write";

/// What the headers of an object tell (HeadObject, GetObject).
struct S3ObjectFacts {
  std::uint64_t size_bytes = 0;  ///< of the whole object, also where a part of it was asked for
  std::string etag;              ///< as it came, quotes included
  std::int64_t modified_ms = 0;
  std::optional<std::uint32_t> crc32;  ///< of the whole object's bytes; nothing if the answer does not tell it
  std::string write_id;                ///< of kWriteIdHeader; empty: it has none
  std::uint64_t begin = 0;             ///< where the bytes of this answer begin in the object
};
[[nodiscard]] Result<S3ObjectFacts> parse_object_headers(const HttpResponse& response, std::string_view name);

/// A page of ListObjectsV2, its keys percent-coded (encoding-type=url).
struct S3ListPage {
  std::vector<ObjectInfo> objects;  ///< those whose keys are keys of ours (ports/object_store.h), in order
  std::string continuation;         ///< where the next page begins; empty: this is the last
};
[[nodiscard]] Result<S3ListPage> parse_list_page(std::string_view xml);

/// The id that CreateMultipartUpload answers.
[[nodiscard]] Result<std::string> parse_upload_id(std::string_view xml);

/// The body of an answer of CompleteMultipartUpload with status 200, which may be an error nevertheless: S3 sends the
/// status before it has put the parts together, and blanks until it has. What is refused there is what it would be
/// behind a status of its own (412 for PreconditionFailed, 500 for InternalError, ...). Without either the answer was
/// lost: `unavailable`, and no status.
[[nodiscard]] AwsResult<void> check_completion(std::string_view xml);

/// The body of CompleteMultipartUpload.
struct S3Part {
  int number = 0;  ///< from 1
  std::string etag;
  std::uint32_t crc32 = 0;
};
[[nodiscard]] std::string completion_body(const std::vector<S3Part>& parts);

/// A CRC-32 as x-amz-checksum-crc32 has it: base64 of its four bytes, the highest first.
[[nodiscard]] std::string crc32_text(std::uint32_t crc32);
/// The reverse; nothing for anything else, such as the checksum of checksums ("...-3") of an object in parts.
[[nodiscard]] std::optional<std::uint32_t> parse_crc32(std::string_view text);

}  // namespace tillite
