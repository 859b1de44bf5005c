#pragma once

#include <functional>

#include "base/bytes.h"
#include "embedding/batch_plan.h"
#include "embedding/result_line.h"

namespace tillite {

/// One line of a batch's input file, with its line end:
/// {"custom_id": ID, "method": "POST", "url": "/v1/embeddings", "body": {"model": MODEL, "input": TEXT}}
[[nodiscard]] std::string request_line(const BatchItem& item, std::string_view model);

/// A request as the embedded provider reads it.
struct BatchRequest {
  std::string custom_id;
  std::string model;
  std::string input;
  bool base64 = false;  ///< encoding_format
};
/// `invalid_input` names the field.
[[nodiscard]] Result<BatchRequest> parse_request_line(std::string_view line);

/// What a result file had in it.
struct ResultFileFacts {
  std::size_t results = 0;
  std::size_t unreadable_lines = 0;
  std::string first_unreadable;  ///< "line 12: why"
};
/// Reads an output or error file. A vector of another size than `dimensions`, with NaN or infinity, or of zero length
/// is a failed result ("bad_vector"). A line that cannot be read at all is counted in the answer, logged by the caller,
/// and never stops its neighbours. Number arrays and base64 are both accepted. Memory: some blocks of lines, a line of
/// 4 MiB at most. Several threads parse (`threads`, or with 0 as many as the machine has). `each` gets the results in
/// the order of the file, one at a time, but not always on the thread of this call; after its first error it is not
/// called again.
[[nodiscard]] Result<ResultFileFacts> read_results(ByteSource& file, std::size_t dimensions,
                                                   const std::function<Result<void>(BatchResult&&)>& each,
                                                   std::size_t threads = 0);

}  // namespace tillite
