#include "vectors/deltas/delta.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "delta_fixture.h"
#include "vectors/files/tar_gz.h"

namespace tillite {
namespace {

class Delta : public DeltaFixture {
 protected:
  std::vector<Record> three_ = {vector_record("IMAGE#1"), tombstone("IMAGE#2", 3), metadata_record("IMAGE#3", 2, 5)};

  struct Content {
    DeltaFacts facts;
    std::vector<std::string> records;
    bool operator==(const Content& other) const { return records == other.records; }
  };
  static Result<Content> read(const std::string& file) {
    Content content;
    const auto source = source_of(file);
    content.facts = TRY(read_delta(*source, [&](Record&& record) -> Result<void> {
      content.records.push_back(text_of(record));
      return {};
    }));
    return content;
  }
  /// The bytes that are announced before the lines, then each line with a "+" for its row.
  static std::vector<std::string> announced_and_lines(const std::string& file) {
    std::vector<std::string> seen;
    const auto source = source_of(file);
    value(read_delta_lines(
        *source,
        [&](DeltaLine&& next) -> Result<void> {
          seen.push_back(next.line.id.str() + (next.vector.empty() ? "" : "+"));
          return {};
        },
        [&](std::uint64_t bytes) { seen.push_back(std::to_string(bytes)); }));
    return seen;
  }
  static Result<Content> read_front(const std::string& file) {
    Content content;
    const auto source = source_of(file);
    content.facts = TRY(read_delta_records(*source, [&](Record&& record) -> Result<void> {
      content.records.push_back(text_of(record));
      return {};
    }));
    return content;
  }

  /// An archive as somebody else might make it: members by name, check sums right unless they are given.
  struct Members {
    Json header;
    std::string records;
    std::string vectors;
    std::optional<std::string> checksums;
  };
  Members members_of(const std::vector<Record>& records, std::size_t vectors) const {
    Members members;
    members.header = {{"format", "tillite-delta/1"},
                      {"delta_id", delta_id(1).str()},
                      {"batch_id", ""},
                      {"binding", to_json(binding)},
                      {"created_at", "2026-11-23T12:00:00.000Z"},
                      {"records", records.size()},
                      {"vectors", vectors}};
    return members;
  }
  /// One vector record that is right in every way.
  Members good() const {
    Members members = members_of({vector_record("a")}, 1);
    members.records = R"({"id":"a","kind":"vector","item_version":1,"metadata_version":1,"metadata":{},"document":"d"})"
                      "\n";
    const std::vector<float> vector = {1, 0, 0, 0};
    members.vectors = std::string(as_text(std::as_bytes(std::span(vector))));
    return members;
  }
  /// The same with a second vector, as this program writes it or, without a sum of rows, as those before it did.
  Members two_vectors(bool with_rows_sum) const {
    Members members = good();
    members.header["records"] = 2;
    members.header["vectors"] = 2;
    members.records +=
        R"({"id":"b","kind":"vector","item_version":1,"metadata_version":1,"metadata":{},"document":"d"})"
        "\n";
    members.vectors += bytes_of({0, 0.6F, 0.8F, 0});
    if (with_rows_sum) members.header["rows_sha256"] = rows_sum_of(members);
    return members;
  }
  static std::string bytes_of(const std::vector<float>& vector) {
    return std::string(as_text(std::as_bytes(std::span(vector))));
  }
  /// As docs/formats/delta.md has it.
  [[nodiscard]] std::string rows_sum_of(const Members& members) const {
    Sha256 sum;
    const std::size_t row_bytes = binding.dimensions * sizeof(float);
    for (std::size_t begin = 0; begin < members.vectors.size(); begin += row_bytes) {
      Sha256 row;
      row.update(std::string_view(members.vectors).substr(begin, row_bytes));
      sum.update(row.digest());
    }
    return sum.hex();
  }
  std::string archive_of(Members members) {
    if (!members.header.contains("records_sha256")) members.header["records_sha256"] = sha256_hex(members.records);
    const std::string header = to_text(members.header);
    const std::string checksums = members.checksums.value_or(to_text({{"delta.json", sha256_hex(header)},
                                                                      {"records.ndjson", sha256_hex(members.records)},
                                                                      {"vectors.f32", sha256_hex(members.vectors)}}));
    return tar_of({{"delta.json", header},
                   {"records.ndjson", members.records},
                   {"vectors.f32", members.vectors},
                   {"checksums.json", checksums}});
  }
  std::string tar_of(const std::vector<std::pair<std::string, std::string>>& members) {
    const Path file = room.path() / "made.tar.gz";
    auto archive = value(TarGzWriter::create(file, 0));
    for (const auto& [name, content] : members) value(archive.add(name, content.size(), *source_of(content), false));
    value(archive.finish());
    return value(read_file(file));
  }

