// How fast tokens are counted: of what is sent of made-up receipts, and of the worst texts.
#include <benchmark/benchmark.h>

#include "embedding/input_format.h"
#include "embedding/tokens/tokenizer.h"
#include "receipts/sample.h"

namespace tillite {
namespace {

constexpr std::uint64_t kReceipts = 200;

std::vector<std::string> inputs_of(Entity entity) {
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < kReceipts; ++i) {
    for (auto& [id, text] : embedding_inputs(sample_receipt(1, i), default_format(entity))) texts.push_back(text);
  }
  return texts;
}

void count_all(benchmark::State& state, const std::vector<std::string>& texts) {
  std::size_t tokens = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      tokens += cl100k_base().count_tokens(text).value();
      bytes += text.size();
    }
  }
  state.counters["tokens"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void BM_Lines(benchmark::State& state) { count_all(state, inputs_of(Entity::line)); }
void BM_Words(benchmark::State& state) { count_all(state, inputs_of(Entity::word)); }
void BM_OneCharacterOverAndOver(benchmark::State& state) { count_all(state, {std::string(1 << 16, 'a')}); }
void BM_BuildingTheRanks(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(cl100k_base_ranks());
}

BENCHMARK(BM_Lines);
BENCHMARK(BM_Words);
BENCHMARK(BM_OneCharacterOverAndOver);
BENCHMARK(BM_BuildingTheRanks);

}  // namespace
}  // namespace tillite
