#include "vectors/merge/chunk_merge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "delivered_deltas.h"
#include "vectors/merge/run_merge.h"

namespace tillite {
namespace {

class ChunkMerge : public DeliveredDeltas {
 protected:
  [[nodiscard]] Path new_path() { return room.path() / fmt::format("run-{}", ++paths_); }
  [[nodiscard]] std::pair<RunHeader, RunReader> merge(const std::vector<DeltaId>& deltas) {
    const Path run = new_path();
    RunHeader header = value(merge_deltas(objects, binding, deltas, room.path(), run));
    return {std::move(header), value(RunReader::open(value(file_source(run)), "run"))};
  }
  [[nodiscard]] RunReader run_of(const std::vector<DeltaId>& deltas) { return merge(deltas).second; }

  template <typename... Runs>
  [[nodiscard]] static std::vector<RunReader> runs(Runs&&... each) {
    std::vector<RunReader> list;
    (list.push_back(std::forward<Runs>(each)), ...);
    return list;
  }
  [[nodiscard]] static Lines merged(std::vector<RunReader> from, std::vector<DeltaId> consumed = {}) {
    RunMerge merge(std::move(from), std::move(consumed));
    return lines_of(merge);
  }

 private:
  int paths_ = 0;
};

TEST_F(ChunkMerge, ThatIsToldToStopIsCancelledBetweenTwoDeltas) {
  const auto one = deliver(1, {vector_record("a")});
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = merge_deltas_by_shard(objects, binding, {one}, room.path(), {new_path()},
                                             std::uint64_t{64} << 20, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::cancelled);
}

TEST_F(ChunkMerge, SortsTheRecordsOfAllDeltasById) {
  const auto one = deliver(1, {vector_record("c"), vector_record("a")});
  const auto two = deliver(2, {tombstone("b", 2), vector_record("d")});
  auto [header, run] = merge({one, two});
  EXPECT_EQ(header.deltas, (std::vector{one, two}));
  EXPECT_TRUE(header.quarantined.empty());
  std::string ids;
  while (const auto record = value(run.next())) {
    ids += record->id.str();
    EXPECT_EQ(record->delta, record->id.str() == "a" || record->id.str() == "c" ? one : two);
  }
  EXPECT_EQ(ids, "abcd");
}

TEST_F(ChunkMerge, KeepsTheBytesOfVectors) {
  Record record = vector_record("a", 1, 0.3F);
  value(normalise(record.vector));
  Record once_more = record;
  value(normalise(once_more.vector));  // as the delta's writer does
  auto run = run_of({deliver(1, {record})});
  EXPECT_EQ(value(run.next())->vector, once_more.vector);
}

TEST_F(ChunkMerge, LeavesOutWhatIsSuperseded) {
  const auto one = deliver(1, {vector_record("a", 1), metadata_record("b", 1, 7), vector_record("c", 3)});
  const auto two = deliver(2, {vector_record("a", 2), tombstone("b", 1), tombstone("c", 3)});
  auto run = run_of({one, two});
  std::size_t records = 0;
  while (value(run.next())) ++records;
  EXPECT_EQ(records, 3U);
  EXPECT_EQ(merged(runs(run_of({one, two}))),
            (Lines{"a: vector v2 m1 0.756 | -", "b: tombstone v1 m1 0.000 | -", "c: tombstone v3 m1 0.000 | -"}));
}

TEST_F(ChunkMerge, QuarantinesACorruptDeltaAndGoesOn) {
  const auto good = deliver(1, {vector_record("a")});
  const auto torn = deliver(2, {vector_record("b"), vector_record("c")});
  damage_the_end_of(torn);
  const auto last = deliver(3, {vector_record("d")});

  auto [header, run] = merge({good, torn, last});
  EXPECT_EQ(header.deltas, (std::vector{good, last}));
  ASSERT_EQ(header.quarantined.size(), 1U);
  EXPECT_EQ(header.quarantined[0].delta, torn);
  EXPECT_FALSE(header.quarantined[0].reason.empty());
  EXPECT_EQ(merged(runs(std::move(run))), (Lines{"a: vector v1 m1 0.756 | -", "d: vector v1 m1 0.756 | -"}))
      << "nothing of the torn delta";
}

TEST_F(ChunkMerge, QuarantinesADeltaOfAnotherBinding) {
  const auto expect_quarantined = [&](const DeltaHeader& of, const std::vector<Record>& records) {
    objects.set(delta_key(binding.collection, 1, delta_id(9)), delta_file(of, records));
    EXPECT_EQ(merge({delta_id(9)}).first.quarantined.size(), 1U);
  };
  DeltaHeader other = header(9);
  other.binding.input_format = "line/neighbours/1";
  expect_quarantined(other, {vector_record("a")});
  other = header(9);
  other.binding.generation = 2;
  expect_quarantined(other, {vector_record("a")});
  other = header(9);
  other.binding.dimensions = 3;
  Record record = vector_record("a");
  record.vector.pop_back();
  expect_quarantined(other, {record});
  expect_quarantined(header(8), {vector_record("a")});  // lies under another delta's name
}

TEST_F(ChunkMerge, QuarantinesWhatIsNoDelta) {
  objects.set(delta_key(binding.collection, 1, delta_id(1)), "not a delta at all");
  EXPECT_EQ(merge({delta_id(1)}).first.quarantined.size(), 1U);
}

TEST_F(ChunkMerge, NamesADeltaThatIsNotThere) {
  const Path run = new_path();
  const auto result = merge_deltas(objects, binding, {deliver(1, {}), delta_id(2)}, room.path(), run);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::not_found);
  EXPECT_NE(result.error().message().find(delta_id(2).str()), std::string::npos);
}

TEST_F(ChunkMerge, TakesAStoreThatFailsForWhatItIs) {
  const auto one = deliver(1, {vector_record("a")});
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "open" ? Fault::refused : Fault::none;
  };
  const auto result = merge_deltas(objects, binding, {one}, room.path(), new_path());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::unavailable);
}

