#include "embedding/result_line.h"

#include <simdjson.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/base64.h"
#include "base/secret.h"
#include "embedding/number_list.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are little endian in every format");

constexpr std::size_t kMessageBytesMax = 500;

namespace dom = simdjson::dom;

/// What a vector's text was read as.
struct ReadVector {
  std::vector<float> vector;  ///< the first `dimensions` numbers
  std::size_t numbers = 0;    ///< of the text; 0 if it is neither an array of numbers nor base64 of floats
};

ReadVector read_base64_vector(std::string_view text, std::size_t dimensions) {
  const auto bytes = base64_size(text);
  if (!bytes || *bytes % sizeof(float) != 0) return {};
  ReadVector read{.vector = std::vector<float>(*bytes / sizeof(float)), .numbers = *bytes / sizeof(float)};
  if (!read_base64(text, std::as_writable_bytes(std::span(read.vector)))) return {};
  if (read.numbers > dimensions) read.vector.resize(dimensions);
  return read;
}

/// An embedding as numbers or as base64, by the type that arrives.
ReadVector read_embedding(dom::element value, std::size_t dimensions) {
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) return read_base64_vector(text, dimensions);
  dom::array numbers;
  if (value.get(numbers) != simdjson::SUCCESS) return {};
  ReadVector read;
  for (const dom::element element : numbers) {
    double number = 0;
    if (element.get(number) != simdjson::SUCCESS) return {};
    if (read.numbers++ < dimensions) read.vector.push_back(static_cast<float>(number));
  }
  return read;
}

/// A vector that was found in a line, and the place of its text.
struct FoundVector {
  std::size_t begin = 0;
  std::size_t end = 0;
  ReadVector read;
};

std::optional<FoundVector> read_vector_at(std::string_view line, std::size_t begin, std::size_t dimensions) {
  FoundVector found{.begin = begin, .end = begin, .read = {}};
  const std::string_view text = line.substr(begin);
  if (text.starts_with('"')) {
    const std::size_t size = text.substr(1).find('"');
    if (size == std::string_view::npos) return std::nullopt;
    found.read = read_base64_vector(text.substr(1, size), dimensions);
    found.end += size + 2;
    if (found.read.numbers == 0) return std::nullopt;
    return found;
  }
  found.read.vector.resize(dimensions);
  const auto list = read_number_list(text, found.read.vector);
  if (!list) return std::nullopt;
  found.read.numbers = list->numbers;
  found.end += list->characters;
  return found;
}

/// The value of the first "embedding" with a colon behind it, if it is plain. If the line is JSON at all, this is a
/// member's name (its first quote is not escaped, and no string ends right before a name), so that another value in the
/// place of this one changes nothing else.
std::optional<FoundVector> find_vector(std::string_view line, std::size_t dimensions) {
  constexpr std::string_view name = "\"embedding\"";
  constexpr std::string_view blanks = " \t\r";
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    if (at > 0 && line[at - 1] == '\\') return std::nullopt;
    const std::size_t colon = line.find_first_not_of(blanks, at + name.size());
    if (colon == std::string_view::npos || line[colon] != ':') continue;
    const std::size_t value = line.find_first_not_of(blanks, colon + 1);
    if (value == std::string_view::npos) return std::nullopt;
    return read_vector_at(line, value, dimensions);
  }
  return std::nullopt;
}

/// Why a vector cannot be used; empty if it can.
std::string vector_fault(const ReadVector& read, std::size_t dimensions) {
  if (read.numbers != dimensions) return fmt::format("the vector has {} numbers, not {}", read.numbers, dimensions);
  constexpr std::uint32_t kExponent = 0x7f800000;
  constexpr std::uint32_t kMagnitude = 0x7fffffff;
  std::uint32_t any = 0;
  std::uint32_t infinite = 0;
  for (const float number : read.vector) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(number) & kMagnitude;
    any |= magnitude;
    infinite |= magnitude >= kExponent ? 1U : 0U;
  }
  if (infinite != 0) return "the vector has NaN or infinity in it";
  return any != 0 ? "" : "the vector has length zero";
}

