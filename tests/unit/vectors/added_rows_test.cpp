#include "vectors/merge/added_rows.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite {
namespace {

using testing::must;

class AddedRowsTest : public ::testing::Test {
 protected:
  testing::TempFolder room;
  RowLayout layout{.row_bytes = 16, .vector_offset = 4};

  static Record with_vector(std::vector<float> vector) {
    Record record;
    record.vector = std::move(vector);
    return record;
  }
  static Record in_row(std::uint64_t row) {
    Record record;
    record.row = row;
    return record;
  }
  /// A row whose vector has this number twice.
  static std::string row_of(float number) {
    std::string row(16, '\0');
    std::memcpy(row.data() + 4, &number, sizeof number);
    std::memcpy(row.data() + 8, &number, sizeof number);
    return row;
  }
  [[nodiscard]] RowFile file_of(const std::vector<float>& numbers) const {
    std::string bytes;
    for (const float number : numbers) bytes += row_of(number);
    const Path path = room.path() / "rows";
    must(replace_file(path, as_bytes(bytes)));
    return {.path = path, .layout = layout, .rows = numbers.size()};
  }
  [[nodiscard]] Path target() const { return room.path() / "target"; }
};

TEST_F(AddedRowsTest, AreWrittenAsTheyComeWithTheirRecords) {
  auto rows = must(AddedRows::open(target(), layout, {}));
  must(rows.add(with_vector({1, 1})));
  must(rows.add(with_vector({2, 2})));
  must(rows.finish());
  EXPECT_EQ(must(read_file(target())), row_of(1) + row_of(2));
}

TEST_F(AddedRowsTest, ThatLieInAFileAreMovedWithIt) {
  const RowFile file = file_of({1, 2, 3});
  auto rows = must(AddedRows::open(target(), layout, file));
  for (std::uint64_t row = 0; row < 3; ++row) must(rows.add(in_row(row)));
  must(rows.finish());
  EXPECT_EQ(must(read_file(target())), row_of(1) + row_of(2) + row_of(3));
  EXPECT_FALSE(std::filesystem::exists(file.path));
}

TEST_F(AddedRowsTest, CloseTheGapsOfRowsThatAreNotAdded) {
  auto rows = must(AddedRows::open(target(), layout, file_of({0, 1, 2, 3, 4})));
  for (const std::uint64_t row : {1U, 2U, 4U}) must(rows.add(in_row(row)));
  must(rows.finish());
  EXPECT_EQ(must(read_file(target())), row_of(1) + row_of(2) + row_of(4));
}

TEST_F(AddedRowsTest, MayBeNone) {
  auto rows = must(AddedRows::open(target(), layout, file_of({1})));
  must(rows.finish());
  EXPECT_EQ(must(read_file(target())), "");
}

}  // namespace
}  // namespace tillite
