#include "vectors/records/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace tillite {
namespace {

double length_of(const std::vector<float>& vector) {
  double square = 0;
  for (const float number : vector) square += static_cast<double>(number) * static_cast<double>(number);
  return std::sqrt(square);
}

TEST(Normalise, LeavesUnitLength) {
  for (std::vector<float> vector : {std::vector<float>{3, 4}, {1e30F, -2e30F, 1e-30F}, {1e-40F, 1e-40F}, {-7}}) {
    ASSERT_TRUE(normalise(vector));
    EXPECT_NEAR(length_of(vector), 1, 1e-6);
  }
}

TEST(Normalise, RefusesWhatHasNoDirection) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (std::vector<float> vector : {std::vector<float>{}, {0, 0}, {1, nan}, {infinity, 1}, {-infinity}}) {
    const auto result = normalise(vector);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::invalid_input);
  }
}

// The hashes are a format: checksums of published collections must come out the same for ever.
TEST(RecordHash, IsTheOneOfTheFormat) {
  const Sum128 vector = vector_hash(std::vector<float>{1, 0});
  EXPECT_EQ(vector.hex(), "434b26042aff3fb844a4c4c6be0d81a0");
  EXPECT_EQ(record_hash(RecordId("IMAGE#1"), 2, vector, {{"b", 1}, {"a", "x"}}, "doc").hex(),
            "d0972e19181cfee23d6040c5613ddf85");
}

TEST(RecordHash, CoversEveryPart) {
  const Sum128 vector = vector_hash(std::vector<float>{1, 0});
  const Sum128 other = vector_hash(std::vector<float>{0, 1});
  std::set<std::string> hashes;
  const auto add = [&](std::string id, std::int64_t version, const Sum128& v, const Json& metadata,
                       std::string_view document) {
    hashes.insert(record_hash(RecordId(std::move(id)), version, v, metadata, document).hex());
  };
  add("a", 1, vector, {{"k", 1}}, "d");
  add("b", 1, vector, {{"k", 1}}, "d");
  add("a", 2, vector, {{"k", 1}}, "d");
  add("a", 1, other, {{"k", 1}}, "d");
  add("a", 1, vector, {{"k", 2}}, "d");
  add("a", 1, vector, {{"k", "1"}}, "d");
  add("a", 1, vector, {{"k", 1}}, "e");
  add("a1", 1, vector, {{"k", 1}}, "d");
  EXPECT_EQ(hashes.size(), 8U);
}

// ---- fold

/// What a record says depends on its versions and its delta alone, as it does in the pipeline.
Record make(RecordKind kind, std::int64_t item_version, std::int64_t metadata_version, int delta) {
  Record record;
  record.id = RecordId("id");
  record.kind = kind;
  record.item_version = item_version;
  record.metadata_version = metadata_version;
  record.delta = DeltaId(fmt::format("delta-{}", delta));
  if (kind == RecordKind::tombstone) {
    record.metadata_version = 1;
    record.removed_at_ms = 1000 * item_version + delta % 2;
    return record;
  }
  record.document = fmt::format("text {} {}", item_version, metadata_version);
  record.metadata = {{"m", metadata_version}};
  if (kind == RecordKind::vector) record.vector = {static_cast<float>(delta)};
  if (kind == RecordKind::vector) record.input_hash = fmt::format("hash {}", delta);
  return record;
}

std::string text_of(const std::optional<Record>& record) {
  if (!record) return "-";
  return fmt::format("{} v{} m{} {} {} {} {} {} {}", static_cast<int>(record->kind), record->item_version,
                     record->metadata_version, record->delta.str(), record->input_hash, to_text(record->metadata),
                     record->document, record->removed_at_ms, record->vector.empty() ? -1 : record->vector[0]);
}
std::string text_of(const RecordState& state) { return text_of(state.base) + " | " + text_of(state.waiting); }

RecordState folded(const std::vector<Record>& records) {
  RecordState state;
  for (const Record& record : records) fold(state, record);
  return state;
}

TEST(Fold, KeepsTheHighestItemVersion) {
  const auto state =
      folded({make(RecordKind::vector, 2, 1, 1), make(RecordKind::vector, 3, 1, 2), make(RecordKind::vector, 1, 9, 3)});
  EXPECT_EQ(state.base->item_version, 3);
  EXPECT_EQ(state.base->delta.str(), "delta-2");
}

TEST(Fold, LetsADeletedItemComeBackOnlyWithAHigherItemVersion) {
  auto state = folded(
      {make(RecordKind::tombstone, 2, 1, 1), make(RecordKind::vector, 1, 1, 2), make(RecordKind::vector, 2, 5, 3)});
  EXPECT_EQ(state.base->kind, RecordKind::tombstone);
  fold(state, make(RecordKind::vector, 3, 1, 4));
  EXPECT_EQ(state.base->kind, RecordKind::vector);
}