TEST_F(ChunkMerge, ReadsADeltaThatIsNamedTwiceOnce) {
  const auto one = deliver(1, {vector_record("a")});
  EXPECT_EQ(merge({one, one}).first.deltas, (std::vector{one}));
}

TEST_F(ChunkMerge, HasTheSameBytesForTheSameDeltas) {
  const std::vector deltas = {deliver(1, {vector_record("b"), vector_record("a")}),
                              deliver(2, {vector_record("a", 1, 3)})};
  value(merge_deltas(objects, binding, deltas, room.path(), room.path() / "one"));
  value(merge_deltas(objects, binding, deltas, room.path(), room.path() / "other"));
  EXPECT_EQ(value(read_file(room.path() / "one")), value(read_file(room.path() / "other")));
}

TEST_F(ChunkMerge, HasTheSameBytesHoweverMuchMemoryItHas) {
  std::vector deltas = {deliver(1, {vector_record("d"), vector_record("b"), vector_record("a")}),
                        deliver(2, {vector_record("x"), vector_record("b", 7)}),
                        deliver(3, {vector_record("a", 1, 3), metadata_record("c", 1, 2), vector_record("b", 2)})};
  damage_the_end_of(deltas[1]);

  const Path all_at_once = new_path();
  const RunHeader expected = value(merge_deltas(objects, binding, deltas, room.path(), all_at_once));
  ASSERT_EQ(expected.quarantined.size(), 1U);
  for (const std::uint64_t bytes_max : {1U, 600U, 1500U, 256U << 20}) {  // with the last on several threads
    SCOPED_TRACE(bytes_max);
    const Path run = new_path();
    EXPECT_EQ(value(merge_deltas(objects, binding, deltas, room.path(), run, bytes_max)).deltas, expected.deltas);
    EXPECT_EQ(value(read_file(run)), value(read_file(all_at_once)));
  }
}

