#include "emulator/batches/create_request.h"

#include <fmt/format.h>

#include "base/text.h"
#include "ports/batch_provider.h"

namespace tillite {
namespace {

constexpr std::int64_t kLivesMin = 3600;
constexpr std::int64_t kLivesMax = 2'592'000;

ApiResult<std::string> required_text(const Json& body, std::string_view name) {
  const auto field = body.find(name);
  if (field == body.end()) return std::unexpected(missing_parameter(name));
  if (!field->is_string()) return std::unexpected(invalid_type(name, "a string", *field));
  return field->get<std::string>();
}

ApiError too_long(const std::string& name, std::size_t max, std::size_t length) {
  return ApiError(400, fmt::format("Invalid '{}': string too long. Expected a string with maximum length {}, but got a "
                                   "string with length {} instead.",
                                   name, max, length))
      .at(name)
      .coded("string_above_max_length");
}

ApiResult<void> check_metadata(const Json& metadata) {
  if (!metadata.is_object()) return std::unexpected(invalid_type("metadata", "an object", metadata));
  if (metadata.size() > BatchProvider::kMetadataPairsMax) {
    return std::unexpected(ApiError(400, fmt::format("Invalid 'metadata': too many properties. Expected an object with "
                                                     "at most {} properties, but got an object with {} properties "
                                                     "instead.",
                                                     BatchProvider::kMetadataPairsMax, metadata.size()))
                               .at("metadata")
                               .coded("object_above_max_properties"));
  }
  for (const auto& [key, value] : metadata.items()) {
    const std::string name = "metadata." + key.substr(0, 100);
    const std::size_t key_length = code_points(key).size();
    if (key_length > BatchProvider::kMetadataKeyMax) {
      return std::unexpected(too_long("metadata", BatchProvider::kMetadataKeyMax, key_length));
    }
    if (!value.is_string()) return std::unexpected(invalid_type(name, "a string", value));
    const std::size_t length = code_points(value.get_ref<const std::string&>()).size();
    if (length > BatchProvider::kMetadataValueMax) {
      return std::unexpected(too_long(name, BatchProvider::kMetadataValueMax, length));
    }
  }
  return {};
}

}  // namespace

ApiResult<std::int64_t> parse_expires_after(const Json& value, std::string_view name) {
  if (!value.is_object()) return std::unexpected(invalid_type(name, "an object", value));
  const std::string prefix = std::string(name) + ".";
  const auto anchor = value.find("anchor");
  if (anchor == value.end()) return std::unexpected(missing_parameter(prefix + "anchor"));
  if (*anchor != "created_at") {
    return std::unexpected(invalid_value(
        prefix + "anchor", anchor->is_string() ? anchor->get<std::string>() : to_text(*anchor), "'created_at'"));
  }
  const auto seconds = value.find("seconds");
  if (seconds == value.end()) return std::unexpected(missing_parameter(prefix + "seconds"));
  if (!seconds->is_number_integer()) return std::unexpected(invalid_type(prefix + "seconds", "an integer", *seconds));
  const auto lives = seconds->get<std::int64_t>();
  if (lives < kLivesMin || lives > kLivesMax) {
    return std::unexpected(ApiError(400, fmt::format("Invalid '{}seconds': expected a value from {} to {}, but got {} "
                                                     "instead.",
                                                     prefix, kLivesMin, kLivesMax, lives))
                               .at(prefix + "seconds")
                               .coded(lives < kLivesMin ? "integer_below_min_value" : "integer_above_max_value"));
  }
  return lives;
}

ApiResult<CreateBatchRequest> parse_create_batch(const Json& body) {
  CreateBatchRequest request;
  request.input_file_id = TRY(required_text(body, "input_file_id"));
  request.endpoint = TRY(required_text(body, "endpoint"));
  if (request.endpoint != "/v1/embeddings") {
    return std::unexpected(invalid_value("endpoint", request.endpoint, "'/v1/embeddings'"));
  }
  request.completion_window = TRY(required_text(body, "completion_window"));
  if (request.completion_window != "24h") {
    return std::unexpected(invalid_value("completion_window", request.completion_window, "'24h'"));
  }
  if (const Json* const metadata = find_field(body, "metadata")) {
    TRY(check_metadata(*metadata));
    request.metadata = *metadata;
  }
  if (const Json* const expires = find_field(body, "output_expires_after")) {
    request.output_lives_s = TRY(parse_expires_after(*expires, "output_expires_after"));
  }
  return request;
}

}  // namespace tillite