TEST(Fold, AppliesNewerMetadataToTheVectorOfItsItemVersion) {
  const auto state = folded(
      {make(RecordKind::vector, 2, 1, 1), make(RecordKind::metadata, 2, 3, 2), make(RecordKind::metadata, 2, 2, 3)});
  EXPECT_EQ(state.base->metadata_version, 3);
  EXPECT_EQ(state.base->document, "text 2 3");
  EXPECT_EQ(state.base->vector, std::vector<float>{1});
  EXPECT_EQ(state.base->delta.str(), "delta-1") << "the delta is the vector's";
  EXPECT_FALSE(state.waiting);
}

TEST(Fold, KeepsMetadataUntilItsVectorComes) {
  auto state = folded({make(RecordKind::vector, 1, 1, 1), make(RecordKind::metadata, 2, 4, 2)});
  EXPECT_EQ(state.base->metadata_version, 1);
  ASSERT_TRUE(state.waiting);
  fold(state, make(RecordKind::vector, 2, 3, 3));
  EXPECT_EQ(state.base->metadata_version, 4);
  EXPECT_FALSE(state.waiting);
}

TEST(Fold, DropsMetadataBelowTheVector) {
  const auto state = folded({make(RecordKind::vector, 3, 1, 1), make(RecordKind::metadata, 2, 9, 2)});
  EXPECT_EQ(state.base->metadata_version, 1);
  EXPECT_FALSE(state.waiting);
}

TEST(Fold, TakesTheNewerMetadataOfTwoVectorsOfOneText) {
  for (const bool swapped : {false, true}) {
    std::vector<Record> records = {make(RecordKind::vector, 1, 2, 1), make(RecordKind::vector, 1, 1, 2)};
    if (swapped) std::swap(records[0], records[1]);
    const auto state = folded(records);
    EXPECT_EQ(state.base->delta.str(), "delta-2");
    EXPECT_EQ(state.base->metadata_version, 2);
  }
}

/// Records as deltas bring them: an id is in a delta once at most.
rc::Gen<std::vector<Record>> any_records(rc::Gen<std::int64_t> metadata_item_version) {
  return rc::gen::exec([metadata_item_version] {
    std::vector<Record> records;
    const int count = *rc::gen::inRange(1, 9);
    for (int delta = 0; delta < count; ++delta) {
      const auto kind = *rc::gen::element(RecordKind::vector, RecordKind::metadata, RecordKind::tombstone);
      const auto item_version =
          kind == RecordKind::metadata ? *metadata_item_version : *rc::gen::inRange<std::int64_t>(1, 5);
      records.push_back(make(kind, item_version, *rc::gen::inRange<std::int64_t>(1, 5), delta));
    }
    return records;
  });
}

/// The same records in another order, some of them several times.
std::vector<Record> rearranged(std::vector<Record> records) {
  const auto repeated = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, records.size()));
  const std::size_t count = records.size();
  for (const std::size_t index : repeated) {
    if (index < count) records.push_back(records[index]);
  }
  for (std::size_t last = records.size() - 1; last > 0; --last) {
    std::swap(records[last], records[*rc::gen::inRange<std::size_t>(0, last + 1)]);
  }
  return records;
}

RC_GTEST_PROP(Fold, DoesNotDependOnOrderOrRepetition, ()) {
  const auto version = *rc::gen::inRange<std::int64_t>(1, 6);
  const auto records = *any_records(rc::gen::just(version));
  RC_ASSERT(text_of(folded(rearranged(records))) == text_of(folded(records)));
}

RC_GTEST_PROP(Fold, AgreesOnVectorRemovalAndWaitingWhateverMetadataComes, ()) {
  const auto records = *any_records(rc::gen::inRange<std::int64_t>(1, 6));
  const auto one = folded(records);
  const auto other = folded(rearranged(records));
  RC_ASSERT(one.base.has_value() == other.base.has_value());
  RC_ASSERT(text_of(one.waiting) == text_of(other.waiting));
  if (!one.base) return;
  RC_ASSERT(one.base->kind == other.base->kind);
  RC_ASSERT(one.base->item_version == other.base->item_version);
  RC_ASSERT(one.base->delta == other.base->delta);
  if (!one.waiting) RC_ASSERT(text_of(one) == text_of(other));
}

RC_GTEST_PROP(Fold, MayBeDoneInParts, ()) {
  const auto version = *rc::gen::inRange<std::int64_t>(1, 6);
  const auto records = *any_records(rc::gen::just(version));
  const auto cut = *rc::gen::inRange<std::size_t>(0, records.size() + 1);
  const auto middle = records.begin() + static_cast<std::ptrdiff_t>(cut);
  RecordState state = folded({records.begin(), middle});
  const RecordState rest = folded({middle, records.end()});
  if (rest.base) fold(state, *rest.base);
  if (rest.waiting) fold(state, *rest.waiting);
  RC_ASSERT(text_of(state) == text_of(folded(records)));
}

}  // namespace
}  // namespace tillite
