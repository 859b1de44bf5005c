#include "vectors/records/record_json.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "vectors/records/squared_length.h"

namespace tillite {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"vector", "metadata", "tombstone"};
constexpr std::size_t kIdBytesMax = 512;
constexpr double kUnitTolerance = 1e-3;

/// Whether Chroma has a column for it.
bool is_storable(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX);
  if (value.is_number_float()) return std::isfinite(value.get<double>());
  return value.is_string() || value.is_number_integer() || value.is_boolean();
}

Result<void> check_metadata(const Json& metadata) {
  if (!metadata.is_object()) return fail(Code::corrupt, "the metadata is {}, not an object", metadata.type_name());
  for (const auto& [name, value] : metadata.items()) {
    if (name.empty() || name.starts_with(kReservedPrefix)) {
      return fail(Code::corrupt, "the metadata has the name '{}', which is reserved", name.substr(0, 64));
    }
    if (!is_storable(value)) {
      return fail(Code::corrupt, "the metadata '{}' is no string, boolean, finite number or whole number of 64 bits",
                  name.substr(0, 64));
    }
  }
  return {};
}

Result<Record> parse(const Json& json) {
  Record record;
  record.id = RecordId(TRY(string_field(json, "id")));
  const std::string kind = TRY(string_field(json, "kind"));
  const auto found = std::ranges::find(kKinds, kind);
  if (found == kKinds.end()) return fail(Code::corrupt, "there is no kind of records '{}'", kind.substr(0, 64));
  record.kind = static_cast<RecordKind>(found - kKinds.begin());
  record.item_version = TRY(int_field(json, "item_version"));
  record.metadata_version = TRY(int_field(json, "metadata_version"));
  record.delta = DeltaId(TRY(optional_string(json, "delta")).value_or(""));
  if (record.kind == RecordKind::tombstone) {
    record.removed_at_ms = TRY(int_field(json, "removed_at_ms"));
    return record;
  }
  record.input_hash = TRY(optional_string(json, "input_hash")).value_or("");
  record.document = TRY(string_field(json, "document"));
  record.metadata = TRY(object_field(json, "metadata"));
  return record;
}

}  // namespace

bool is_record_id(std::string_view id) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  return !id.empty() && id.size() <= kIdBytesMax && std::ranges::none_of(id, is_control) &&
         (std::ranges::all_of(id, is_ascii) || is_utf8(id));
}

Result<void> check_record(const Record& record) {
  const std::string& id = record.id.str();
  if (!is_record_id(id)) {
    return fail(Code::corrupt, "an id must have 1 to {} bytes of UTF-8 without control characters", kIdBytesMax);
  }
  if (record.item_version < kFirstImportedVersion || record.metadata_version < 1)
    return fail(Code::corrupt, "a version of {} is below all that are given", id);
  if (record.kind == RecordKind::tombstone && record.removed_at_ms < 0) {
    return fail(Code::corrupt, "{} was removed before 1970", id);
  }
  const auto metadata = check_metadata(record.metadata);
  if (!metadata) return pass_on(metadata, id);
  return {};
}

Json record_json(const Record& record) {
  Json json = {{"id", record.id.str()},
               {"kind", kKinds.at(static_cast<std::size_t>(record.kind))},
               {"item_version", record.item_version},
               {"metadata_version", record.metadata_version}};
  if (!record.delta.empty()) json["delta"] = record.delta.str();
  if (record.kind == RecordKind::tombstone) {
    json["removed_at_ms"] = record.removed_at_ms;
    return json;
  }
  if (!record.input_hash.empty()) json["input_hash"] = record.input_hash;
  json["metadata"] = record.metadata;
  json["document"] = record.document;
  return json;
}

Result<Record> parse_record(const Json& json) {
  auto record = parse(json);
  if (record) {
    if (auto checked = check_record(*record); !checked) record = std::unexpected(checked.error());
  }
  if (!record) return fail(Code::corrupt, "{}", record.error().message());
  return record;
}

Result<void> check_stored_vector(std::span<const float> vector, std::size_t dimensions, const RecordId& id) {
  if (vector.size() != dimensions) {
    return fail(Code::corrupt, "the vector of {} has {} numbers, not {}", id.str(), vector.size(), dimensions);
  }
  if (!(std::abs(std::sqrt(squared_length(vector)) - 1) <= kUnitTolerance)) {  // NaN and infinity fail this too
    return fail(Code::corrupt, "the vector of {} is not of unit length", id.str());
  }
  return {};
}

}  // namespace tillite
