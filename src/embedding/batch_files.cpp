#include "embedding/batch_files.h"

#include <simdjson.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/json.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are little endian in every format");

constexpr std::size_t kResultLineBytesMax = std::size_t{4} << 20;
constexpr std::size_t kMessageBytesMax = 500;

namespace dom = simdjson::dom;

/// The bytes of standard base64, with or without padding; nothing if there is another character.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
  }
  return bytes;
}

/// An embedding as numbers or as base64, by the type that arrives; empty if it is neither.
std::vector<float> read_embedding(dom::element value) {
  std::vector<float> vector;
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
    const auto bytes = decode_base64(text);
    if (!bytes || bytes->size() % sizeof(float) != 0) return {};
    vector.resize(bytes->size() / sizeof(float));
    std::memcpy(vector.data(), bytes->data(), bytes->size());
    return vector;
  }
  dom::array numbers;
  if (value.get(numbers) != simdjson::SUCCESS) return {};
  for (const dom::element element : numbers) {
    double number = 0;
    if (element.get(number) != simdjson::SUCCESS) return {};
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

/// Why a vector cannot be used; empty if it can.
std::string vector_fault(const std::vector<float>& vector, std::size_t dimensions) {
  if (vector.size() != dimensions) return fmt::format("the vector has {} numbers, not {}", vector.size(), dimensions);
  double square = 0;
  for (const float number : vector) {
    if (!std::isfinite(number)) return "the vector has NaN or infinity in it";
    square += static_cast<double>(number) * static_cast<double>(number);
  }
  return square > 0 ? "" : "the vector has length zero";
}

std::string text_or(dom::object object, std::string_view name, std::string fallback) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS || text.empty()) return fallback;
  return std::string(text.substr(0, kMessageBytesMax));
}

void set_failure(BatchResult& result, dom::object error) {
  result.error_code = text_or(error, "code", text_or(error, "type", "failed"));
  result.error_message = text_or(error, "message", "the provider gave no reason");
}

/// Reads `response`: the vector, or the error in its body.
void read_response(BatchResult& result, dom::object response, std::size_t dimensions) {
  std::int64_t status = 0;
  if (response["status_code"].get(status) != simdjson::SUCCESS) status = 0;
  result.error_code = "bad_result";
  result.error_message = fmt::format("the response (status {}) has no vector", status);
  if (dom::object error; response["body"]["error"].get(error) == simdjson::SUCCESS) {
    set_failure(result, error);
    return;
  }
  dom::element embedding;
  if (status >= 400 || response["body"]["data"].at(0)["embedding"].get(embedding) != simdjson::SUCCESS) return;
  result.vector = read_embedding(embedding);
  std::string fault = vector_fault(result.vector, dimensions);
  if (!fault.empty()) result.vector.clear();
  result.error_code = fault.empty() ? "" : "bad_vector";
  result.error_message = std::move(fault);
}

/// One line of a result file. An error only if the line does not say whose result it is.
Result<BatchResult> read_line(std::string_view line, dom::parser& parser, std::size_t dimensions) {
  dom::object object;
  std::string_view custom_id;
  if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
    return fail(Code::invalid_input, "it is not a JSON object");
  }
  if (object["custom_id"].get(custom_id) != simdjson::SUCCESS) return fail(Code::invalid_input, "it has no custom_id");
  BatchResult result{.id = RecordId(std::string(custom_id))};
  TRY(parse_record_id(result.id));
  if (dom::object response; object["response"].get(response) == simdjson::SUCCESS) {
    read_response(result, response, dimensions);
  } else if (dom::object error; object["error"].get(error) == simdjson::SUCCESS) {
    set_failure(result, error);
  } else {
    result.error_code = "bad_result";
    result.error_message = "there is neither a response nor an error";
  }
  return result;
}

}  // namespace

std::string request_line(const BatchItem& item, std::string_view model) {
  const auto quoted = [](std::string_view text) { return to_text(Json(text)); };
  return fmt::format(
      R"({{"custom_id": {}, "method": "POST", "url": "/v1/embeddings", "body": {{"model": {}, "input": {}}}}})"
      "\n",
      quoted(item.id.str()), quoted(model), quoted(item.input));
}

Result<BatchRequest> parse_request_line(std::string_view line) {
  const Json json = TRY(parse_json(line, "the request"));
  const Json body = TRY(object_field(json, "body"));
  const std::string url = TRY(string_field(json, "url"));
  if (url != "/v1/embeddings")
    return fail(Code::invalid_input, "the field 'url' must be /v1/embeddings, but is {}", url.substr(0, 64));
  BatchRequest request{.custom_id = TRY(string_field(json, "custom_id")),
                       .model = TRY(string_field(body, "model")),
                       .input = TRY(string_field(body, "input"))};
  const std::string encoding = TRY(optional_string(body, "encoding_format")).value_or("float");
  if (encoding != "float" && encoding != "base64") {
    return fail(Code::invalid_input, "the field 'encoding_format' must be float or base64, but is '{}'",
                encoding.substr(0, 64));
  }
  request.base64 = encoding == "base64";
  return request;
}

Result<ResultFileFacts> read_results(ByteSource& file, std::size_t dimensions,
                                     const std::function<Result<void>(BatchResult&&)>& each) {
  ResultFileFacts facts;
  dom::parser parser;
  LineReader lines(file, kResultLineBytesMax);
  while (true) {
    const auto line = TRY(lines.next());
    if (line.status == LineReader::Status::end) return facts;
    if (line.status == LineReader::Status::line && line.text.find_first_not_of(" \t") == std::string_view::npos)
      continue;
    Result<BatchResult> result = fail(Code::limit_exceeded, "it is longer than {} bytes", kResultLineBytesMax);
    if (line.status == LineReader::Status::line) result = read_line(line.text, parser, dimensions);
    if (!result) {
      if (facts.unreadable_lines++ == 0) {
        facts.first_unreadable = fmt::format("line {}: {}", line.number, result.error().message());
      }
      continue;
    }
    ++facts.results;
    TRY(each(*std::move(result)));
  }
}

}  // namespace tillite
