#pragma once

#include <functional>
#include <optional>

#include "base/bytes.h"
#include "embedding/batch_plan.h"
#include "embedding/result_line.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// What all requests of a batch have in common.
struct RequestBody {
  std::string_view model;
  std::optional<std::size_t> dimensions;  ///< nothing: the model's own
};
/// As a generation is bound. The dimensions are asked for only of models that let them be chosen (text-embedding-3-*,
/// tillite-ngram-*).
[[nodiscard]] RequestBody request_body_of(const CollectionBinding& binding);

/// One line of a batch's input file, with its line end:
/// {"custom_id": ID, "method": "POST", "url": "/v1/embeddings",
///  "body": {"model": MODEL, "input": TEXT, "encoding_format": "base64", "dimensions": NUMBER}}
/// `dimensions` only where they are asked for: not every model lets them be chosen. Base64 is 2.4 times smaller than
/// numbers; what arrives is read by its type.
[[nodiscard]] std::string request_line(const RecordId& custom_id, std::string_view text, const RequestBody& body);

/// A request as the embedded provider reads it.
struct BatchRequest {
  std::string custom_id;
  std::string model;
  std::string input;
  bool base64 = false;                         ///< encoding_format
  std::optional<std::size_t> dimensions = {};  ///< 1 to 8,192
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
