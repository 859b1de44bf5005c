#include "server/signature_check.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>

#include "base/hash.h"
#include "base/time.h"

namespace tillite {
namespace {

struct Authorization {
  std::string access_key_id;
  SigV4Scope scope;
  std::vector<std::string> signed_names;
  std::string signature;
};

std::unexpected<Error> refuse(std::string_view name, std::string message) {
  return std::unexpected(Error(Code::permission, std::move(message)).named(std::string(name)));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// "AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX"
Result<Authorization> parse_authorization(std::string_view text) {
  constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
  if (text.empty()) {
    return refuse("MissingAuthenticationTokenException",
                  "Missing Authentication Token: this server was started with a credential, and the request has no "
                  "Authorization header");
  }
  if (!text.starts_with(kAlgorithm)) {
    return refuse("IncompleteSignatureException", fmt::format("Authorization must begin with {}", kAlgorithm));
  }
  Authorization authorization;
  for (std::string_view field = text.substr(kAlgorithm.size()); !field.empty();) {
    const std::size_t end = std::min(field.find(','), field.size());
    std::string_view part = field.substr(0, end);
    field.remove_prefix(std::min(end + 1, field.size()));
    part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (name == "Credential") {
      auto parts = split(value, '/');
      // An id may hold slashes, the other four parts may not.
      if (parts.size() < 5 || parts.back() != "aws4_request") continue;
      const std::size_t id_parts = parts.size() - 4;
      for (std::size_t i = 0; i < id_parts; ++i) authorization.access_key_id += (i == 0 ? "" : "/") + parts[i];
      authorization.scope = {.date = parts[id_parts], .region = parts[id_parts + 1], .service = parts[id_parts + 2]};
    } else if (name == "SignedHeaders") {
      authorization.signed_names = split(value, ';');
    } else if (name == "Signature") {
      authorization.signature = value;
    }
  }
  if (authorization.access_key_id.empty() || authorization.signed_names.empty() || authorization.signature.empty()) {
    return refuse("IncompleteSignatureException",
                  "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters");
  }
  return authorization;
}

/// "20150830T123600Z" in milliseconds since the epoch.
Result<std::int64_t> parse_timestamp(std::string_view text) {
  if (text.size() == 16) {
    const auto time = parse_iso_time(fmt::format("{}-{}-{}:{}:{}", text.substr(0, 4), text.substr(4, 2),
                                                 text.substr(6, 5), text.substr(11, 2), text.substr(13)));
    if (time) return *time;
  }
  return refuse("IncompleteSignatureException",
                fmt::format("X-Amz-Date must be as in 20150830T123600Z, but is '{}'", text.substr(0, 64)));
}

SigV4Request as_signed(const ServerRequest& request) {
  SigV4Request seen{.method = request.method,
                    .target = request.target,
                    .headers = {},
                    .payload_hash = sha256_hex(request.body),
                    .is_for_s3 = false};
  for (const HttpField& field : request.fields) seen.headers.emplace_back(field.name, field.value);
  return seen;
}

bool is_equal(std::string_view left, std::string_view right) {
  return left.size() == right.size() && ::CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

Result<void> SignatureCheck::check(const ServerRequest& request) const {
  const Authorization authorization = TRY(parse_authorization(request.field("authorization")));
  if (authorization.access_key_id != credential_.access_key_id) {
    return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
  }
  if (!is_equal(request.field("x-amz-security-token"), credential_.session_token.reveal())) {
    return refuse("UnrecognizedClientException", "The session token included in the request is invalid.");
  }
  const std::string_view timestamp = request.field("x-amz-date");
  const std::int64_t signed_ms = TRY(parse_timestamp(timestamp));
  const std::int64_t now_ms = clock_.now_ms();
  if (std::abs(now_ms - signed_ms) > kClockSkewMsMax) {
    return refuse("InvalidSignatureException", fmt::format("Signature expired: {} is more than 15 minutes from {}",
                                                           iso_time(signed_ms), iso_time(now_ms)));
  }
  const auto& names = authorization.signed_names;
  for (const char* name : {"host", "x-amz-date"}) {
    if (std::ranges::find(names, name) == names.end()) {
      return refuse("InvalidSignatureException", fmt::format("the header '{}' must be a 'SignedHeader'", name));
    }
  }
  if (!timestamp.starts_with(authorization.scope.date)) {
    return refuse("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD of X-Amz-Date");
  }
  const std::string expected = sigv4_signature(credential_.secret_access_key.reveal(), authorization.scope, timestamp,
                                               sigv4_canonical_request(as_signed(request), names));
  if (!is_equal(authorization.signature, expected)) {
    return refuse("InvalidSignatureException",
                  "The request signature we calculated does not match the signature you provided. Check your AWS "
                  "Secret Access Key and signing method.");
  }
  return {};
}

}  // namespace tillite