  void expect_corrupt(const std::string& file, std::string_view what) {
    const auto content = read(file);
    ASSERT_FALSE(content) << what;
    EXPECT_EQ(content.error().code(), Code::corrupt) << content.error().message();
    EXPECT_NE(content.error().message().find(what), std::string::npos) << content.error().message();
  }
  /// With another line instead of the good record.
  void expect_corrupt_record(const std::string& line, std::string_view what) {
    Members members = good();
    members.records = line + "\n";
    expect_corrupt(archive_of(members), what);
  }
};

TEST_F(Delta, GivesBackWhatWasWritten) {
  const auto content = value(read(delta_file(header(1), three_)));
  EXPECT_EQ(content.facts.header.id, delta_id(1));
  EXPECT_EQ(content.facts.header.batch_id.str(), "batch-1");
  EXPECT_EQ(content.facts.header.binding, binding);
  EXPECT_EQ(content.facts.header.created_ms, 1'700'000'000'123);
  EXPECT_EQ(content.facts.records, 3U);
  EXPECT_EQ(content.facts.vectors, 1U);
  std::vector<std::string> expected;
  for (Record record : three_) {
    record.delta = delta_id(1);
    if (record.kind == RecordKind::vector) value(normalise(record.vector));
    expected.push_back(text_of(record));
  }
  EXPECT_EQ(content.records, expected);
}

TEST_F(Delta, TellsTheBytesOfItsLinesBeforeTheyTakeMemory) {
  Members members = good();
  const std::string bytes = std::to_string(members.records.size());
  EXPECT_EQ(announced_and_lines(archive_of(std::move(members))), (std::vector<std::string>{bytes, "a+"}));
}

TEST_F(Delta, MayBeEmpty) { EXPECT_TRUE(value(read(delta_file(header(1), {}))).records.empty()); }

TEST_F(Delta, HasTheSameBytesForTheSameInput) {
  EXPECT_EQ(delta_file(header(1), three_), delta_file(header(1), three_));
}

TEST_F(Delta, StoresVectorsUndeflatedAndDeflatesTheRest) {
  std::vector<Record> records;
  for (int i = 0; i < 200; ++i) records.push_back(vector_record(fmt::format("IMAGE#{}", i), 1, static_cast<float>(i)));
  const std::string file = delta_file(header(1), records);
  const auto vector_bytes = 200 * binding.dimensions * sizeof(float);
  EXPECT_GT(file.size(), vector_bytes);
  EXPECT_LT(file.size(), vector_bytes + 10'000) << "200 records alone have 40,000 bytes";
  Record first = records[0];
  value(normalise(first.vector));
  EXPECT_NE(file.find(as_text(std::as_bytes(std::span(first.vector)))), std::string::npos) << "readable as it is";
}

TEST_F(Delta, CanBeUnpackedByTar) {
  const Path file = room.path() / "delta.tar.gz";
  value(replace_file(file, as_bytes(delta_file(header(1), three_))));
  const std::string command = fmt::format("tar xzf '{}' -C '{}'", file.string(), room.path().string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string records = value(read_file(room.path() / "records.ndjson"));
  EXPECT_EQ(std::ranges::count(records, '\n'), 3);
  Members members;
  members.vectors = value(read_file(room.path() / "vectors.f32"));
  EXPECT_EQ(members.vectors.size(), binding.dimensions * sizeof(float));
  const Json checksums = value(parse_json(value(read_file(room.path() / "checksums.json")), "checksums"));
  EXPECT_EQ(checksums.at("records.ndjson"), sha256_hex(records));
  EXPECT_EQ(checksums.at("vectors.f32"), sha256_hex(members.vectors));
  const Json header = value(parse_json(value(read_file(room.path() / "delta.json")), "header"));
  EXPECT_EQ(header.at("format"), "tillite-delta/1");
  EXPECT_EQ(header.at("rows_sha256"), rows_sum_of(members));
}

TEST_F(Delta, RefusesAByteThatChanged) {
  const std::string file = delta_file(header(1), three_);
  const Content original = value(read(file));
  for (std::size_t position = 0; position < file.size(); ++position) {
    std::string changed = file;
    changed[position] = static_cast<char>(~changed[position]);
    const auto content = read(changed);
    ASSERT_FALSE(content) << "byte " << position;
    ASSERT_EQ(content.error().code(), Code::corrupt) << "byte " << position << ": " << content.error().message();
  }
}

TEST_F(Delta, NeverReadsAnotherContentAfterABitChanged) {
  const std::string file = delta_file(header(1), three_);
  const Content original = value(read(file));
  std::size_t harmless = 0;  // deflate pads to whole bytes with bits that say nothing
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string changed = file;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const auto content = read(changed);
    if (!content) continue;
    ASSERT_TRUE(*content == original) << "bit " << bit;
    ++harmless;
  }
  EXPECT_LE(harmless, 32U);
}

TEST_F(Delta, RefusesATruncatedFile) {
  const std::string file = delta_file(header(1), three_);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto content = read(file.substr(0, size));
    ASSERT_FALSE(content) << size << " bytes";
    ASSERT_EQ(content.error().code(), Code::corrupt) << size << " bytes";
  }
}

TEST_F(Delta, RefusesWhatFollowsTheEnd) { expect_corrupt(delta_file(header(1), three_) + "x", "behind the end"); }

TEST_F(Delta, AcceptsWhatSomebodyElseWroteByTheRules) { EXPECT_EQ(value(read(archive_of(good()))).records.size(), 1U); }

TEST_F(Delta, IsReadWithASumOfItsRowsAndWithout) {
  const Content content = value(read(archive_of(two_vectors(true))));
  EXPECT_EQ(content.records.size(), 2U);
  EXPECT_EQ(value(read(archive_of(two_vectors(false)))).records, content.records);
}

TEST_F(Delta, TellsTheHashesOfItsVectors) {
  for (const bool with_rows_sum : {true, false}) {
    std::size_t records = 0;
    value(read_delta(*source_of(archive_of(two_vectors(with_rows_sum))), [&](Record&& record) -> Result<void> {
      EXPECT_EQ(record.known_hash, vector_hash(record.vector)) << with_rows_sum;
      ++records;
      return {};
    }));
    EXPECT_EQ(records, 2U);
  }
}

TEST_F(Delta, RefusesVectorsThatAreNotThoseOfTheSumOfRows) {
  Members members = two_vectors(true);
  const std::string first = members.vectors.substr(0, members.vectors.size() / 2);
  const std::string second = members.vectors.substr(members.vectors.size() / 2);
  for (const std::string& other : {second + first, first + first, first + bytes_of({0, 0, 1, 0})}) {
    members.vectors = other;  // whose sum in checksums.json is right
    expect_corrupt(archive_of(members), "the rows of vectors.f32");
  }
}

TEST_F(Delta, LeavesANewerFormatToANewerProgram) {
  Members members = good();
  members.header["format"] = "tillite-delta/2";
  const auto content = read(archive_of(members));
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code(), Code::unsupported);
}

TEST_F(Delta, RefusesABrokenHeader) {
  for (const char* const field : {"format", "delta_id", "binding", "created_at", "records", "vectors"}) {
    Members members = good();
    members.header[field] = nullptr;
    expect_corrupt(archive_of(members), field);
  }
  Members members = good();
  members.header["records"] = 50'001;
  expect_corrupt(archive_of(members), "50000 records");
  members = good();
  members.header["delta_id"] = "../../etc";
  expect_corrupt(archive_of(members), "UUID");
  members = good();
  members.header["binding"]["dimensions"] = 1'000'000;
  expect_corrupt(archive_of(members), "dimensions");
}

TEST_F(Delta, RefusesCountsThatAreNotThose) {
  Members members = good();
  members.header["records"] = 2;
  expect_corrupt(archive_of(members), "there are 1 records");
  members = good();
  members.header["records"] = 0;
  members.header["vectors"] = 0;
  expect_corrupt(archive_of(members), "more records than announced");
  members = good();
  members.header["vectors"] = 0;
  expect_corrupt(archive_of(members), "1 vectors, not");
  members = good();
  members.vectors.pop_back();
  expect_corrupt(archive_of(members), "vectors.f32");
  members = good();
  members.vectors += "1234";
  expect_corrupt(archive_of(members), "vectors.f32");
}

TEST_F(Delta, RefusesRecordsThatCannotBeStored) {
  const std::string rest = R"("item_version":1,"metadata_version":1,"document":"d","metadata":{)";
  expect_corrupt_record("{", "line 1");
  expect_corrupt_record("[]", "line 1");
  expect_corrupt_record(R"({"id":"","kind":"vector",)" + rest + "}}", "an id must");
  expect_corrupt_record(R"({"id":"a\u0000b","kind":"vector",)" + rest + "}}", "an id must");
  expect_corrupt_record(R"({"id":")" + std::string(513, 'a') + R"(","kind":"vector",)" + rest + "}}", "an id must");
  expect_corrupt_record(R"({"id":"a","kind":"thing",)" + rest + "}}", "kind");
  expect_corrupt_record(R"({"id":"a","kind":"vector",)" + rest + R"("list":[1]}})", "list");
  expect_corrupt_record(R"({"id":"a","kind":"vector",)" + rest + R"("none":null}})", "none");
  expect_corrupt_record(R"({"id":"a","kind":"vector",)" + rest + R"("big":18446744073709551615}})", "big");
  expect_corrupt_record(R"({"id":"a","kind":"vector",)" + rest + R"("chroma:document":"x"}})", "reserved");
  expect_corrupt_record(
      R"({"id":"a","kind":"vector","item_version":-1000000001,"metadata_version":1,"document":"","metadata":{}})",
      "below all");
  expect_corrupt_record(
      R"({"id":"a","kind":"vector","item_version":1,"metadata_version":0,"document":"","metadata":{}})", "below all");
  expect_corrupt_record(R"({"id":"a","kind":"tombstone","item_version":1,"metadata_version":1})", "removed_at_ms");
}

TEST_F(Delta, RefusesAnIdThatIsThereTwice) {
  Members members = members_of({tombstone("a", 1), tombstone("a", 1)}, 0);
  const std::string line = R"({"id":"a","kind":"tombstone","item_version":1,"metadata_version":1,"removed_at_ms":1})";
  members.records = line + "\n" + line + "\n";
  expect_corrupt(archive_of(members), "there twice");
}

TEST_F(Delta, RefusesVectorsThatAreNotOfUnitLength) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::vector<float>& vector :
       {std::vector<float>{1.01F, 0, 0, 0}, {0, 0, 0, 0}, {nan, 0, 0, 0}, {infinity, 0, 0, 0}, {0.9F, 0, 0, 0}}) {
    Members members = good();
    members.vectors = std::string(as_text(std::as_bytes(std::span(vector))));
    expect_corrupt(archive_of(members), "unit length");
  }
}

