#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "receipts/receipt.h"

namespace tillite {

/// Why a line of a file is not a receipt.
struct BadReceipt {
  std::string file;
  std::size_t line = 0;
  std::string field;   ///< "lines[3].box.x"; empty if the line as a whole is bad
  std::string reason;  ///< with the remedy
  /// "a.jsonl:3: lines[3].box.x: ..."
  [[nodiscard]] std::string text() const;
};

/// Reads receipts from JSON lines: the native form (docs/formats/receipt.md), and SROIE's form (pixels, origin at the
/// top left, lines only), told apart by their fields. Normalises: boxes to 0..1 with y upwards, words split off at
/// blanks where a line has none (boxes in proportion to characters). Checks everything: UTF-8, types, boxes inside the
/// image, ids unique in the receipt, limits (8 MiB a line, 10,000 lines a receipt, 1,000 words a line, 4,096 bytes a
/// text). Blank lines are passed over. Memory: one line.
class ReceiptReader {
 public:
  ReceiptReader(ByteSource& source, std::string file_name);

  struct Next {
    std::optional<Receipt> receipt;
    std::optional<BadReceipt> bad;  ///< neither: the end
  };
  /// The next receipt or the next bad line. Errors are those of the source.
  [[nodiscard]] Result<Next> next();

 private:
  LineReader lines_;
  std::string file_name_;
};

/// One receipt from its JSON. The error's message begins with the field: "lines[3].box.x: must be ...".
[[nodiscard]] Result<Receipt> parse_receipt(const Json& json);
/// The native form of a receipt: parse_receipt(receipt_json(r)) == r.
[[nodiscard]] Json receipt_json(const Receipt& receipt);

}  // namespace tillite
