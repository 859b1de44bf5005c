#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace tillite {

/// The result of one request, or why there is none.
struct BatchResult {
  RecordId id;
  std::vector<float> vector;  ///< empty if failed
  std::string error_code;     ///< empty if not failed; a code of the provider's or "bad_result", "bad_vector"
  std::string error_message;
};

/// Reads lines of a provider's result files. One thread at a time.
///
/// Nearly all of a line is its vector, and a JSON parser would make a tree of it. So the vector is read where it is
/// found, by means of its own, and the parser gets the line without it. Whatever is not plain (escapes, another vector
/// in front, numbers that JSON does not have) goes through the parser as a whole, which alone decides what is wrong.
class ResultLineReader {
 public:
  explicit ResultLineReader(std::size_t dimensions);
  ResultLineReader(ResultLineReader&& other) noexcept;
  ResultLineReader& operator=(ResultLineReader&& other) noexcept;
  ~ResultLineReader();

  /// `invalid_input` only if the line does not say whose result it is; every other fault is a failed result.
  [[nodiscard]] Result<BatchResult> read(std::string_view line);
  /// The same, always through the parser: the meaning of read(), which must give the same bits.
  [[nodiscard]] Result<BatchResult> read_whole(std::string_view line);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace tillite
