#include "vectors/files/btree_writer.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite {
namespace {

using testing::must;

/// A table of one text and its index, filled page by page.
class BtreeWriterFile : public ::testing::Test {
 protected:
  testing::TempFolder room = testing::TempFolder::in_memory();
  Path file = room.path() / "some.sqlite3";

  /// A record of one text, with a rowid behind it if it is an index's entry.
  static std::vector<std::byte> record(const std::string& text, std::optional<std::uint32_t> rowid) {
    std::vector<std::byte> types;
    append_varint(types, 13 + 2 * text.size());
    if (rowid) append_varint(types, 4);  // four bytes
    std::vector<std::byte> bytes;
    append_varint(bytes, types.size() + 1);
    bytes.insert(bytes.end(), types.begin(), types.end());
    const auto content = as_bytes(text);
    bytes.insert(bytes.end(), content.begin(), content.end());
    for (int shift = 24; rowid && shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(*rowid >> shift));
    return bytes;
  }
  static std::string text(std::uint32_t row, std::size_t size) {
    std::string text = fmt::format("{:08}", row);
    text.resize(std::max(size, text.size()), 'x');
    return text;
  }

  /// Rows with texts of these sizes.
  void expect_whole(std::uint32_t rows, const std::function<std::size_t(std::uint32_t)>& size_of) {
    std::filesystem::remove(file);
    {
      SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      database.exec("PRAGMA page_size = 4096; CREATE TABLE t (x TEXT); CREATE INDEX i ON t (x)");
    }
    auto pages = must(PageFile::open(file));
    BtreeWriter table(pages, BtreeWriter::Kind::table, 2);
    BtreeWriter index(pages, BtreeWriter::Kind::index, 3);
    for (std::uint32_t row = 1; row <= rows; ++row) {
      must(table.add_row(row, record(text(row, size_of(row)), {})));
      must(index.add_entry(record(text(row, size_of(row)), row)));
    }
    must(table.finish());
    must(index.finish());
    must(pages.finish());

    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    ASSERT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok") << rows;
    ASSERT_EQ(database.execAndGet("SELECT count(*) FROM t").getUInt(), rows);
    if (rows == 0) return;
    const std::string last = text(rows, size_of(rows));
    SQLite::Statement find(database, "SELECT rowid, x FROM t INDEXED BY i WHERE x = ?");
    find.bind(1, last);
    ASSERT_TRUE(find.executeStep());
    ASSERT_EQ(find.getColumn(0).getUInt(), rows);
    ASSERT_EQ(find.getColumn(1).getString(), last);
    find.reset();
    database.exec("INSERT INTO t VALUES ('more'), ('00000000')");  // and SQLite goes on with it
    ASSERT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok") << rows;
  }
};

TEST_F(BtreeWriterFile, IsWholeWithAnyNumberOfRows) {
  for (std::uint32_t rows = 0; rows < 40; ++rows) expect_whole(rows, [](std::uint32_t) { return 700; });
  for (const std::uint32_t rows : {1'000U, 5'000U, 5'001U, 5'002U, 5'003U, 5'004U, 60'000U}) {
    expect_whole(rows, [](std::uint32_t) { return 8; });
  }
}

TEST_F(BtreeWriterFile, IsWholeWithTextsOfAnySize) {
  for (std::size_t size = 900; size < 1'100; size += 7) expect_whole(30, [&](std::uint32_t) { return size; });
  for (std::size_t size = 4'000; size < 4'100; size += 3) expect_whole(9, [&](std::uint32_t) { return size; });
  expect_whole(500, [](std::uint32_t row) { return std::size_t{row} * 37 % 13'000; });
  expect_whole(3, [](std::uint32_t row) { return std::size_t{row} * 300'000; });
}

TEST_F(BtreeWriterFile, RefusesAFileOfOtherPages) {
  {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("PRAGMA page_size = 8192; CREATE TABLE t (x TEXT)");
  }
  EXPECT_EQ(PageFile::open(file).error().code(), Code::unsupported);
}

TEST_F(BtreeWriterFile, RefusesAFileThatIsNotPlain) {
  const auto create = [&](const std::string& pragma) {
    std::filesystem::remove(file);
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("PRAGMA page_size = 4096; " + pragma + "; CREATE TABLE t (x TEXT)");
  };
  for (const char* const pragma :
       {"PRAGMA auto_vacuum = FULL", "PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL"}) {
    create(pragma);
    EXPECT_EQ(PageFile::open(file).error().code(), Code::unsupported) << pragma;
  }
  create("");
  must(PageFile::open(file));
  for (const std::uint64_t last_byte_of :
       {27U, 47U, 55U, 95U}) {  // change counter, schema format, largest root, valid for
    auto opened = must(File::open_update(file));
    std::array<std::byte, 1> byte{};
    must(opened.read_at(last_byte_of, byte));
    const std::array other{byte[0] ^ std::byte{3}};
    must(opened.write_at(last_byte_of, other));
    const auto pages = PageFile::open(file);
    ASSERT_FALSE(pages) << last_byte_of;
    EXPECT_EQ(pages.error().code(), Code::unsupported);
    must(opened.write_at(last_byte_of, byte));
  }
  must(PageFile::open(file));
}

TEST(Varint, IsAsSqliteWritesIt) {
  const auto hex = [](std::uint64_t number) {
    std::vector<std::byte> bytes;
    append_varint(bytes, number);
    std::string text;
    for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    return text;
  };
  EXPECT_EQ(hex(0), "00");
  EXPECT_EQ(hex(127), "7f");
  EXPECT_EQ(hex(128), "8100");
  EXPECT_EQ(hex(16'384), "818000");
  EXPECT_EQ(hex((std::uint64_t{1} << 56) - 1), "ffffffffffffff7f");
  EXPECT_EQ(hex(std::uint64_t{1} << 56), "80c080808080808000");
  EXPECT_EQ(hex(~std::uint64_t{0}), "ffffffffffffffffff");
}

}  // namespace
}  // namespace tillite
