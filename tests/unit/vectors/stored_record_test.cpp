#include "vectors/files/stored_record.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace tillite {
namespace {

std::string bytes_of(StoredRecord& record) { return std::string(as_text(record.bytes())); }

// Whether SQLite reads what is stored is seen where its tables are filled: in the tests of chroma.sqlite3 and
// records.sqlite3.

TEST(StoredRecord, HasTheTypesOfItsColumnsAndThenTheirBytes) {
  using namespace std::string_literals;
  StoredRecord record;
  record.add_null();
  record.add(std::string_view("ab"));
  record.add(as_bytes("\x01\xff"));
  record.add(std::int64_t{0});
  record.add(std::int64_t{1});
  record.add(std::int64_t{-2});
  record.add(std::int64_t{300});
  EXPECT_EQ(bytes_of(record), "\x08\x00\x11\x10\x08\x09\x01\x02"s + "ab\x01\xff\xfe\x01\x2c"s);
}

TEST(StoredRecord, TakesTheFewestBytesThatANumberFitsInto) {
  const auto size_of = [](std::int64_t number) {
    StoredRecord record;
    record.add(number);
    return record.bytes().size() - 2;
  };
  for (const auto& [bits, size] : {std::pair(7, 1U), std::pair(15, 2U), std::pair(23, 3U), std::pair(31, 4U),
                                   std::pair(47, 6U), std::pair(62, 8U)}) {
    const std::int64_t beyond = std::int64_t{1} << bits;
    EXPECT_EQ(size_of(beyond - 1), size) << bits;
    EXPECT_EQ(size_of(-beyond), size) << bits;
    EXPECT_GE(size_of(beyond), bits == 62 ? size : size + 1) << bits;
  }
  EXPECT_EQ(size_of(INT64_MIN), 8U);
}

TEST(StoredRecord, BeginsAnewWhenItIsCleared) {
  StoredRecord record;
  record.add(std::string_view(std::string(1'000, 'x')));
  EXPECT_EQ(record.bytes().size(), 1'000U + 3U);
  record.clear();
  record.add(2.5);
  EXPECT_EQ(bytes_of(record), std::string("\x02\x07\x40\x04\0\0\0\0\0\0", 10));
  record.clear();
  record.add(3.0);
  EXPECT_EQ(bytes_of(record), "\x02\x01\x03");
}

}  // namespace
}  // namespace tillite
