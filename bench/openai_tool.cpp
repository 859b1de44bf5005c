// One part of the work with OpenAI's API each, a process of its own, so that its peak memory is its own. The API is the
// one that the environment names (docs/openai.md); `tillite openai-emulator` says how to name the emulator.
// openai_tool upload FILE SCRATCH: sends a file of requests; its id
// openai_tool results FILE_ID DIMENSIONS: downloads a file of results and reads it
#include <fmt/format.h>

#include <chrono>
#include <iostream>

#include "adapters/local/system_clock.h"
#include "adapters/openai/openai_provider.h"
#include "app/parts/openai_environment.h"
#include "embedding/batch_files.h"
#include "measure.h"

namespace tillite::bench {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<std::string> run(const std::vector<std::string>& words) {
  OpenAiSettings settings = TRY(read_openai_settings(environment));
  if (words.size() == 3 && words[0] == "upload") settings.scratch = words[2];
  SystemClock clock;
  SystemRandom random;
  OpenAiClient client(std::move(settings), clock, random, Logger::none(), {});
  OpenAiProvider provider(client);
  if (words.size() == 3 && words[0] == "upload") {
    const auto file = TRY(file_source(words[1]));
    return TRY(provider.upload(*file, "bench.jsonl")).str();
  }
  if (words.size() == 3 && words[0] == "results") {
    const auto content = TRY(provider.download(ProviderFileId(words[1])));
    std::size_t vectors = 0;
    const auto facts = TRY(read_results(*content, std::stoul(words[2]), [&](BatchResult&& result) -> Result<void> {
      vectors += result.vector.empty() ? 0 : 1;
      return {};
    }));
    return fmt::format("{} results, {} vectors, {} lines unreadable", facts.results, vectors, facts.unreadable_lines);
  }
  return fail(Code::usage, "openai_tool upload FILE SCRATCH | results FILE_ID DIMENSIONS");
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  tillite::bench::set_up_as_the_program();
  const auto start = std::chrono::steady_clock::now();
  const auto done = tillite::bench::run({arguments + 1, arguments + count});
  std::cout << (done ? *done : done.error().message()) << '\n';
  std::cout << fmt::format("{:.2f} s, peak {} MB\n", tillite::bench::seconds_since(start), tillite::bench::peak_mb());
  return done ? 0 : 1;
}
