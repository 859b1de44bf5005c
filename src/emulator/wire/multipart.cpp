#include "emulator/wire/multipart.h"

#include <algorithm>

#include "base/text.h"
#include "emulator/wire/header_value.h"

namespace tillite {
namespace {

constexpr std::size_t kBoundaryMax = 70;
constexpr std::size_t kHeadersMax = 16 * 1024;
constexpr std::size_t kPreambleMax = 16 * 1024;
constexpr std::size_t kPartsMax = 100;
constexpr std::string_view kLineEnd = "\r\n";

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return result;
}

/// Browsers and Node write a quotation mark or a line end in a name as %22, %0D, %0A.
std::string unescaped(std::string text) {
  for (const auto& [code, character] : {std::pair("%22", '"'), std::pair("%0D", '\r'), std::pair("%0A", '\n')}) {
    for (std::size_t at = 0; (at = text.find(code, at)) != std::string::npos; ++at) text.replace(at, 3, 1, character);
  }
  return text;
}

Result<FormPart> parse_part(std::string_view headers) {
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find(kLineEnd), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + kLineEnd.size(), headers.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(Code::invalid_input, "a part of the form has a header without ':'");
    if (lower(line.substr(0, colon)) != "content-disposition") continue;
    const auto disposition = parse_header_value(line.substr(colon + 1));
    if (!disposition || disposition->value != "form-data") break;
    const auto name = disposition->parameter("name");
    if (!name || !is_utf8(*name)) break;
    const auto file_name = disposition->parameter("filename");
    if (file_name && !is_utf8(*file_name)) break;
    return FormPart{
        .name = unescaped(*name), .is_file = file_name.has_value(), .file_name = unescaped(file_name.value_or(""))};
  }
  return fail(Code::invalid_input, "a part of the form has no 'Content-Disposition: form-data; name=...'");
}

}  // namespace

MultipartReader::MultipartReader(std::string_view boundary, FormListener& listener)
    : delimiter_(std::string("\r\n--") + std::string(boundary)),
      listener_(listener),
      buffer_(kLineEnd) {}  // so that a delimiter at the very front is one

Result<std::string> MultipartReader::boundary_of(std::string_view content_type) {
  const auto header = parse_header_value(content_type);
  if (!header || header->value != "multipart/form-data") {
    return fail(Code::invalid_input, "the body must be multipart/form-data, but is '{}'", content_type.substr(0, 100));
  }
  const auto boundary = header->parameter("boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryMax) {
    return fail(Code::invalid_input, "the Content-Type names no boundary of 1 to {} characters", kBoundaryMax);
  }
  return *boundary;
}

Result<void> MultipartReader::take(std::span<const std::byte> piece) {
  if (state_ == State::epilogue) return {};
  buffer_ += as_text(piece);
  while (TRY(step())) {
  }
  return {};
}

Result<void> MultipartReader::finish() const {
  if (state_ != State::epilogue) return fail(Code::invalid_input, "the form ends before its last boundary");
  return {};
}

Result<bool> MultipartReader::step() {
  switch (state_) {
    case State::preamble:
      return skip_preamble();
    case State::after_delimiter:
      return read_delimiter_end();
    case State::headers:
      return read_headers();
    case State::content:
      return read_content();
    case State::epilogue:
      buffer_.clear();
      return false;
  }
  return false;
}

Result<bool> MultipartReader::skip_preamble() {
  const std::size_t at = buffer_.find(delimiter_);
  if (at == std::string::npos) {
    if (buffer_.size() > kPreambleMax) return fail(Code::invalid_input, "the form does not begin with its boundary");
    return false;
  }
  buffer_.erase(0, at + delimiter_.size());
  state_ = State::after_delimiter;
  return true;
}

/// After a delimiter comes a line end, perhaps behind blanks, or "--" at the end of the form.
Result<bool> MultipartReader::read_delimiter_end() {
  const std::size_t end = buffer_.find_first_not_of(" \t");
  if (end == std::string::npos || buffer_.size() - end < 2) {
    if (buffer_.size() > kHeadersMax) return fail(Code::invalid_input, "a boundary of the form has no line end");
    return false;
  }
  const std::string_view two = std::string_view(buffer_).substr(end, 2);
  if (end == 0 && two == "--") {
    state_ = State::epilogue;
    return true;
  }
  if (two != kLineEnd) return fail(Code::invalid_input, "a boundary of the form goes on with other characters");
  if (++parts_ > kPartsMax) return fail(Code::invalid_input, "the form has more than {} parts", kPartsMax);
  buffer_.erase(0, end);  // the line end stays: a part without headers has the empty line next
  state_ = State::headers;
  return true;
}

Result<bool> MultipartReader::read_headers() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > kHeadersMax) {
      return fail(Code::invalid_input, "the headers of a part are longer than {} bytes", kHeadersMax);
    }
    return false;
  }
  const std::string headers = end == 0 ? "" : buffer_.substr(kLineEnd.size(), end - kLineEnd.size());
  TRY(listener_.begin_part(TRY(parse_part(headers))));
  buffer_.erase(0, end + 2 * kLineEnd.size());
  state_ = State::content;
  return true;
}

Result<bool> MultipartReader::read_content() {
  const std::size_t at = buffer_.find(delimiter_);
  const bool is_end = at != std::string::npos;
  // What may be the beginning of a delimiter waits for the rest of it.
  const std::size_t size = is_end ? at : buffer_.size() - std::min(buffer_.size(), delimiter_.size() - 1);
  if (size > 0) TRY(listener_.take_content(as_bytes(std::string_view(buffer_).substr(0, size))));
  buffer_.erase(0, is_end ? at + delimiter_.size() : size);
  if (!is_end) return false;
  TRY(listener_.end_part());
  state_ = State::after_delimiter;
  return true;
}

}  // namespace tillite
