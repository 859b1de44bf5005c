#include "base/private_pages.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

using Numbers = std::vector<std::uint32_t>;

class PagedArrayTest : public ::testing::Test {
 protected:
  TempFolder folder;

  /// A file of the numbers from 0 on, behind `offset` bytes.
  [[nodiscard]] File numbers_in_a_file(std::size_t count, std::size_t offset) const {
    std::vector<std::uint32_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0U);
    const std::string content =
        std::string(offset, 'x') + std::string(as_text(std::as_bytes(std::span(numbers)))) + "more";
    must(replace_file(folder / "numbers", as_bytes(content)));
    return must(File::open_read(folder / "numbers"));
  }

  static void expect_numbers(const PagedArray<std::uint32_t>& array, std::size_t count) {
    ASSERT_GE(array.size(), count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(array[i], i);
  }
};

TEST_F(PagedArrayTest, GrowsWithZerosAndKeepsWhatItHas) {
  PagedArray<std::uint32_t> array;
  for (std::size_t i = 0; i < 10'000; ++i) {
    array.resize(i + 1);
    EXPECT_EQ(array[i], 0U);
    array[i] = static_cast<std::uint32_t>(i);
  }
  expect_numbers(array, 10'000);
}

TEST_F(PagedArrayTest, BecomesWhatAFileHasAndGoesOnBehindIt) {
  for (const std::size_t offset : {std::size_t{4096}, std::size_t{64}}) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{5}, std::size_t{1024}, std::size_t{3000}}) {
      PagedArray<std::uint32_t> array;
      array.reserve(count + 2000);
      must(array.take_over(numbers_in_a_file(count, offset), offset, count));
      array.resize(count + 5000);
      expect_numbers(array, count);
      for (std::size_t i = count; i < array.size(); ++i) ASSERT_EQ(array[i], 0U) << i;
    }
  }
}

TEST_F(PagedArrayTest, LeavesTheFileAsItIs) {
  const File file = numbers_in_a_file(3000, 4096);
  const std::string before = must(read_file(file.path()));
  PagedArray<std::uint32_t> array;
  must(array.take_over(file, 4096, 3000));
  array.resize(4000);
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = 7;
  EXPECT_EQ(must(read_file(file.path())), before);
}

TEST_F(PagedArrayTest, RefusesAFileThatEndsBefore) {
  PagedArray<std::uint32_t> array;
  const auto taken = array.take_over(numbers_in_a_file(100, 4096), 4096, 5000);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::corrupt);
}

}  // namespace
}  // namespace tillite::testing