std::string text_or(dom::object object, std::string_view name, std::string fallback) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS || text.empty()) return fallback;
  return without_keys(std::string(text.substr(0, kMessageBytesMax)));  // it goes into rows, logs and reports
}

void set_failure(BatchResult& result, dom::object error) {
  result.error_code = text_or(error, "code", text_or(error, "type", "failed"));
  result.error_message = text_or(error, "message", "the provider gave no reason");
}

}  // namespace

class ResultLineReader::Parser {
 public:
  explicit Parser(std::size_t dimensions) : dimensions_(dimensions) {}

  Result<BatchResult> read(std::string_view line) {
    if (auto found = find_vector(line, dimensions_)) {
      const std::string_view before = line.substr(0, found->begin);
      const std::string_view behind = line.substr(found->end);
      // A line that has the mark itself could pass it off as the place of the vector.
      if (before.find(kMark) == std::string_view::npos && behind.find(kMark) == std::string_view::npos) {
        text_.assign(before).append(kMark).append(behind);
        elsewhere_ = false;
        auto result = read_text(text_, &found->read);
        if (!elsewhere_) return result;
      }
    }
    return read_text(line, nullptr);
  }

  /// One line, or one whose vector is replaced by the mark and read already.
  Result<BatchResult> read_text(std::string_view line, ReadVector* marked) {
    dom::object object;
    std::string_view custom_id;
    if (parser_.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
      return fail(Code::invalid_input, "it is not a JSON object");
    }
    if (object["custom_id"].get(custom_id) != simdjson::SUCCESS) {
      return fail(Code::invalid_input, "it has no custom_id");
    }
    BatchResult result{.id = RecordId(std::string(custom_id))};
    TRY(parse_record_id(result.id));
    if (dom::object response; object["response"].get(response) == simdjson::SUCCESS) {
      read_response(result, response, marked);
    } else if (dom::object error; object["error"].get(error) == simdjson::SUCCESS) {
      set_failure(result, error);
    } else {
      result.error_code = "bad_result";
      result.error_message = "there is neither a response nor an error";
    }
    return result;
  }

 private:
  static constexpr std::int64_t kMarkValue = -7'291'640'358'217'936;
  static constexpr std::string_view kMark = "-7291640358217936";

  /// Reads `response`: the vector, or the error in its body.
  void read_response(BatchResult& result, dom::object response, ReadVector* marked) {
    std::int64_t status = 0;
    if (response["status_code"].get(status) != simdjson::SUCCESS) status = 0;
    if (dom::object error; response["body"]["error"].get(error) == simdjson::SUCCESS) {
      set_failure(result, error);
      return;
    }
    dom::element embedding;
    if (status >= 400 || response["body"]["data"].at(0)["embedding"].get(embedding) != simdjson::SUCCESS) {
      result.error_code = "bad_result";
      result.error_message = fmt::format("the response (status {}) has no vector", status);
      return;
    }
    std::int64_t mark = 0;
    elsewhere_ = marked != nullptr && (embedding.get(mark) != simdjson::SUCCESS || mark != kMarkValue);
    if (elsewhere_) return;
    ReadVector read = marked != nullptr ? std::move(*marked) : read_embedding(embedding, dimensions_);
    std::string fault = vector_fault(read, dimensions_);
    if (fault.empty()) result.vector = std::move(read.vector);
    result.error_code = fault.empty() ? "" : "bad_vector";
    result.error_message = std::move(fault);
  }

  std::size_t dimensions_;
  dom::parser parser_;
  std::string text_;
  bool elsewhere_ = false;  ///< the vector that was found is not the result's
};

ResultLineReader::ResultLineReader(std::size_t dimensions) : parser_(std::make_unique<Parser>(dimensions)) {}
ResultLineReader::ResultLineReader(ResultLineReader&& other) noexcept = default;
ResultLineReader& ResultLineReader::operator=(ResultLineReader&& other) noexcept = default;
ResultLineReader::~ResultLineReader() = default;

Result<BatchResult> ResultLineReader::read(std::string_view line) { return parser_->read(line); }
Result<BatchResult> ResultLineReader::read_whole(std::string_view line) { return parser_->read_text(line, nullptr); }

}  // namespace tillite
