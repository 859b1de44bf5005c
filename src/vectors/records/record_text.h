#pragma once

#include "vectors/records/record.h"

namespace tillite {

/// A record as text with what orders it, its metadata not taken apart: sorting and copying need no more.
struct RecordLine {
  RecordId id;
  RecordKind kind = RecordKind::vector;
  std::int64_t item_version = 1;
  std::int64_t metadata_version = 1;
  DeltaId delta;     ///< the delta that brought it, if the text says it
  std::string text;  ///< of a valid record; it begins with '{'
};

// Both take any text of a record and make the same checks as parse_json() and parse_record(). One that is written as
// record_json() writes records of vectors and metadata, fields in their order without blanks, is read in one pass and
// without a JSON tree. `corrupt` says what is wrong.

[[nodiscard]] Result<Record> parse_record_text(std::string_view text);
[[nodiscard]] Result<RecordLine> parse_record_line(std::string_view text);

/// The same line with the delta that brought it.
[[nodiscard]] Result<RecordLine> of_delta(RecordLine line, const DeltaId& delta);

}  // namespace tillite
