#include "vectors/merge/delta_news.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "delivered_deltas.h"
#include "vectors/merge/chunk_merge.h"
#include "vectors/merge/run_merge.h"

namespace tillite {
namespace {

constexpr std::uint64_t kLinesBytesMax = std::uint64_t{1} << 20;

class DeltaNewsTest : public DeliveredDeltas {
 protected:
  RowLayout layout{.row_bytes = 28, .vector_offset = 8};  // a vector of four numbers and something around it

  [[nodiscard]] Result<std::optional<DeltaNews>> try_read(const std::vector<DeltaId>& deltas,
                                                          std::uint64_t lines_bytes_max = kLinesBytesMax,
                                                          const std::stop_token& stop = {}) {
    return DeltaNews::read(objects, binding, deltas, room.path(), layout, lines_bytes_max, stop);
  }
  [[nodiscard]] DeltaNews read(const std::vector<DeltaId>& deltas) { return value(try_read(deltas)).value(); }
  [[nodiscard]] Lines lines(const std::vector<DeltaId>& deltas) {
    DeltaNews news = read(deltas);
    return lines_of(news);
  }
};

TEST_F(DeltaNewsTest, AreTheRecordsOfAllDeltasByIdAndLeaveOutWhatIsSuperseded) {
  const auto one = deliver(1, {vector_record("c", 1), vector_record("a", 1), metadata_record("d", 2, 3)});
  const auto two = deliver(2, {tombstone("c", 1), vector_record("b", 1), vector_record("a", 2)});
  DeltaNews news = read({one, two});
  EXPECT_EQ(news.header().deltas, (std::vector{one, two}));
  EXPECT_EQ(news.rows()->rows, 2U);
  EXPECT_EQ(lines_of(news), (Lines{"a: vector v2 m1 0.756 | -", "b: vector v1 m1 0.756 | -",
                                   "c: tombstone v1 m1 0.000 | -", "d: - | metadata v2 m3 0.000"}));
}

TEST_F(DeltaNewsTest, HaveTheirVectorsInAFileInTheOrderOfIdsWithZerosAround) {
  const auto one = deliver(1, {vector_record("c", 1, 3), vector_record("a", 1, 1)});
  const auto two = deliver(2, {vector_record("b", 1, 2)});
  DeltaNews news = read({one, two});
  const RowFile rows = news.rows().value();
  std::string bytes = value(read_file(rows.path));
  ASSERT_EQ(bytes.size(), 3 * layout.row_bytes);
  for (std::uint64_t row = 0; row < 3; ++row) {
    Record record = vector_record("any", 1, static_cast<float>(row + 1));
    value(normalise(record.vector));
    EXPECT_EQ(vector_in(rows, row, 4), record.vector) << row;
    const auto next = value(news.next());
    EXPECT_EQ(next->second.base->row, row);
    EXPECT_EQ(next->second.base->known_hash, vector_hash(record.vector));
    const std::size_t begin = row * layout.row_bytes;
    EXPECT_EQ(bytes.substr(begin, layout.vector_offset), std::string(8, '\0'));
    EXPECT_EQ(bytes.substr(begin + 24, 4), std::string(4, '\0'));
  }
}

TEST_F(DeltaNewsTest, OfAVectorThatWasSentTwiceHaveTheLastDeltasInItsPlaceOnly) {
  const auto one = deliver(1, {vector_record("a", 1, 1), vector_record("b", 1, 1)});
  const auto two = deliver(2, {vector_record("a", 1, 2)});
  DeltaNews news = read({one, two});
  EXPECT_EQ(news.rows()->rows, 2U);
  EXPECT_EQ(lines_of(news).size(), 2U);
}

TEST_F(DeltaNewsTest, BeginAnewWithoutADeltaThatTurnsOutToBeTorn) {
  const auto good = deliver(1, {vector_record("b", 1)});
  const auto torn = deliver(2, {vector_record("a", 1), vector_record("b", 9), vector_record("c", 1)});
  const auto last = deliver(3, {vector_record("d", 1)});
  damage_the_end_of(torn);
  DeltaNews news = read({good, torn, last});
  EXPECT_EQ(news.header().deltas, (std::vector{good, last}));
  ASSERT_EQ(news.header().quarantined.size(), 1U);
  EXPECT_EQ(news.header().quarantined[0].delta, torn);
  EXPECT_EQ(std::filesystem::file_size(news.rows()->path), 2 * layout.row_bytes);
  EXPECT_EQ(lines_of(news), (Lines{"b: vector v1 m1 0.756 | -", "d: vector v1 m1 0.756 | -"}));
}

TEST_F(DeltaNewsTest, QuarantineWhatIsNoDeltaOrBelongsElsewhere) {
  objects.set(delta_key(binding.collection, 1, delta_id(1)), "not a delta at all");
  DeltaHeader other = header(2);
  other.binding.input_format = "line/neighbours/1";
  objects.set(delta_key(binding.collection, 1, delta_id(2)), delta_file(other, {vector_record("a")}));
  objects.set(delta_key(binding.collection, 1, delta_id(3)), delta_file(header(4), {vector_record("a")}));
  DeltaNews news = read({delta_id(1), delta_id(2), delta_id(3), deliver(5, {})});
  EXPECT_EQ(news.header().quarantined.size(), 3U);
  EXPECT_EQ(news.header().deltas, std::vector{delta_id(5)});
  EXPECT_TRUE(value(news.is_empty()));
  EXPECT_EQ(lines_of(news), Lines());
}

TEST_F(DeltaNewsTest, NameADeltaThatIsNotThere) {
  const auto news = try_read({deliver(1, {}), delta_id(2)});
  ASSERT_FALSE(news);
  EXPECT_EQ(news.error().code(), Code::not_found);
  EXPECT_NE(news.error().message().find(delta_id(2).str()), std::string::npos);
}

TEST_F(DeltaNewsTest, TakeAStoreThatFailsForWhatItIs) {
  const auto one = deliver(1, {vector_record("a")});
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "open" ? Fault::refused : Fault::none;
  };
  const auto news = try_read({one});
  ASSERT_FALSE(news);
  EXPECT_EQ(news.error().code(), Code::unavailable);
}

TEST_F(DeltaNewsTest, AreCancelled) {
  std::stop_source stop;
  stop.request_stop();
  const auto news = try_read({deliver(1, {vector_record("a")})}, kLinesBytesMax, stop.get_token());
  ASSERT_FALSE(news);
  EXPECT_EQ(news.error().code(), Code::cancelled);
}

TEST_F(DeltaNewsTest, ReadADeltaThatIsNamedTwiceOnce) {
  const auto one = deliver(1, {vector_record("a")});
  EXPECT_EQ(read({one, one}).header().deltas, std::vector{one});
}

TEST_F(DeltaNewsTest, AreNoneWhereTheLinesHaveNoRoomOrTheDeltasAreMany) {
  std::vector<DeltaId> deltas;
  for (int number = 1; number <= 32; ++number) deltas.push_back(deliver(number, {vector_record("a", number)}));
  EXPECT_TRUE(value(try_read(deltas)));
  EXPECT_FALSE(value(try_read({deltas.front()}, 10)));
  EXPECT_FALSE(value(try_read(deltas, 1'000))) << "each of them has room";
  deltas.push_back(deliver(33, {}));
  EXPECT_FALSE(value(try_read(deltas)));
}

TEST_F(DeltaNewsTest, LeaveNothingBehind) {
  const auto one = deliver(1, {vector_record("a")});
  const auto entries = [&] { return std::ranges::distance(std::filesystem::directory_iterator(room.path())); };
  const auto before = entries();
  {
    const DeltaNews news = read({one});
    EXPECT_GT(entries(), before);
  }
  EXPECT_EQ(entries(), before);
}

RC_GTEST_FIXTURE_PROP(DeltaNewsTest, SayWhatARunOfTheSameDeltasSays, ()) {
  auto deltas = deliver_any();
  if (*rc::gen::arbitrary<bool>()) damage_the_end_of(deltas.back());
  const Path run = room.path() / "run";
  const RunHeader header = value(merge_deltas(objects, binding, deltas, room.path(), run));
  std::vector<RunReader> runs;
  runs.push_back(value(RunReader::open(value(file_source(run)), "run")));
  RunMerge expected(std::move(runs));
  DeltaNews news = read(deltas);
  RC_ASSERT(news.header().deltas == header.deltas);
  RC_ASSERT(news.header().quarantined == header.quarantined);
  RC_ASSERT(value(news.is_empty()) == value(expected.is_empty()));
  RC_ASSERT(lines_of(news) == lines_of(expected));
}

}  // namespace
}  // namespace tillite
