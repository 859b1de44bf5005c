#include "real_receipts.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/stopwatch.h"
#include "base/uuid.h"
#include "embedding/embedder.h"
#include "exported_collection.h"
#include "home_content.h"
#include "served_collection.h"
#include "support/temp_folder.h"

// The whole job on 626 real receipts: what a user is promised, asked of the home and of a real Chroma server. The
// receipts are imported and embedded once, for all cases; a case that changes something works on a copy.

namespace tillite::testing {
namespace {

constexpr std::size_t kReceipts = 626;
constexpr std::size_t kLines = 33'626;
constexpr std::int64_t kPeakBytesMax = std::int64_t{512} << 20;
constexpr std::size_t kSample = 300;
constexpr float kSameDistance = 1e-5F;  // floats are summed in another order by the server
constexpr double kRecallLeast = 0.98;
constexpr const char* kMerchant = "Unihakka International Sdn Bhd";

template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("[   FIGURE ] {}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

std::string collection_of(Entity entity) { return std::string(names_of(entity).collection); }

/// A home with all receipts in it, embedded and published, and both collections exported.
struct PreparedHome {
  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};
  std::vector<Json> receipts = RealReceipts::read();
  std::map<Entity, ExpectedItems> expected = {{Entity::line, ExpectedItems(Entity::line)},
                                              {Entity::word, ExpectedItems(Entity::word)}};
  Program::Outcome imported;
  Program::Outcome run;
  std::map<Entity, Path> exports;  ///< nobody writes to them

  PreparedHome() {
    Stopwatch stopwatch;
    imported = program.run({"--json", "import", RealReceipts::file().string()});
    say("import: {} ms, peak {} MB", stopwatch.lap_ms(), imported.peak_bytes >> 20);
    run = program.run({"--json", "run"});
    say("run: {} ms, peak {} MB", stopwatch.lap_ms(), run.peak_bytes >> 20);
    for (auto& [entity, items] : expected) {
      for (const Json& receipt : receipts) items.add(receipt);
      exports[entity] = exported(program, entity, "published");
    }
  }

  /// Exports a collection of `from` to a folder of that name.
  Path exported(const Program& from, Entity entity, const std::string& name) const {
    Path target = folder / (name + "-" + collection_of(entity));
    const auto outcome = from.run({"snapshot", "export", collection_of(entity), target.string()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return target;
  }
};

class RealReceiptsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (RealReceipts::available()) prepared = std::make_unique<PreparedHome>();
  }
  static void TearDownTestSuite() { prepared.reset(); }
  void SetUp() override {
    if (!RealReceipts::available()) GTEST_SKIP() << RealReceipts::how_to_get();
    ASSERT_EQ(prepared->imported.status, 0) << prepared->imported.err;
    ASSERT_EQ(prepared->run.status, 0) << prepared->run.err;
  }

  static IdVersions expected_ids(Entity entity) {
    IdVersions ids;
    for (const auto& [id, text] : prepared->expected.at(entity).inputs()) ids.emplace(id.str(), 1);
    return ids;
  }

  static std::unique_ptr<PreparedHome> prepared;
};

std::unique_ptr<PreparedHome> RealReceiptsTest::prepared;

TEST_F(RealReceiptsTest, EveryItemThatIsNotNoiseIsPublished) {
  ASSERT_EQ(prepared->receipts.size(), kReceipts);
  const Json imported = prepared->imported.json();
  EXPECT_EQ(imported.at("new"), kReceipts);
  EXPECT_EQ(imported.at("lines"), kLines);
  EXPECT_LT(prepared->run.peak_bytes, kPeakBytesMax);

  const Json content = content_of(prepared->program);
  const HomeContent home(prepared->home);
  for (const Entity entity : kEntities) {
    SCOPED_TRACE(collection_of(entity));
    const Json& counts = content.at(collection_of(entity));
    const auto found = imported.at(entity == Entity::line ? "lines" : "words").get<std::size_t>();
    const IdVersions expected = expected_ids(entity);
    EXPECT_EQ(counts.at("found"), found);
    EXPECT_EQ(counts.at("noise"), found - expected.size());
    EXPECT_EQ(counts.at("published"), expected.size());
    EXPECT_EQ(counts.at("snapshot_vectors"), expected.size());
    EXPECT_EQ(counts.at("failed"), 0);
    EXPECT_EQ(counts.at("adds_up"), true);

    EXPECT_EQ(difference(home.in_table(entity, EmbeddingStatus::success), expected), "");
    EXPECT_EQ(difference(home.published(entity), expected), "");
    say("{}: {} found, {} noise, {} published", collection_of(entity), found, found - expected.size(), expected.size());
  }
}

TEST_F(RealReceiptsTest, ASecondRunHasNothingToDoAndSaysSo) {
  const Json before = content_of(prepared->program);
  const auto again = prepared->program.run({"--json", "run"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.json().at("nothing_to_do"), true);
  EXPECT_EQ(again.json().at("items_found"), 0);
  EXPECT_EQ(again.json().at("batches_submitted"), 0);
  const auto in_words = prepared->program.run({"run"});
  EXPECT_NE(in_words.out.find("nothing to do"), std::string::npos) << in_words.out;
  EXPECT_EQ(content_of(prepared->program), before);
}

/// A filter, and whether a record is to pass it.
struct Filter {
  Json json;
  std::function<bool(const StoredText&)> passes;
};

std::vector<Filter> filters() {
  const auto number = [](const StoredText& text, const char* name) { return text.metadata.at(name).get<double>(); };
  const auto contains = [](const char* part) {
    return Filter{{{"whereDocument", {{"$contains", part}}}},
                  [part](const StoredText& text) { return text.document.contains(part); }};
  };
  const auto of_merchant = [](const StoredText& text) { return text.metadata.value("merchant_name", "") == kMerchant; };
  return {
      {{{"where", {{"merchant_name", kMerchant}}}}, of_merchant},
      {{{"where", {{"line_id", 7}}}}, [=](const StoredText& text) { return number(text, "line_id") == 7; }},
      {{{"where", {{"line_id", {{"$gt", 100}}}}}},
       [=](const StoredText& text) { return number(text, "line_id") > 100; }},
      {{{"where", {{"x", {{"$lt", 0.03}}}}}}, [=](const StoredText& text) { return number(text, "x") < 0.03; }},
      {{{"where", {{"confidence", {{"$lt", 1.0}}}}}},
       [=](const StoredText& text) { return number(text, "confidence") < 1; }},
      {{{"where", {{"$and", {{{"merchant_name", kMerchant}}, {{"y", {{"$gte", 0.8}}}}}}}}},
       [=](const StoredText& text) { return of_merchant(text) && number(text, "y") >= 0.8; }},
      contains("TOTAL"),
      contains("/2018"),
      contains("Sdn Bhd"),
      contains("no receipt says this"),
  };
}

TEST_F(RealReceiptsTest, AChromaServerServesTheRecords) {
  if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  for (const Entity entity : kEntities) {
    SCOPED_TRACE(collection_of(entity));
    const auto& texts = prepared->expected.at(entity).texts();
    const ExportedCollection exported(prepared->exports.at(entity));
    ServedCollection served(prepared->exports.at(entity), entity);
    EXPECT_EQ(served.count(), texts.size());

    std::map<std::string, StoredText> some;
    for (const auto& element : exported.sample(kSample, 1)) some.emplace(element.id, texts.at(RecordId(element.id)));
    served.expect_records(some);

    for (const Filter& filter : filters()) {
      std::set<std::string> expected;
      for (const auto& [id, text] : texts) {
        if (filter.passes(text)) expected.insert(id.str());
      }
      EXPECT_EQ(served.ids(filter.json), expected) << filter.json;
    }
  }
}

TEST_F(RealReceiptsTest, AChromaServerFindsItemsByTheirVectors) {
  if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  const NgramEmbedder embedder;
  for (const Entity entity : kEntities) {
    SCOPED_TRACE(collection_of(entity));
    const ExportedCollection exported(prepared->exports.at(entity));
    EXPECT_EQ(exported.segment().unreachable(), 0U);

    std::vector<std::vector<float>> queries;
    const auto sample = exported.sample(kSample, 2);
    for (const auto& element : sample) {
      queries.push_back(embedder.embed(prepared->expected.at(entity).inputs().at(RecordId(element.id))));
    }
    const auto truth = exported.nearest_ten(queries);
    const auto found = ServedCollection(prepared->exports.at(entity), entity).nearest_ten(queries);
    std::vector<std::string> missed;
    std::size_t of_nearest = 0;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const auto& distances = found[i].distances;
      if (distances.empty() || distances.front() > kSameDistance) missed.push_back(sample[i].id);
      of_nearest += static_cast<std::size_t>(std::ranges::count_if(
          distances, [&](float distance) { return distance <= truth[i].back() + kSameDistance; }));
    }
    const double recall = static_cast<double>(of_nearest) / static_cast<double>(10 * queries.size());
    say("{}: {} of {} find a vector at distance 0, recall@10 {:.4f}", collection_of(entity),
        queries.size() - missed.size(), queries.size(), recall);
    EXPECT_EQ(missed, std::vector<std::string>());
    EXPECT_GE(recall, kRecallLeast);
  }
}

TEST_F(RealReceiptsTest, AChromaServerWritesOnWhereWeStopped) {
  if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  constexpr std::size_t changes = 250;
  const NgramEmbedder embedder;
  for (const Entity entity : kEntities) {
    SCOPED_TRACE(collection_of(entity));
    const Path folder = prepared->exported(prepared->program, entity, "written");
    const ExportedCollection exported(folder);
    const auto touched = exported.sample(2 * changes, 3);
    Json upsert = {{"op", "upsert"}};
    std::map<std::string, StoredText> written;
    const auto write = [&](const std::string& id, const std::string& document, Json metadata) {
      const Json news = {{"receipt_id", 2}, {"x", 0.5}, {"amended", true}};
      upsert["ids"].push_back(id);
      upsert["embeddings"].push_back(embedder.embed(document));
      upsert["metadatas"].push_back(news);
      upsert["documents"].push_back(document);
      metadata.update(news);  // as the server does: what an upsert does not name stays
      written.emplace(id, StoredText{std::move(metadata), document});
    };
    const auto& texts = prepared->expected.at(entity).texts();
    Json removed = Json::array();
    for (std::size_t i = 0; i < changes; ++i) {
      write(touched[i].id, fmt::format("amended {} by hand", i), texts.at(RecordId(touched[i].id)).metadata);
      write(fmt::format("added#{}", i), fmt::format("{} was added later", i), Json::object());
      removed.push_back(touched[changes + i].id);
    }

    const auto expect_written = [&](ServedCollection& served) {
      EXPECT_EQ(served.count(), exported.elements().size() + changes - removed.size());
      EXPECT_TRUE(served.ids({{"ids", removed}}).empty());
      served.expect_records(written);
      EXPECT_EQ(served.ids({{"where", {{"amended", true}}}}).size(), written.size());
      const auto found = served.nearest_ten(upsert.at("embeddings").get<std::vector<std::vector<float>>>());
      std::size_t themselves = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        themselves +=
            found[i].ids.front() == upsert.at("ids")[i] && found[i].distances.front() <= kSameDistance ? 1 : 0;
      }
      say("{}: {} of {} written records find themselves", collection_of(entity), themselves, written.size());
      // How well it links what is added is the server's own matter.
      EXPECT_GE(static_cast<double>(themselves), 0.99 * static_cast<double>(written.size()));
    };
    {
      ServedCollection served(folder, entity);
      served.ask(upsert);
      served.ask({{"op", "delete"}, {"ids", removed}});
      expect_written(served);
    }
    ServedCollection again(folder, entity);
    expect_written(again);
  }
}

/// The receipts again, as photographs of another day: other ids, the same texts.
std::vector<Json> photographed_again(const std::vector<Json>& receipts, std::size_t count) {
  std::vector<Json> copies(receipts.begin(), receipts.begin() + static_cast<std::ptrdiff_t>(count));
  for (Json& copy : copies) copy["image_id"] = uuid5("again " + copy.at("image_id").get<std::string>());
  return copies;
}

/// Changes one word in the middle of a line.
Json with_another_word(Json receipt) {
  for (Json& line : receipt.at("lines")) {
    auto text = line.at("text").get<std::string>();
    const auto first = text.find(' ');
    const auto second = first == std::string::npos ? first : text.find(' ', first + 1);
    if (second == std::string::npos) continue;
    line["text"] = text.replace(first + 1, second - first - 1, std::string(second - first - 1, 'Q'));
    return receipt;
  }
  ADD_FAILURE() << "no line of the receipt has three words";
  return receipt;
}

TEST_F(RealReceiptsTest, OnlyWhatIsNewOrChangedIsEmbedded) {
  const Path home = prepared->folder / "changed";
  ASSERT_EQ(prepared->program.run({"backup", home.string()}).status, 0);
  const Program program(prepared->folder.path(), home);
  std::map<Entity, IdVersions> expected = {{Entity::line, expected_ids(Entity::line)},
                                           {Entity::word, expected_ids(Entity::word)}};

  const auto more = photographed_again(prepared->receipts, 10);
  std::size_t more_items = 0;
  for (const Entity entity : kEntities) {
    ExpectedItems items(entity);
    for (const Json& receipt : more) items.add(receipt);
    for (const auto& [id, text] : items.inputs()) expected.at(entity).emplace(id.str(), 1);
    more_items += items.inputs().size();
  }
  const auto imported = program.run(
      {"--json", "import", RealReceipts::file().string(), RealReceipts::write(more, prepared->folder / "more.jsonl")});
  ASSERT_EQ(imported.status, 0) << imported.err;
  EXPECT_EQ(imported.json().at("unchanged"), kReceipts);
  EXPECT_EQ(imported.json().at("new"), more.size());
  EXPECT_EQ(imported.json().at("to_embed"), more_items);
  Stopwatch stopwatch;
  const auto run = program.run({"--json", "run"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.json().at("items_embedded"), more_items);
  say("10 more receipts: {} items embedded in {} ms, peak {} MB", more_items, stopwatch.lap_ms(), run.peak_bytes >> 20);

  const Json& before = prepared->receipts.at(100);
  const Json after = with_another_word(before);
  std::map<Entity, std::size_t> changed;
  std::map<Entity, std::map<std::string, StoredText>> new_texts;
  std::size_t relabelled = 0;
  for (const Entity entity : kEntities) {
    ExpectedItems old_items(entity);
    ExpectedItems new_items(entity);
    old_items.add(before);
    new_items.add(after);
    ASSERT_EQ(old_items.inputs().size(), new_items.inputs().size());
    for (const auto& [id, input] : new_items.inputs()) {
      const StoredText& text = new_items.texts().at(id);
      if (old_items.inputs().at(id) != input) {
        ++changed[entity];
        expected.at(entity).at(id.str()) = 2;
      } else if (old_items.texts().at(id) == text) {
        continue;
      } else {
        ++relabelled;
      }
      new_texts[entity].emplace(id.str(), text);
    }
  }
  EXPECT_EQ(changed[Entity::line], 1U);
  EXPECT_GT(changed[Entity::word], 2U) << "the word and its neighbours";
  const auto changed_import =
      program.run({"--json", "import", RealReceipts::write({after}, prepared->folder / "after.jsonl")});
  ASSERT_EQ(changed_import.status, 0) << changed_import.err;
  EXPECT_EQ(changed_import.json().at("to_embed"), changed[Entity::line] + changed[Entity::word]);
  EXPECT_EQ(changed_import.json().at("metadata_only"), relabelled);

  const Json& gone = prepared->receipts.at(200);
  std::map<Entity, std::vector<std::string>> gone_ids;
  for (const Entity entity : kEntities) {
    ExpectedItems items(entity);
    items.add(gone);
    for (const auto& [id, text] : items.inputs()) {
      gone_ids[entity].push_back(id.str());
      expected.at(entity).erase(id.str());
    }
  }
  const auto image = gone.at("image_id").get<std::string>();
  ASSERT_EQ(program.run({"delete", "--receipt", image, "1"}).status, 0);
  const auto expect_gone = [&] {
    for (const Entity entity : kEntities) {
      std::vector<std::string> get = {"--json", "get"};
      get.insert(get.end(), gone_ids.at(entity).begin(), gone_ids.at(entity).end());
      EXPECT_EQ(program.run(get).json().at("missing").size(), gone_ids.at(entity).size());
      const auto query = program.run({"--json", "query", gone.at("lines")[0].at("text"), "--collection",
                                      collection_of(entity), "--where", to_text(Json{{"image_id", image}})});
      EXPECT_EQ(query.json().at("hits"), Json::array());
    }
  };
  expect_gone();

  const auto second_run = program.run({"--json", "run"});
  ASSERT_EQ(second_run.status, 0) << second_run.err;
  EXPECT_EQ(second_run.json().at("items_embedded"), changed[Entity::line] + changed[Entity::word]);
  say("a changed and a removed receipt: {} lines and {} words embedded, {} items with new metadata, {} removed, {} ms",
      changed[Entity::line], changed[Entity::word], relabelled,
      gone_ids[Entity::line].size() + gone_ids[Entity::word].size(), stopwatch.lap_ms());
  expect_gone();
  EXPECT_EQ(program.run({"--json", "run"}).json().at("nothing_to_do"), true);

  const HomeContent content(home);
  for (const Entity entity : kEntities) {
    SCOPED_TRACE(collection_of(entity));
    EXPECT_EQ(difference(content.in_table(entity, EmbeddingStatus::success), expected.at(entity)), "");
    EXPECT_EQ(difference(content.published(entity), expected.at(entity)), "");
    const Path folder = prepared->exported(program, entity, "changed");
    const ExportedCollection exported(folder);
    EXPECT_EQ(exported.segment().unreachable(), 0U);
    std::set<std::string> ids;
    for (const auto& element : exported.elements()) ids.insert(element.id);
    EXPECT_EQ(ids.size(), expected.at(entity).size());
    for (const auto& [id, version] : expected.at(entity)) EXPECT_TRUE(ids.contains(id)) << id;
    if (ChromaServer::available()) ServedCollection(folder, entity).expect_records(new_texts.at(entity));
  }
}

}  // namespace
}  // namespace tillite::testing
