// Reads a provider's output file (1,536 numbers a result, as numbers and as base64) and compares the time with that of
// a plain copy of the file, and of Python's json module over its lines. results_against_copy [COUNT] (default: 50,000
// results, up to 3 GB below build/)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <span>
#include <thread>

#include "base/base64.h"
#include "base/file.h"
#include "embedding/batch_files.h"
#include "receipts/receipt.h"
#include "vector_sets.h"

namespace tillite::bench {
namespace {

constexpr int kRounds = 3;
constexpr std::string_view kPython = R"(
import base64, json, sys
dimensions, results = int(sys.argv[2]), 0
with open(sys.argv[1], "rb") as lines:
    for line in lines:
        vector = json.loads(line)["response"]["body"]["data"][0]["embedding"]
        if isinstance(vector, str):
            results += len(base64.b64decode(vector)) == 4 * dimensions
        else:
            results += len(vector) == dimensions
sys.exit(0 if results == int(sys.argv[3]) else 1)
)";

/// The vectors of a few texts, again and again; their ids differ.
std::vector<std::string> any_embeddings(bool base64) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.03F);
  std::vector<std::string> embeddings;
  for (int i = 0; i < 100; ++i) {
    std::vector<float> vector(kDimensions);
    for (float& number : vector) number = normal(random);
    embeddings.push_back(base64 ? '"' + base64_of(std::as_bytes(std::span(vector))) + '"'
                                : fmt::format("[{}]", fmt::join(vector, ", ")));
  }
  return embeddings;
}

void write_results(const Path& path, std::size_t count, bool base64) {
  const auto embeddings = any_embeddings(base64);
  const ImageId image("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");
  FileSink file(must(File::create(path)));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id =
        line_record_id(image, static_cast<int>(i / 50'000) + 1, static_cast<int>(i % 50'000) + 1).str();
    const std::string line = fmt::format(
        R"({{"id": "batch_req_{0}", "custom_id": "{1}", "response": {{"status_code": 200, "request_id": "req_{0}", )"
        R"("body": {{"object": "list", "data": [{{"object": "embedding", "index": 0, "embedding": {2}}}], )"
        R"("model": "text-embedding-3-small", "usage": {{"prompt_tokens": 8, "total_tokens": 8}}}}}}, "error": null}})"
        "\n",
        i, id, embeddings[i % embeddings.size()]);
    must(file.write(as_bytes(line)));
  }
  must(file.flush());
}

template <typename Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The quickest of some rounds: what the machine can do when nobody is in the way.
template <typename Work>
double best_seconds_of(const Work& work) {
  double best = seconds_of(work);
  for (int round = 1; round < kRounds; ++round) best = std::min(best, seconds_of(work));
  return best;
}

void read_by_us(const Path& path, std::size_t count) {
  const auto source = must(file_source(path));
  std::size_t vectors = 0;
  const auto facts = must(read_results(*source, kDimensions, [&](BatchResult&& result) -> Result<void> {
    vectors += result.vector.size() == kDimensions ? 1 : 0;
    return {};
  }));
  if (vectors != count)
    must(Result<void>(fail(Code::internal, "read {} of {} results, {} lines cannot be read", vectors, count,
                           facts.unreadable_lines)));
}

void copy_plainly(const Path& path, const Path& copy) {
  File from = must(File::open_read(path));
  File to = must(File::create(copy));
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  while (const std::size_t size = must(from.read(buffer))) must(to.write(std::span(buffer).first(size)));
}

void read_by_python(const Path& path, std::size_t count) {
  const std::string command = fmt::format("python3 -c '{}' '{}' {} {}", kPython, path.string(), kDimensions, count);
  if (std::system(command.c_str()) != 0) must(Result<void>(fail(Code::failed, "python3 did not read the file")));
}

void compare(const Path& folder, std::size_t count, bool base64) {
  const Path path = folder / "results.jsonl";
  write_results(path, count, base64);
  const double bytes = static_cast<double>(std::filesystem::file_size(path));
  const double ours = best_seconds_of([&] { read_by_us(path, count); });
  const double copy = best_seconds_of([&] { copy_plainly(path, folder / "copy"); });
  std::filesystem::remove(folder / "copy");
  const double python = seconds_of([&] { read_by_python(path, count); });
  std::filesystem::remove(path);
  fmt::print("{} results as {}, {:.0f} MB, {} threads\n", count, base64 ? "base64" : "numbers", bytes / 1e6,
             std::thread::hardware_concurrency());
  const auto print = [&](std::string_view who, double seconds) {
    fmt::print("  {:<8} {:8.3f} s   {:7.0f} MB/s   {:6.1f} times our time\n", who, seconds, bytes / 1e6 / seconds,
               seconds / ours);
  };
  print("tillite", ours);
  print("copy", copy);
  print("python3", python);
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  const std::size_t results = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 50'000;
  const auto room = tillite::bench::must(tillite::ScratchFolder::create("build/bench-results"));
  tillite::bench::compare(room.path(), results, false);
  tillite::bench::compare(room.path(), results, true);
}
