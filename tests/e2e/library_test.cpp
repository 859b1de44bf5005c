#include <gtest/gtest.h>
#include <tillite/collection.h>

#include <algorithm>
#include <thread>

#include "base/sqlite.h"
#include "support/sample_home.h"

// Other programs read a home or an export as the program itself does.

namespace tillite::testing {
namespace {

using v1::Collection;
using v1::Error;
using v1::ErrorCode;

/// A home with sample receipts and an export of its lines.
class Library : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    room_ = std::make_unique<TempFolder>();
    const Program program(room_->path(), home());
    ASSERT_EQ(program.run({"import", sample_file(*room_, 4)}).status, 0);
    ASSERT_EQ(program.run({"run"}).status, 0);
    ASSERT_EQ(program.run({"snapshot", "export", "receipt_lines", exported().string()}).status, 0);
    hits_ = program.run({"--json", "query", "oat milk", "-k", "8"}).json();
    ASSERT_EQ(hits_.at("hits").size(), 8U);
  }
  static void TearDownTestSuite() { room_.reset(); }

  static Path home() { return room_->path() / "home"; }
  static Path exported() { return room_->path() / "export"; }
  static Collection of_home() { return Collection::open_home(home(), "receipt_lines"); }
  static Collection of_export() { return Collection::open_export(exported(), v1::kLocalModel); }
  static Path any_folder(const std::string& name) { return room_->path() / name; }

  /// The hits of the program for "oat milk", 8 of them.
  static const Json& hits() { return hits_.at("hits"); }
  static std::string id_of_hit(std::size_t i) { return hits().at(i).at("id").get<std::string>(); }
  static std::string document_of_hit(std::size_t i) { return hits().at(i).at("document").get<std::string>(); }
  static std::vector<std::string> ids_of(const std::vector<v1::Hit>& hits) {
    std::vector<std::string> ids;
    ids.reserve(hits.size());
    for (const v1::Hit& hit : hits) ids.push_back(hit.record.id);
    return ids;
  }

 private:
  static inline std::unique_ptr<TempFolder> room_;
  static inline Json hits_;
};

/// The error of a call that must fail.
template <typename Call>
Error error_of(const Call& call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "the call did not fail";
  return {ErrorCode::internal, ""};
}

TEST_F(Library, FindsInAHomeAndInAnExportWhatTheProgramFinds) {
  for (const Collection& lines : {of_home(), of_export()}) {
    const auto found = lines.query("oat milk", {.k = 8});
    ASSERT_EQ(found.size(), hits().size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].record.id, id_of_hit(i));
      EXPECT_EQ(found[i].record.document, document_of_hit(i));
      EXPECT_FLOAT_EQ(found[i].distance, hits()[i].at("distance").get<float>());
      EXPECT_TRUE(found[i].record.vector.empty());
      EXPECT_EQ(std::get<std::string>(found[i].record.metadata.at("text")),
                hits()[i].at("metadata").at("text").get<std::string>());
    }
    EXPECT_EQ(lines.name(), "receipt_lines");
    EXPECT_EQ(lines.model(), v1::kLocalModel);
    EXPECT_EQ(lines.dimensions(), 1536U);
    EXPECT_GT(lines.size(), 8U);
  }
}

TEST_F(Library, GetsRecordsInTheOrderAskedForAndFindsThemByTheirVectors) {
  const std::string first = id_of_hit(0);
  const std::string second = id_of_hit(1);
  for (const Collection& lines : {of_home(), of_export()}) {
    const auto records = lines.get({second, "nobody", first}, /*with_vectors=*/true);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].id, second);
    EXPECT_EQ(records[1].id, first);
    ASSERT_EQ(records[1].vector.size(), 1536U);
    std::vector<float> longer = records[1].vector;
    for (float& number : longer) number *= 7;
    EXPECT_NEAR(lines.query(longer, {.k = 1}).at(0).distance, 0, 1e-5);
    EXPECT_TRUE(lines.get({first}).at(0).vector.empty());
  }
}

TEST_F(Library, FiltersAsChromaDoes) {
  const std::string document = document_of_hit(0);
  const std::string wanted = to_text({{"text", document}});
  for (const Collection& lines : {of_home(), of_export()}) {
    const auto equal = lines.query("total", {.k = 100, .where = wanted});
    ASSERT_FALSE(equal.empty());
    for (const v1::Hit& hit : equal) EXPECT_EQ(hit.record.document, document);
    const auto containing = lines.query("total", {.k = 1'000, .where_document = to_text({{"$contains", document}})});
    EXPECT_EQ(ids_of(containing), ids_of(lines.query("total", {.k = 1'000, .where = wanted})));
    EXPECT_TRUE(lines.query("total", {.where = R"({"text": "nowhere"})"}).empty());
  }
}

TEST_F(Library, AnswersSeveralThreadsAtOnce) {
  for (const Collection& lines : {of_home(), of_export()}) {
    const auto expected = ids_of(lines.query("oat milk"));
    std::vector<std::vector<std::string>> found(4);
    {
      std::vector<std::jthread> threads;
      threads.reserve(found.size());
      for (auto& ids : found) {
        threads.emplace_back([&lines, &ids] {
          for (int round = 0; round < 20; ++round) ids = ids_of(lines.query("oat milk"));
        });
      }
    }
    for (const auto& ids : found) EXPECT_EQ(ids, expected);
  }
}

TEST_F(Library, TellsWhatItCannotAnswer) {
  const Collection lines = of_home();
  EXPECT_EQ(error_of([&] { return lines.query("  "); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { return lines.query(std::vector<float>(3, 1)); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { return lines.query(std::vector<float>(1536, 0)); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { return lines.query("milk", {.k = 0}); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { return lines.query("milk", {.where = "{"}); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { return lines.query("milk", {.where = R"({"$near": 1})"}); }).code(),
            ErrorCode::invalid_input);
  const Collection unnamed = Collection::open_export(exported());
  EXPECT_EQ(error_of([&] { return unnamed.query("milk"); }).code(), ErrorCode::unsupported);
  EXPECT_EQ(unnamed.query(lines.get({id_of_hit(0)}, true).at(0).vector).at(0).record.document, document_of_hit(0))
      << "a vector needs no model";
}

TEST_F(Library, TellsWhatItCannotOpen) {
  EXPECT_EQ(error_of([] { return Collection::open_home(any_folder("nowhere"), "receipt_lines"); }).code(),
            ErrorCode::not_found);
  EXPECT_EQ(error_of([] { return Collection::open_home(home(), "receipt_pages"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([] { return Collection::open_export(any_folder("nowhere")); }).code(), ErrorCode::not_found);
}

TEST_F(Library, RefusesAnExportThatAServerHasChanged) {
  const Path changed = any_folder("changed");
  std::filesystem::copy(exported(), changed, std::filesystem::copy_options::recursive);
  SQLite::Database(changed / "chroma.sqlite3", SQLite::OPEN_READWRITE).exec("UPDATE max_seq_id SET seq_id = 1");
  const Error error = error_of([&] { return Collection::open_export(changed); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_NE(std::string(error.what()).find(changed.string()), std::string::npos) << error.what();
}

}  // namespace
}  // namespace tillite::testing