TEST_F(Delta, RefusesWrongCheckSums) {
  Members members = good();
  members.checksums = "{}";
  expect_corrupt(archive_of(members), "check sums");
  members.checksums = "no JSON";
  expect_corrupt(archive_of(members), "checksums.json");
  members = good();
  members.header["records_sha256"] = sha256_hex("something else");
  expect_corrupt(archive_of(members), "check sum");
}

TEST_F(Delta, RefusesMembersThatAreMissingOrMisplacedOrTooMany) {
  const Members members = good();
  const std::string header = to_text(members.header);
  expect_corrupt(tar_of({{"records.ndjson", members.records}}), "delta.json");
  expect_corrupt(tar_of({}), "delta.json");
  Members whole = good();
  whole.header["records_sha256"] = sha256_hex(whole.records);
  const std::string whole_header = to_text(whole.header);
  const std::string sums = to_text({{"delta.json", sha256_hex(whole_header)},
                                    {"records.ndjson", sha256_hex(whole.records)},
                                    {"vectors.f32", sha256_hex(whole.vectors)}});
  expect_corrupt(tar_of({{"delta.json", whole_header}, {"vectors.f32", whole.vectors}}), "records.ndjson");
  expect_corrupt(tar_of({{"delta.json", whole_header},
                         {"records.ndjson", whole.records},
                         {"vectors.f32", whole.vectors},
                         {"checksums.json", sums},
                         {"more", "x"}}),
                 "too many");
}

