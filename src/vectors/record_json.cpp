#include "vectors/record_json.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tillite {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"vector", "metadata", "tombstone"};
constexpr std::size_t kIdBytesMax = 512;
constexpr double kUnitTolerance = 1e-3;

bool is_scalar(const Json& value) { return value.is_string() || value.is_number() || value.is_boolean(); }

Result<Record> parse(const Json& json) {
  Record record;
  record.id = RecordId(TRY(string_field(json, "id")));
  if (record.id.empty() || record.id.str().size() > kIdBytesMax) {
    return fail(Code::corrupt, "the id has {} bytes, 1 to {} are allowed", record.id.str().size(), kIdBytesMax);
  }
  const std::string kind = TRY(string_field(json, "kind"));
  const auto found = std::ranges::find(kKinds, kind);
  if (found == kKinds.end()) return fail(Code::corrupt, "there is no kind of records '{}'", kind.substr(0, 64));
  record.kind = static_cast<RecordKind>(found - kKinds.begin());
  record.item_version = TRY(int_field(json, "item_version"));
  record.metadata_version = TRY(int_field(json, "metadata_version"));
  if (record.item_version < 1 || record.metadata_version < 1) return fail(Code::corrupt, "a version is below 1");
  record.delta = DeltaId(TRY(optional_string(json, "delta")).value_or(""));
  if (record.kind == RecordKind::tombstone) {
    record.removed_at_ms = TRY(int_field(json, "removed_at_ms"));
    return record;
  }
  record.input_hash = TRY(optional_string(json, "input_hash")).value_or("");
  record.document = TRY(string_field(json, "document"));
  record.metadata = TRY(object_field(json, "metadata"));
  for (const auto& [name, value] : record.metadata.items()) {
    if (!is_scalar(value)) return fail(Code::corrupt, "the metadata '{}' is {}, not a scalar", name, value.type_name());
  }
  return record;
}

}  // namespace

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
  if (!record) return fail(Code::corrupt, "{}", record.error().message());
  return record;
}

Result<void> check_stored_vector(std::span<const float> vector, std::size_t dimensions, const RecordId& id) {
  if (vector.size() != dimensions) {
    return fail(Code::corrupt, "the vector of {} has {} numbers, not {}", id.str(), vector.size(), dimensions);
  }
  double square = 0;
  for (const float number : vector) square += static_cast<double>(number) * static_cast<double>(number);
  if (!(std::abs(std::sqrt(square) - 1) <= kUnitTolerance)) {  // NaN and infinity fail this too
    return fail(Code::corrupt, "the vector of {} is not of unit length", id.str());
  }
  return {};
}

}  // namespace tillite