TEST_F(ChunkMerge, HasTheSameBytesWhereVectorsWaitInAFile) {
  binding.dimensions = 1'024;
  std::vector<DeltaId> deltas;
  for (int number = 1; number <= 3; ++number) {
    std::vector<Record> records;
    for (int i = 0; i < 150; ++i) {
      const auto seed = static_cast<float>(i + 1'000 * number);  // no two vectors are equal
      records.push_back(vector_record(fmt::format("{} of {}", i * 37 % 150, number), 1, seed));
    }
    deltas.push_back(deliver(number, records));
  }
  damage_the_end_of(deltas[1]);

  const Path all_in_memory = new_path();
  const auto header = value(merge_deltas(objects, binding, deltas, room.path(), all_in_memory));
  ASSERT_EQ(header.quarantined.size(), 1U);
  EXPECT_EQ(header.quarantined.front().delta, deltas[1]);
  for (const std::uint64_t bytes_max : {1U << 20, 512U << 10}) {  // of which three quarters are for vectors of 4 KiB
    SCOPED_TRACE(bytes_max);
    const Path run = new_path();
    value(merge_deltas(objects, binding, deltas, room.path(), run, bytes_max));
    EXPECT_TRUE(value(read_file(run)) == value(read_file(all_in_memory)));
  }
}

TEST_F(ChunkMerge, HasTheSameBytesHoweverManyPiecesItTakes) {
  std::vector<DeltaId> deltas;
  for (int number = 1; number <= 3; ++number) {
    std::vector<Record> records;
    for (int i = 0; i < 150; ++i) records.push_back(vector_record(fmt::format("id {:03}", i * 37 % 150), number));
    deltas.push_back(deliver(number, records));
  }
  const Path all_at_once = new_path();
  value(merge_deltas(objects, binding, deltas, room.path(), all_at_once));
  const Path run = new_path();
  value(merge_deltas(objects, binding, deltas, room.path(), run, 1));  // a piece a record
  EXPECT_EQ(value(read_file(run)), value(read_file(all_at_once)));
  const auto pieces = std::ranges::distance(std::filesystem::directory_iterator(room.path() / "gatherer-0"));
  EXPECT_LE(pieces, 65);  // and the vectors
}

TEST_F(ChunkMerge, DropsTheRecordsOfDeltasThatWereConsumedMeanwhile) {
  const auto one = deliver(1, {vector_record("a"), vector_record("b")});
  const auto two = deliver(2, {vector_record("b", 2), vector_record("c")});
  EXPECT_EQ(merged(runs(run_of({one, two})), {one}), (Lines{"b: vector v2 m1 0.756 | -", "c: vector v1 m1 0.756 | -"}));
  EXPECT_EQ(merged(runs(run_of({one, two})), {two, one}), Lines());
}

TEST_F(ChunkMerge, KeepsMetadataWhoseVectorsDeltaWasConsumedMeanwhile) {
  const auto vectors = deliver(1, {vector_record("a", 1)});
  const auto metadata = deliver(2, {metadata_record("a", 1, 2)});
  EXPECT_EQ(merged(runs(run_of({vectors, metadata}))), (Lines{"a: vector v1 m2 0.756 | -"}));
  EXPECT_EQ(merged(runs(run_of({vectors, metadata})), {vectors}), (Lines{"a: - | metadata v1 m2 0.000"}));
  EXPECT_EQ(merged(runs(run_of({vectors, metadata})), {metadata}), (Lines{"a: vector v1 m1 0.756 | -"}));
}

TEST_F(ChunkMerge, FoldsAnIdAcrossRuns) {
  const auto one = deliver(1, {vector_record("a", 1), vector_record("b", 2), vector_record("d", 1)});
  const auto two = deliver(2, {vector_record("a", 2), tombstone("b", 1), metadata_record("c", 5, 2)});
  EXPECT_EQ(merged(runs(run_of({one}), run_of({two}))),
            (Lines{"a: vector v2 m1 0.756 | -", "b: vector v2 m1 0.756 | -", "c: - | metadata v5 m2 0.000",
                   "d: vector v1 m1 0.756 | -"}));
  EXPECT_EQ(merged({}), Lines());
}

TEST_F(ChunkMerge, OfRunsKnowsWhetherItIsEmptyAndStillGivesAllRecords) {
  const auto none = deliver(1, {});
  const auto some = deliver(2, {vector_record("a"), vector_record("b")});
  EXPECT_TRUE(value(RunMerge(runs(run_of({none}))).is_empty()));
  EXPECT_TRUE(value(RunMerge(runs(run_of({none, some})), {some}).is_empty())) << "what was consumed does not count";
  RunMerge merge(runs(run_of({none}), run_of({some})));
  EXPECT_FALSE(value(merge.is_empty()));
  EXPECT_EQ(lines_of(merge).size(), 2U);
}

RC_GTEST_FIXTURE_PROP(ChunkMerge, DoesNotDependOnHowDeltasAreCutIntoRuns, ()) {
  const auto deltas = deliver_any();
  std::vector<RunReader> apart;
  std::vector<DeltaId> consumed;
  for (const DeltaId& delta : deltas) {
    apart.push_back(run_of({delta}));
    if (*rc::gen::arbitrary<bool>()) consumed.push_back(delta);
  }
  RC_ASSERT(merged(runs(run_of(deltas))) == merged(std::move(apart)));

  // What was consumed is in the snapshot: folding all that is left on top of it must make the whole.
  std::vector<RunReader> again = runs(run_of(deltas));
  std::map<RecordId, RecordState> states;
  const auto add = [&](RunMerge&& merge) {
    while (auto next = value(merge.next())) {
      auto& state = states[next->first];
      if (next->second.base) fold(state, *next->second.base);
      if (next->second.waiting) fold(state, *next->second.waiting);
    }
  };
  if (!consumed.empty()) add(RunMerge(runs(run_of(consumed)), {}));
  add(RunMerge(std::move(again), consumed));
  Lines lines;
  for (const auto& [id, state] : states) {
    lines.push_back(fmt::format("{}: {} | {}", id.str(), state.base ? brief(*state.base) : "-",
                                state.waiting ? brief(*state.waiting) : "-"));
  }
  RC_ASSERT(lines == merged(runs(run_of(deltas))));
}

}  // namespace
}  // namespace tillite