TEST_F(Delta, StaysSmallInMemoryWhateverAFileUnpacksTo) {
  // 300 MiB of blanks deflate to 300 KiB: the announced size is refused before a byte of it is read.
  class Blanks final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      std::ranges::fill(buffer, std::byte{' '});
      return buffer.size();
    }
  } blanks;
  Members members = good();
  members.header["records_sha256"] = sha256_hex("");
  const std::string header = to_text(members.header);
  const auto bomb = [&](std::uint64_t size_bytes) {
    const Path file = room.path() / "bomb.tar.gz";
    auto archive = value(TarGzWriter::create(file, 0));
    value(archive.add("delta.json", header.size(), *source_of(header), false));
    value(archive.add("records.ndjson", size_bytes, blanks, false));
    value(archive.finish());
    return value(read_file(file));
  };
  expect_corrupt(bomb(std::uint64_t{300} << 20), "at most");
  expect_corrupt(bomb(std::uint64_t{2} << 20), "longer than");
}

TEST_F(Delta, ShowsItsRecordsWithoutReadingTheVectors) {
  const std::string file = delta_file(header(1), three_);
  const auto content = value(read_front(file));
  ASSERT_EQ(content.records.size(), 3U);
  EXPECT_EQ(content.facts.vectors, 1U);

  std::vector<Record> many;
  for (int i = 0; i < 2'000; ++i) many.push_back(vector_record(fmt::format("IMAGE#{}", i)));
  const std::string big = delta_file(header(2), many);
  EXPECT_EQ(value(read_front(big.substr(0, big.size() - 2'000))).records.size(), many.size());
}

TEST_F(Delta, ChecksItsRecordsWithoutReadingTheVectors) {
  Members members = good();
  members.header["records_sha256"] = sha256_hex("other records");
  const auto content = read_front(archive_of(members));
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code(), Code::corrupt);
}

TEST_F(Delta, StopsWhenItsReaderFails) {
  const auto source = source_of(delta_file(header(1), three_));
  const auto result =
      read_delta(*source, [](Record&&) -> Result<void> { return fail(Code::no_space, "no room for the record"); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::no_space);
}

TEST_F(Delta, IsNotWrittenWithWhatItsReaderWouldRefuse) {
  auto writer = value(DeltaWriter::create(room.path(), header(1)));
  const auto expect_refused = [&](Record record, Code code) {
    const auto added = writer.add(std::move(record));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code(), code) << added.error().message();
  };
  value(writer.add(vector_record("a")));
  expect_refused(vector_record("a"), Code::invalid_input);
  expect_refused(vector_record(""), Code::invalid_input);
  Record record = vector_record("b");
  record.vector.pop_back();
  expect_refused(record, Code::invalid_input);
  record = vector_record("b");
  record.vector.assign(binding.dimensions, 0);
  expect_refused(record, Code::invalid_input);
  record = vector_record("b");
  record.metadata["list"] = Json::array({1});
  expect_refused(record, Code::invalid_input);
  record = vector_record("b");
  record.metadata["none"] = std::numeric_limits<double>::quiet_NaN();
  expect_refused(record, Code::invalid_input);
  record = vector_record("b");
  record.document.assign(std::size_t{1} << 20, 'x');
  expect_refused(record, Code::limit_exceeded);
  value(writer.add(vector_record("b")));
  EXPECT_EQ(value(read(value(read_file(value(writer.finish()))))).records.size(), 2U)
      << "a refused record leaves no trace";
}

}  // namespace
}  // namespace tillite
