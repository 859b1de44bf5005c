#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "chroma_server.h"
#include "embedding/metadata.h"
#include "home_content.h"

namespace tillite::testing {

/// An exported collection behind a real Chroma server.
class ServedCollection {
 public:
  ServedCollection(const Path& folder, Entity entity)
      : server_(must(ChromaServer::start(folder))), collection_(names_of(entity).collection) {}

  /// One request about this collection.
  Json ask(Json request) {
    request["collection"] = collection_;
    return must(server_.ask(request));
  }
  [[nodiscard]] std::size_t count() { return ask({{"op", "count"}}).get<std::size_t>(); }

  /// The ids that a filter leaves: {"where": ...}, {"whereDocument": ...}, {"ids": ...}.
  [[nodiscard]] std::set<std::string> ids(const Json& filter) {
    Json request = {{"op", "get"}, {"include", Json::array()}};
    request.update(filter);
    return ask(request).at("ids").get<std::set<std::string>>();
  }

  struct Nearest {
    std::vector<std::string> ids;
    std::vector<float> distances;
  };
  /// The nearest ten of each query.
  [[nodiscard]] std::vector<Nearest> nearest_ten(const std::vector<std::vector<float>>& queries) {
    constexpr std::size_t at_once = 20;
    std::vector<Nearest> all;
    for (std::size_t begin = 0; begin < queries.size(); begin += at_once) {
      const std::vector<std::vector<float>> some(&queries[begin],
                                                 &queries[begin] + std::min(at_once, queries.size() - begin));
      const Json answer =
          ask({{"op", "query"}, {"queryEmbeddings", some}, {"nResults", 10}, {"include", {"distances"}}});
      for (std::size_t i = 0; i < some.size(); ++i) {
        all.push_back({answer.at("ids").at(i), answer.at("distances").at(i)});
      }
    }
    return all;
  }

  /// The records of these ids have this metadata and these documents.
  void expect_records(const std::map<std::string, StoredText>& expected) {
    Json ids = Json::array();
    for (const auto& [id, text] : expected) ids.push_back(id);
    const Json answer = ask({{"op", "get"}, {"ids", ids}, {"include", {"metadatas", "documents"}}});
    ASSERT_EQ(answer.at("ids").size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto id = answer.at("ids")[i].get<std::string>();
      EXPECT_EQ(answer.at("documents")[i], expected.at(id).document) << id;
      EXPECT_EQ(answer.at("metadatas")[i], expected.at(id).metadata) << id;
    }
  }

 private:
  ChromaServer server_;
  std::string collection_;
};

}  // namespace tillite::testing
