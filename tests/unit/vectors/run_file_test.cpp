#include "vectors/deltas/run_file.h"

#include "delta_fixture.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

class RunFile : public DeltaFixture {
 protected:
  [[nodiscard]] RunHeader run_header() const {
    return {.binding = binding,
            .deltas = {delta_id(1), delta_id(2)},
            .quarantined = {{delta_id(3), "its vectors are torn"}}};
  }
  [[nodiscard]] std::vector<Record> records() const {
    std::vector<Record> records = {vector_record("a"), metadata_record("a", 2, 1), tombstone("b", 4),
                                   vector_record("c")};
    for (Record& record : records) {
      record.delta = delta_id(1);
      if (!record.vector.empty()) value(normalise(record.vector));
    }
    return records;
  }
  [[nodiscard]] std::string run_of(const std::vector<Record>& records) {
    const Path file = room.path() / "run";
    auto writer = value(RunWriter::create(file, run_header()));
    for (const Record& record : records) value(writer.add(record));
    value(writer.finish());
    return value(read_file(file));
  }
  static Result<std::vector<std::string>> read(const std::string& run) {
    auto reader = TRY(RunReader::open(source_of(run), "the run"));
    std::vector<std::string> records;
    while (const auto record = TRY(reader.next())) records.push_back(text_of(*record));
    if (TRY(reader.next())) return fail(Code::internal, "a record behind the end");
    return records;
  }
};

TEST_F(RunFile, GivesBackWhatWasWritten) {
  std::vector<std::string> expected;
  for (const Record& record : records()) expected.push_back(text_of(record));
  EXPECT_EQ(value(read(run_of(records()))), expected);

  const auto reader = value(RunReader::open(source_of(run_of(records())), "the run"));
  EXPECT_EQ(reader.header().binding, binding);
  EXPECT_EQ(reader.header().deltas, run_header().deltas);
  ASSERT_EQ(reader.header().quarantined.size(), 1U);
  EXPECT_EQ(reader.header().quarantined[0].delta, delta_id(3));
  EXPECT_EQ(reader.header().quarantined[0].reason, "its vectors are torn");
}

TEST_F(RunFile, TellsTheHashesOfItsVectors) {
  const std::string run = run_of(records());
  auto as_records = value(RunReader::open(source_of(run), "the run"));
  while (const auto record = value(as_records.next())) {
    const bool has_vector = !record->vector.empty();
    EXPECT_EQ(record->known_hash, has_vector ? std::optional(vector_hash(record->vector)) : std::nullopt);
  }
  auto as_lines = value(RunReader::open(source_of(run), "the run"));
  while (const auto line = value(as_lines.next_line())) {
    EXPECT_EQ(line->sums.hash, line->vector.empty() ? Sum128() : vector_hash(line->vector));
  }
}

TEST_F(RunFile, OfAnotherFormatCountsAsDamaged) {
  std::string run = run_of(records());
  run[run.find('3')] = '2';
  const auto content = read(run);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code(), Code::corrupt) << "who merges makes it anew";
  EXPECT_NE(content.error().message().find("another format"), std::string::npos) << content.error().message();
}

TEST_F(RunFile, MayBeEmpty) { EXPECT_TRUE(value(read(run_of({}))).empty()); }

TEST_F(RunFile, RefusesAByteThatChanged) {
  const std::string run = run_of(records());
  for (std::size_t position = 0; position < run.size(); ++position) {
    std::string changed = run;
    changed[position] = static_cast<char>(changed[position] ^ 1);
    const auto content = read(changed);
    ASSERT_FALSE(content) << "byte " << position;
    ASSERT_EQ(content.error().code(), Code::corrupt) << "byte " << position << ": " << content.error().message();
  }
}

TEST_F(RunFile, RefusesATruncatedOrLengthenedFile) {
  const std::string run = run_of(records());
  for (std::size_t size = 0; size < run.size(); ++size) {
    const auto content = read(run.substr(0, size));
    ASSERT_FALSE(content) << size << " bytes";
    ASSERT_EQ(content.error().code(), Code::corrupt);
  }
  const auto content = read(run + "x");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code(), Code::corrupt);
}

TEST_F(RunFile, OfAShardHasThisShardsRecordsOnly) {
  binding.shards = 2;
  RunHeader header = run_header();
  header.shard = shard_of(RecordId("b"), 2);
  const Path file = room.path() / "run";
  auto writer = value(RunWriter::create(file, header));
  value(writer.add(tombstone("b", 4)));
  value(writer.finish());
  const auto reader = value(RunReader::open(source_of(value(read_file(file))), "the run"));
  EXPECT_EQ(reader.header(), header);
  EXPECT_EQ(value(read(value(read_file(file)))).size(), 1U);

  header.shard = 1 - *header.shard;
  auto other = value(RunWriter::create(file, header));
  EXPECT_DEATH(static_cast<void>(other.add(tombstone("b", 4))), "this shard's records");
}

TEST_F(RunFile, IsNotWrittenOutOfOrder) {
  auto writer = value(RunWriter::create(room.path() / "run", run_header()));
  value(writer.add(tombstone("b", 1)));
  value(writer.add(tombstone("b", 2)));
  EXPECT_DEATH(static_cast<void>(writer.add(tombstone("a", 1))), "ids do not decrease");
}

}  // namespace
}  // namespace tillite
