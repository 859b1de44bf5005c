#pragma once

#include <gtest/gtest.h>

#include <random>

#include "chroma_server.h"
#include "home_content.h"

namespace tillite::testing {

/// A directory that a real Chroma server writes in the test.
class WrittenDirectory : public ::testing::Test {
 protected:
  static constexpr std::size_t kDimensions = 64;

  void SetUp() override {
    if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  }

  ScratchFolder room = must(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-chroma-tests"));
  Path folder = room.path() / "chroma";

  ChromaServer serve() {
    must(make_folders(folder));
    return must(ChromaServer::start(folder));
  }

  std::vector<float> any_vector() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(kDimensions);
    for (float& number : vector) number = normal(random_);
    return vector;
  }

  static std::string id_of(int number) { return fmt::format("rec-{:05}", number); }

  /// Writes the records `first` to `end - 1`, with what makes this version of them another.
  void write(ChromaServer& server, const std::string& op, const std::string& collection, int first, int end,
             int version) {
    Json request = {{"op", op}, {"collection", collection}};
    for (int i = first; i < end; ++i) {
      request["ids"].push_back(id_of(i));
      request["embeddings"].push_back(any_vector());
      request["documents"].push_back(fmt::format("text {} of {}", i, version));
      request["metadatas"].push_back({{"n", i}, {"share", i + 0.5}, {"even", i % 2 == 0}, {"name", id_of(i)}});
    }
    must(server.ask(request));
  }

  static Json ids(int first, int end) {
    Json list = Json::array();
    for (int i = first; i < end; ++i) list.push_back(id_of(i));
    return list;
  }

 private:
  std::mt19937_64 random_{7};
};

}  // namespace tillite::testing
