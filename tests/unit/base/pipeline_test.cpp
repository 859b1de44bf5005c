#include "base/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

namespace tillite {
namespace {

struct Numbered {
  int number = 0;
  int squared = 0;
};

std::vector<int> numbers_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(PipelineTest, AStageThatGoesOneByOneSeesTheBlocksInTheirOrder) {
  for (const std::size_t threads : std::initializer_list<std::size_t>{1, 2, 5}) {
    for (const std::size_t blocks_count : std::initializer_list<std::size_t>{1, 2, 4}) {
      std::vector<Numbered> blocks(blocks_count);
      int filled = 0;
      std::vector<int> seen;
      std::vector<int> squares;
      run_pipeline<Numbered>(
          blocks, threads,
          [&](Numbered& block) {
            block.number = filled;
            return filled++ < 500;
          },
          {{.work = [&](Numbered& block) { seen.push_back(block.number); }},
           {.order = StageOrder::any, .work = [](Numbered& block) { block.squared = block.number * block.number; }},
           {.work = [&](Numbered& block) { squares.push_back(block.squared); }}});
      EXPECT_EQ(seen, numbers_to(500));
      ASSERT_EQ(squares.size(), 500);
      for (int i = 0; i < 500; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
    }
  }
}

TEST(PipelineTest, BlocksThatEndOutOfOrderAreFilledAgainOnlyWhenTheyHaveLeft) {
  std::vector<Numbered> blocks(3);
  int filled = 0;
  std::atomic<int> sum = 0;
  run_pipeline<Numbered>(blocks, 4,
                         [&](Numbered& block) {
                           block.number = filled;
                           return filled++ < 1'000;
                         },
                         {{.order = StageOrder::any, .work = [&](Numbered& block) { sum += block.number; }}});
  EXPECT_EQ(sum, 999 * 1'000 / 2);
}

TEST(PipelineTest, ASingleThreadTakesEachBlockThroughAllStagesBeforeTheNext) {
  std::vector<Numbered> blocks(4);
  int filled = 0;
  std::vector<int> order;
  run_pipeline<Numbered>(blocks, 1,
                         [&](Numbered& block) {
                           block.number = filled;
                           return filled++ < 3;
                         },
                         {{.work = [&](Numbered& block) { order.push_back(block.number); }},
                          {.work = [&](Numbered& block) { order.push_back(block.number + 10); }}});
  EXPECT_EQ(order, (std::vector<int>{0, 10, 1, 11, 2, 12}));
}

TEST(PipelineTest, NothingToFillIsNoWork) {
  std::vector<Numbered> blocks(2);
  run_pipeline<Numbered>(blocks, 3, [](Numbered&) { return false; },
                         {{.work = [](Numbered&) { FAIL() << "there is no block"; }}});
}

}  // namespace
}  // namespace tillite
