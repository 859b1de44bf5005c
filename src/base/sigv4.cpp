#include "base/sigv4.h"

#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/percent_coding.h"
#include "base/time.h"

namespace tillite {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string digest(32, '\0');
  unsigned size = 0;
  const unsigned char* const made = ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                           reinterpret_cast<unsigned char*>(digest.data()), &size);
  check(made != nullptr && size == digest.size(), "an HMAC with SHA-256 has 32 bytes");
  return digest;
}

/// Without "//", "." and ".." (RFC 3986, 5.2.4), each segment encoded once more.
std::string walked_path(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    begin = end + 1;
  }
  const bool ends_in_folder = path.ends_with('/') && !segments.empty();
  return "/" + percent_encode(fmt::format("{}", fmt::join(segments, "/")), true) + (ends_in_folder ? "/" : "");
}

/// S3 has keys in its paths: nothing of them may be lost, and they are encoded as they are sent.
std::string canonical_path(std::string_view path, bool is_for_s3) {
  if (!is_for_s3) return walked_path(path);
  return path.empty() ? "/" : std::string(path);
}

/// Sorted by their encoded names and values.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& [name, value] : split_query(query)) {
    parameters.emplace_back(percent_encode(percent_decode(name).value_or(std::string(name))),
                            percent_encode(percent_decode(value).value_or(std::string(value))));
  }
  std::ranges::sort(parameters);
  std::string text;
  for (const auto& [name, value] : parameters) text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

/// All values of a header, blanks at their ends left out and those within made one.
std::string canonical_value(const SigV4Request& request, std::string_view name) {
  std::string text;
  bool is_first = true;
  for (const auto& [header, value] : request.headers) {
    if (header != name) continue;
    if (!std::exchange(is_first, false)) text += ',';
    bool blank_before = true;
    for (const char c : value) {
      const bool is_blank = c == ' ' || c == '\t';
      if (!is_blank) text += c;
      if (is_blank && !blank_before) text += ' ';
      blank_before = is_blank;
    }
    if (text.ends_with(' ')) text.pop_back();
  }
  return text;
}

/// The names of all headers, each once and sorted.
std::vector<std::string> names_of(const SigV4Request& request) {
  std::vector<std::string> names;
  names.reserve(request.headers.size());
  for (const auto& header : request.headers) names.push_back(header.first);
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  return names;
}

}  // namespace

std::string SigV4Scope::text() const { return fmt::format("{}/{}/{}/{}", date, region, service, kTerminator); }

std::string sigv4_timestamp(std::int64_t epoch_ms) {
  std::string text = iso_time(epoch_ms).substr(0, std::string_view("2015-08-30T12:36:00").size()) + "Z";
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string sigv4_canonical_request(const SigV4Request& request, const std::vector<std::string>& signed_names) {
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  std::string headers;
  for (const std::string& name : signed_names) headers += fmt::format("{}:{}\n", name, canonical_value(request, name));
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method,
                     canonical_path(target.substr(0, mark), request.is_for_s3),
                     canonical_query(target.substr(std::min(mark + 1, target.size()))), headers,
                     fmt::join(signed_names, ";"), request.payload_hash);
}

std::string sigv4_signature(std::string_view secret_access_key, const SigV4Scope& scope, std::string_view timestamp,
                            std::string_view canonical_request) {
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, timestamp, scope.text(), sha256_hex(canonical_request));
  std::string first_key = fmt::format("AWS4{}", secret_access_key);
  std::string key = hmac_sha256(first_key, scope.date);
  wipe(first_key);
  for (const std::string_view part : {std::string_view(scope.region), std::string_view(scope.service), kTerminator}) {
    key = hmac_sha256(key, part);
  }
  return hex_of(as_bytes(hmac_sha256(key, text)));
}

std::string sigv4_authorization(const SigV4Request& request, const AwsCredential& credential, const SigV4Scope& scope,
                                std::string_view timestamp) {
  const std::vector<std::string> names = names_of(request);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credential.access_key_id,
                     scope.text(), fmt::join(names, ";"),
                     sigv4_signature(credential.secret_access_key.reveal(), scope, timestamp,
                                     sigv4_canonical_request(request, names)));
}

std::string sigv4_presigned_target(const SigV4Request& request, const AwsCredential& credential,
                                   const SigV4Scope& scope, std::string_view timestamp, std::int64_t expires_s) {
  const std::vector<std::string> names = names_of(request);
  SigV4Request presigned = request;
  presigned.target +=
      fmt::format("{}X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders={}",
                  request.target.contains('?') ? "&" : "?", kAlgorithm,
                  percent_encode(fmt::format("{}/{}", credential.access_key_id, scope.text())), timestamp, expires_s,
                  percent_encode(fmt::format("{}", fmt::join(names, ";"))));
  if (!credential.session_token.empty()) {
    presigned.target += "&X-Amz-Security-Token=" + percent_encode(credential.session_token.reveal());
  }
  return presigned.target + "&X-Amz-Signature=" +
         sigv4_signature(credential.secret_access_key.reveal(), scope, timestamp,
                         sigv4_canonical_request(presigned, names));
}

}  // namespace tillite
