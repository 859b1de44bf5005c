// Runs a fuzz target without a fuzzer: on every seed file, and on a fixed sequence of mutations of each, so that the
// test command exercises each parser with broken input and always in the same way.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr int kMutationsPerSeed = 500;

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Bytes mutated(Bytes bytes, std::mt19937& random) {
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random()) % bound; };
  for (std::size_t change = below(4) + 1; change > 0 && !bytes.empty(); --change) {
    const std::size_t position = below(bytes.size());
    switch (below(4)) {
      case 0:
        bytes[position] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes[position] = static_cast<std::uint8_t>(bytes[position] ^ (1U << below(8)));
        break;
      case 2:
        bytes.resize(position);
        break;
      default: {
        const Bytes piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size()) + 1));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(position), piece.begin(), piece.end());
      }
    }
    if (bytes.size() > (1U << 20)) bytes.resize(1U << 20);
  }
  return bytes;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t seeds = 0;
  std::mt19937 random(1);
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      const Bytes seed = read(entry.path());
      ++seeds;
      LLVMFuzzerTestOneInput(seed.data(), seed.size());
      for (int mutation = 0; mutation < kMutationsPerSeed; ++mutation) {
        const Bytes input = mutated(seed, random);
        LLVMFuzzerTestOneInput(input.data(), input.size());
      }
    }
  }
  std::printf("%zu seeds, %d mutations of each\n", seeds, kMutationsPerSeed);
  return seeds > 0 ? 0 : 1;
}
