#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A filter in Chroma's language: `where` over metadata ($eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $and, $or; a bare
/// value is $eq) and `where_document` ($contains, $not_contains, $and, $or). Meaning as in Chroma: $ne and $nin also
/// match records without the key; a comparison only matches values of its own type (an int is compared with floats as a
/// number).
class Where {
 public:
  /// Nothing asked: matches everything.
  Where() = default;
  /// `invalid_input` names the operator or field and what is allowed there. Depth at most 32, at most 1,000
  /// comparisons, 1,000 values in a list and 15,000 in all.
  [[nodiscard]] static Result<Where> parse(const Json& where, const Json& where_document);

  [[nodiscard]] bool matches_all() const { return !root_; }
  /// Whether a record with this metadata and document matches: for records that are not in a database.
  [[nodiscard]] bool matches(const Json& metadata, std::string_view document) const;
  /// The same as SQL over Chroma's tables: a query for the matching ids of `embeddings` in any order, one perhaps
  /// twice, with its parameters in order.
  struct Sql {
    std::string ids;
    std::vector<Json> parameters;  ///< strings, numbers, booleans
    /// If the filter is one comparison that Chroma's indexes know: conditions on a row of `embedding_metadata`, one of
    /// which holds of a record that matches; their parameters are all of the above. Else empty.
    std::vector<std::string> indexed;
  };
  [[nodiscard]] Sql sql() const;
  /// The same as SQL over a single record, `e.id`: a condition that looks at that record's rows only.
  struct Condition {
    std::string text;
    std::vector<Json> parameters;
  };
  [[nodiscard]] Condition condition() const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
};

}  // namespace tillite
