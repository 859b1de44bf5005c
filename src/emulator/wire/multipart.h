#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tillite {

/// One part of a form, as its headers describe it.
struct FormPart {
  std::string name;
  bool is_file = false;  ///< it has a file name
  std::string file_name;
};

/// Hears of a form's parts while they arrive. An error ends the reading and is passed on.
class FormListener {
 public:
  virtual ~FormListener() = default;
  [[nodiscard]] virtual Result<void> begin_part(FormPart part) = 0;
  [[nodiscard]] virtual Result<void> take_content(std::span<const std::byte> piece) = 0;
  [[nodiscard]] virtual Result<void> end_part() = 0;
};

/// Reads multipart/form-data (RFC 7578) as it arrives, in pieces of any size. Memory: a piece, and a part's headers.
/// `invalid_input` says what is wrong with the form. After an error it must not be fed again.
class MultipartReader {
 public:
  /// `boundary` as the Content-Type names it: 1 to 70 characters. The listener must outlive the reader.
  MultipartReader(std::string_view boundary, FormListener& listener);

  [[nodiscard]] Result<void> take(std::span<const std::byte> piece);
  /// The form has to be whole now.
  [[nodiscard]] Result<void> finish() const;

  /// The boundary in a Content-Type; `invalid_input` if it is no form or names none.
  [[nodiscard]] static Result<std::string> boundary_of(std::string_view content_type);

 private:
  enum class State { preamble, after_delimiter, headers, content, epilogue };

  /// One step with what is buffered; false: more bytes are needed.
  [[nodiscard]] Result<bool> step();
  [[nodiscard]] Result<bool> skip_preamble();
  [[nodiscard]] Result<bool> read_delimiter_end();
  [[nodiscard]] Result<bool> read_headers();
  [[nodiscard]] Result<bool> read_content();

  std::string delimiter_;  ///< "\r\n--boundary"
  FormListener& listener_;
  State state_ = State::preamble;
  std::string buffer_;
  std::size_t parts_ = 0;
};

}  // namespace tillite
