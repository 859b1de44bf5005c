#include "emulator/embeddings/embedding_request.h"

#include <algorithm>

#include "base/text.h"
#include "emulator/embeddings/token_count.h"

namespace tillite {
namespace {

constexpr std::int64_t kTokenMax = 100'276;  // of cl100k_base

ApiError unusable_input() {
  return {400, "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."};
}

bool is_token(const Json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() <= kTokenMax;
}

bool is_token_list(const Json& value) {
  return value.is_array() && !value.empty() && std::ranges::all_of(value, is_token);
}

/// The vocabulary to turn tokens into text is not here: equal lists get equal vectors, and that is all.
std::string text_for_tokens(const Json& tokens) {
  std::string text;
  for (const Json& token : tokens) text += fmt::format("<{}>", token.get<std::int64_t>());
  return text;
}

ApiResult<void> add_input(EmbeddingRequest& request, std::string text, std::uint64_t tokens) {
  if (tokens > EmbeddingRequest::kInputTokensMax) {
    return std::unexpected(ApiError(
        400, fmt::format("This model's maximum context length is {} tokens, however you requested {} tokens ({} in "
                         "your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
                         EmbeddingRequest::kInputTokensMax, tokens, tokens)));
  }
  request.inputs.push_back(std::move(text));
  request.tokens += tokens;
  return {};
}

ApiResult<void> add_text(EmbeddingRequest& request, const Json& text) {
  if (!text.is_string()) return std::unexpected(unusable_input());
  auto value = text.get<std::string>();
  if (value.empty()) return std::unexpected(unusable_input());
  const std::uint64_t tokens = count_tokens(value);
  return add_input(request, std::move(value), tokens);
}

ApiResult<void> read_inputs(EmbeddingRequest& request, const Json& input) {
  if (input.is_string()) return add_text(request, input);
  if (!input.is_array() || input.empty()) return std::unexpected(unusable_input());
  if (input.size() > EmbeddingRequest::kInputsMax && !is_token_list(input)) {
    return std::unexpected(
        ApiError(400, fmt::format("Invalid 'input': array too long. Expected an array with maximum length {}, but got "
                                  "an array with length {} instead.",
                                  EmbeddingRequest::kInputsMax, input.size()))
            .at("input")
            .coded("array_above_max_length"));
  }
  if (is_token_list(input)) return add_input(request, text_for_tokens(input), input.size());
  for (const Json& part : input) {
    if (is_token_list(part)) {
      TRY(add_input(request, text_for_tokens(part), part.size()));
    } else {
      TRY(add_text(request, part));
    }
  }
  return {};
}

ApiResult<void> read_dimensions(EmbeddingRequest& request, const Json& dimensions) {
  const std::size_t most = request.model->embedder->dimensions();
  if (!dimensions.is_number_integer()) return std::unexpected(invalid_type("dimensions", "an integer", dimensions));
  if (!request.model->can_shorten) {
    return std::unexpected(ApiError(400, "This model does not support specifying dimensions."));
  }
  const auto value = dimensions.get<std::int64_t>();
  if (value < 1) {
    return std::unexpected(ApiError(400, fmt::format("Invalid 'dimensions': integer below minimum value. Expected a "
                                                     "value >= 1, but got {} instead.",
                                                     value))
                               .at("dimensions")
                               .coded("integer_below_min_value"));
  }
  if (static_cast<std::uint64_t>(value) > most) {
    return std::unexpected(ApiError(
        400, fmt::format("Invalid value for 'dimensions' = {}. Must be less than or equal to {}.", value, most)));
  }
  request.dimensions = static_cast<std::size_t>(value);
  return {};
}

}  // namespace

ApiResult<EmbeddingRequest> parse_embedding_request(const Json& body, const ModelCatalog& models) {
  if (!body.is_object()) return std::unexpected(ApiError(400, "We could not parse the JSON body of your request."));
  const Json* const name = find_field(body, "model");
  if (name == nullptr) return std::unexpected(ApiError(400, "you must provide a model parameter"));
  if (!name->is_string()) return std::unexpected(invalid_type("model", "a string", *name));
  EmbeddingRequest request;
  request.model = models.find(name->get_ref<const std::string&>());
  if (request.model == nullptr) {
    return std::unexpected(ApiError(404, fmt::format("The model `{}` does not exist or you do not have access to it.",
                                                     name->get<std::string>().substr(0, 100)))
                               .coded("model_not_found"));
  }
  request.dimensions = request.model->embedder->dimensions();
  const Json* const input = find_field(body, "input");
  if (input == nullptr) return std::unexpected(missing_parameter("input"));
  TRY(read_inputs(request, *input));
  if (request.tokens > EmbeddingRequest::kTokensMax) {
    return std::unexpected(ApiError(400, fmt::format("Requested {} tokens, max {} tokens per request", request.tokens,
                                                     EmbeddingRequest::kTokensMax))
                               .of_type("max_tokens_per_request")
                               .coded("max_tokens_per_request"));
  }
  if (const Json* const format = find_field(body, "encoding_format")) {
    if (!format->is_string()) return std::unexpected(invalid_type("encoding_format", "a string", *format));
    const auto& text = format->get_ref<const std::string&>();
    if (text != "float" && text != "base64") {
      return std::unexpected(invalid_value("encoding_format", text, "'float' and 'base64'"));
    }
    request.is_base64 = text == "base64";
  }
  if (const Json* const dimensions = find_field(body, "dimensions")) TRY(read_dimensions(request, *dimensions));
  return request;
}

std::size_t count_inputs(const Json& body) {
  const Json* const input = find_field(body, "input");
  if (input == nullptr) return 0;
  return input->is_array() && !is_token_list(*input) ? input->size() : 1;
}

}  // namespace tillite
