// The largest batch that the provider takes, in little memory.
#include <gtest/gtest.h>

#include "base/stopwatch.h"
#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

TEST(OpenAiMemory, FiftyThousandItemsInOneBatchNeedLessThan128Megabytes) {
  constexpr int receipts = 500;
  constexpr int lines = 100;
  TempFolder folder;
  OpenAiEmulator openai(folder.path(), {});
  OpenAiHome home(folder.path(), openai.environment(),
                  {{"BATCH_ITEMS_MAX", "50000"}, {"EMBEDDING_DIMENSIONS", "1536"}, {"TILLITE_MEMORY_BYTES", "64M"}});
  home.import_all(receipts_of_distinct_lines(receipts, lines));
  Stopwatch stopwatch;
  const auto outcome = home.run();
  constexpr double megabyte = 1 << 20;
  fmt::print("[   FIGURE ] {} items in {} batches: {} ms, {:.0f} MB at most\n", receipts * lines, home.batches().size(),
             stopwatch.lap_ms(), static_cast<double>(outcome.peak_bytes) / megabyte);
  EXPECT_EQ(home.batches().size(), 1U);
  EXPECT_EQ(home.census().at("published"), receipts * lines);
  EXPECT_LT(outcome.peak_bytes, std::int64_t{128} << 20);
}

}  // namespace
}  // namespace tillite::testing
