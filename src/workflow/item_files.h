#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/failure.h"
#include "workflow/state_machine.h"

namespace tillite {

/// The items in an object's text, as a Distributed Map's ItemReader describes it: a JSON array or what its ItemsPointer
/// leads to (RFC 6901), lines of JSON, or CSV
/// (RFC 4180; a row that is too short is filled up with empty texts, what is beyond the headers is left out). At most
/// `items_max` of them, 0: all. Fails with States.ItemReaderFailed.
[[nodiscard]] Outcome items_in(const ItemReader& reader, std::string_view text, std::int64_t items_max);

/// What an S3 inventory's manifest.json says of its files, which are CSV without a row of headers.
struct Inventory {
  std::string bucket;  ///< where they lie: a name, or "arn:aws:s3:::NAME"; may be empty
  std::vector<std::string> columns;
  std::vector<std::string> keys;
};
/// Fails with States.ItemReaderFailed for what is no such manifest, and for files that are not CSV.
[[nodiscard]] std::expected<Inventory, Failure> inventory_in(std::string_view manifest);

}  // namespace tillite
