// SROIE's receipts through the emulator of OpenAI's API: every item, and every token, is accounted for.
#include <gtest/gtest.h>

#include "base/stopwatch.h"
#include "e2e/home_content.h"
#include "e2e/openai_home.h"
#include "e2e/real_receipts.h"

namespace tillite::testing {
namespace {

class OpenAiRealReceipts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RealReceipts::available()) GTEST_SKIP() << RealReceipts::how_to_get();
  }
  TempFolder folder;
};

TEST_F(OpenAiRealReceipts, EveryItemIsPublishedAndEveryTokenIsAsPlanned) {
  const auto receipts = RealReceipts::read();
  OpenAiEmulator openai(folder.path(), {});
  OpenAiHome home(folder.path(), openai.environment(), {{"EMBEDDING_DIMENSIONS", "1536"}, {"PROVIDER_CALLS_MAX", "4"}});
  const std::string file = RealReceipts::write(receipts, folder / "receipts.jsonl");
  ASSERT_EQ(home.program().run({"import", file}).status, 0);

  std::uint64_t tokens_before = 0;
  for (const Entity entity : kEntities) {
    const auto& names = names_of(entity);
    SCOPED_TRACE(names.name);
    ExpectedItems expected(entity);
    for (const Json& receipt : receipts) expected.add(receipt);

    const Json plan = home.answer({"plan", "--entity", std::string(names.name)});
    Stopwatch stopwatch;
    const auto run = home.program().run({"run", "--entity", std::string(names.name)});
    ASSERT_EQ(run.status, 0) << run.err;
    const std::int64_t wall_ms = stopwatch.lap_ms();

    const HomeContent content(home.home());
    IdVersions wanted;
    for (const auto& [id, input] : expected.inputs()) wanted.emplace(id.str(), 1);
    EXPECT_EQ(difference(content.in_table(entity, EmbeddingStatus::success), wanted), "");
    EXPECT_EQ(difference(content.published(entity), wanted), "");

    const Json paid = openai.stats().at("paid");
    const std::uint64_t tokens = paid.at("tokens").get<std::uint64_t>() - tokens_before;
    tokens_before += tokens;
    EXPECT_EQ(tokens, plan.at("tokens").get<std::uint64_t>());
    EXPECT_EQ(paid.at("requests_more_than_once"), 0);
    fmt::print(
        "[   FIGURE ] {}s: {} items; {} tokens sent, {} without de-duplication; {} ms in all; our own code {} ms of "
        "CPU "
        "for 1,000 items\n",
        names.name, wanted.size(), tokens, tokens + plan.at("tokens_saved").get<std::uint64_t>(), wall_ms,
        run.cpu_ms * 1000 / static_cast<std::int64_t>(wanted.size()));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace tillite::testing
