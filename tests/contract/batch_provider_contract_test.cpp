// What every BatchProvider must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/openai/openai_provider.h"
#include "embedding/embedded_provider.h"
#include "support/seeded_random.h"
#include "support/served_emulator.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// A provider with what it stands on.
struct ProviderUnderTest {
  virtual ~ProviderUnderTest() = default;
  virtual BatchProvider& provider() = 0;
  [[nodiscard]] virtual std::string model() const = 0;
  virtual void pass_time() = 0;  ///< so that the next batch is newer, and others go on
};

using MakeProvider = std::function<std::unique_ptr<ProviderUnderTest>(const TempFolder&)>;

constexpr int kPollsMax = 20;

class BatchProviderContract : public ::testing::TestWithParam<MakeProvider> {
 protected:
  [[nodiscard]] std::string request(const std::string& id, const std::string& text = "milk") const {
    return to_text({{"custom_id", id},
                    {"method", "POST"},
                    {"url", "/v1/embeddings"},
                    {"body", {{"model", test->model()}, {"input", text}}}}) +
           "\n";
  }
  ProviderFileId upload(const std::string& content) {
    const auto source = source_of(content);
    return provider.upload(*source, "requests.ndjson").value();
  }
  ProviderBatch create(const std::string& content, const std::map<std::string, std::string>& metadata = {}) {
    test->pass_time();
    return provider.create_batch(upload(content), metadata).value();
  }
  /// The batch at its end.
  ProviderBatch wait_for(const ProviderBatchId& id) {
    ProviderBatch batch = provider.batch(id).value();
    for (int polls = 0; !has_ended(batch.status) && polls < kPollsMax; ++polls) {
      test->pass_time();
      batch = provider.batch(id).value();
    }
    EXPECT_TRUE(has_ended(batch.status)) << provider_status_name(batch.status);
    return batch;
  }
  static bool has_ended(ProviderStatus status) {
    return status == ProviderStatus::completed || status == ProviderStatus::failed ||
           status == ProviderStatus::cancelled || status == ProviderStatus::expired;
  }
  std::string content(const ProviderFileId& id) {
    const auto source = provider.download(id).value();
    return read_all(*source, 1 << 20).value();
  }
  /// The custom_ids in a file of results; none if there is no file.
  std::multiset<std::string> ids_in(const std::optional<ProviderFileId>& file) {
    std::multiset<std::string> ids;
    if (!file) return ids;
    const std::string text = content(*file);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      ids.insert(Json::parse(text.substr(begin, end - begin)).at("custom_id").get<std::string>());
      begin = end + 1;
    }
    return ids;
  }

  TempFolder folder;
  std::unique_ptr<ProviderUnderTest> test = GetParam()(folder);
  BatchProvider& provider = test->provider();
};

TEST_P(BatchProviderContract, GivesBackAnUploadedFile) {
  const std::string requests = request("a") + request("b");
  EXPECT_EQ(content(upload(requests)), requests);
}

TEST_P(BatchProviderContract, ListsUploadedFilesByNameNewestFirstInPages) {
  const auto older = upload(request("a"));
  test->pass_time();
  const auto newer = upload(request("a") + request("b"));
  wait_for(provider.create_batch(newer, {}).value().id);  // its output is no file that was uploaded
  const auto first = provider.list_files({}, 1).value();
  ASSERT_EQ(first.files.size(), 1U);
  EXPECT_EQ(first.files[0].id, newer);
  EXPECT_TRUE(first.files[0].name.starts_with("requests.")) << first.files[0].name;
  EXPECT_EQ(first.files[0].bytes, (request("a") + request("b")).size());
  EXPECT_TRUE(first.has_more);
  const auto second = provider.list_files(newer, 1).value();
  ASSERT_EQ(second.files.size(), 1U);
  EXPECT_EQ(second.files[0].id, older);
  EXPECT_FALSE(second.has_more);
  ASSERT_TRUE(provider.delete_file(older));
  EXPECT_EQ(provider.list_files({}, 100).value().files.size(), 1U);
  EXPECT_EQ(provider.list_files(older, 1).error().code(), Code::not_found);
}

TEST_P(BatchProviderContract, AFileUploadedTwiceIsTwoFiles) {
  const auto first = upload(request("a"));
  const auto second = upload(request("a"));
  EXPECT_NE(first, second);
  ASSERT_TRUE(provider.delete_file(first));
  EXPECT_EQ(content(second), request("a"));
}

TEST_P(BatchProviderContract, ABatchKnowsItsInputAndCarriesItsMetadata) {
  const std::map<std::string, std::string> metadata = {{"own_id", "7"}, {"name", "é"}};
  const auto input = upload(request("a"));
  const auto created = provider.create_batch(input, metadata).value();
  EXPECT_FALSE(created.id.empty());
  EXPECT_EQ(created.input_file_id, input);
  EXPECT_EQ(created.metadata, metadata);
  const auto ended = wait_for(created.id);
  EXPECT_EQ(ended.id, created.id);
  EXPECT_EQ(ended.input_file_id, input);
  EXPECT_EQ(ended.metadata, metadata);
}

TEST_P(BatchProviderContract, AnswersEachRequestExactlyOnce) {
  const auto ended = wait_for(create(request("a") + request("b") + request("c", "")).id);
  ASSERT_EQ(ended.status, ProviderStatus::completed) << ended.error_message;
  EXPECT_EQ(ids_in(ended.output_file_id), (std::multiset<std::string>{"a", "b"}));
  EXPECT_EQ(ids_in(ended.error_file_id), (std::multiset<std::string>{"c"}));
  EXPECT_EQ(ended.requests_total, 3U);
  EXPECT_EQ(ended.requests_completed, 2U);
  EXPECT_EQ(ended.requests_failed, 1U);
}

TEST_P(BatchProviderContract, AnEndedBatchStaysAsItIs) {
  const auto ended = wait_for(create(request("a")).id);
  ASSERT_TRUE(provider.cancel(ended.id));
  test->pass_time();
  const auto again = provider.batch(ended.id).value();
  EXPECT_EQ(again.status, ProviderStatus::completed);
  EXPECT_EQ(again.output_file_id, ended.output_file_id);
}

TEST_P(BatchProviderContract, ABatchWithoutAReadableRequestFailsAndSaysWhy) {
  const auto ended = wait_for(create("no request\n").id);
  EXPECT_EQ(ended.status, ProviderStatus::failed);
  EXPECT_FALSE(ended.error_code.empty());
  EXPECT_FALSE(ended.error_message.empty());
}

TEST_P(BatchProviderContract, ACancelledBatchEnds) {
  const auto created = create(request("a"));
  ASSERT_TRUE(provider.cancel(created.id));
  const auto status = wait_for(created.id).status;
  EXPECT_TRUE(status == ProviderStatus::cancelled || status == ProviderStatus::completed)
      << provider_status_name(status);
}

TEST_P(BatchProviderContract, CreatesNothingOfAFileThatIsNotThere) {
  const auto input = upload(request("a"));
  ASSERT_TRUE(provider.delete_file(input));
  EXPECT_EQ(provider.create_batch(input, {}).error().code(), Code::not_found);
  EXPECT_EQ(provider.create_batch(ProviderFileId("file-none"), {}).error().code(), Code::not_found);
  EXPECT_TRUE(provider.list({}, 100)->batches.empty());
}

TEST_P(BatchProviderContract, AfterADeletionNoThreadCreatesABatchOfTheFile) {
  const auto input = upload(request("a"));
  std::atomic<bool> deleted = false;
  std::atomic<int> late = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        while (true) {
          const bool is_late = deleted;
          const auto created = provider.create_batch(input, {});
          if (created && is_late) ++late;
          if (is_late) return;
        }
      });
    }
    EXPECT_TRUE(provider.delete_file(input));
    deleted = true;
  }
  EXPECT_EQ(late, 0);
}

TEST_P(BatchProviderContract, ManyWhoAskAtOnceSeeOneResult) {
  const auto created = create(request("a") + request("b"));
  std::vector<ProviderBatch> seen(8);
  {
    std::vector<std::jthread> threads;
    for (ProviderBatch& batch : seen) threads.emplace_back([&] { batch = wait_for(created.id); });
  }
  for (const ProviderBatch& batch : seen) {
    EXPECT_EQ(batch.status, ProviderStatus::completed);
    EXPECT_EQ(batch.output_file_id, seen.front().output_file_id);
  }
  EXPECT_EQ(ids_in(seen.front().output_file_id), (std::multiset<std::string>{"a", "b"}));
}

TEST_P(BatchProviderContract, RefusesMetadataAboveItsLimits) {
  const auto input = upload(request("a"));
  std::string longest;
  for (std::size_t i = 0; i < BatchProvider::kMetadataValueMax; ++i) longest += "é";
  std::map<std::string, std::string> metadata = {{std::string(BatchProvider::kMetadataKeyMax, 'k'), longest}};
  for (std::size_t i = 1; i < BatchProvider::kMetadataPairsMax; ++i) metadata[std::to_string(i)] = "v";
  EXPECT_TRUE(provider.create_batch(input, metadata));
  metadata["one more"] = "v";
  EXPECT_EQ(provider.create_batch(input, metadata).error().code(), Code::invalid_input);
  EXPECT_EQ(provider.create_batch(input, {{"key", longest + "é"}}).error().code(), Code::invalid_input);
  EXPECT_EQ(provider.create_batch(input, {{std::string(BatchProvider::kMetadataKeyMax + 1, 'k'), "v"}}).error().code(),
            Code::invalid_input);
}

TEST_P(BatchProviderContract, ListsNewestFirstInPagesThatAddUp) {
  std::vector<ProviderBatchId> newest_first;
  for (int i = 0; i < 7; ++i) newest_first.insert(newest_first.begin(), create(request("a")).id);
  for (const std::size_t limit : {1U, 3U, 7U, 100U}) {
    std::vector<ProviderBatchId> listed;
    ProviderBatchPage page;
    do {
      page = provider.list(listed.empty() ? ProviderBatchId() : listed.back(), limit).value();
      ASSERT_LE(page.batches.size(), limit);
      for (const ProviderBatch& batch : page.batches) listed.push_back(batch.id);
    } while (page.has_more);
    EXPECT_EQ(listed, newest_first) << limit;
  }
}

TEST_P(BatchProviderContract, RefusesAPageThatHidesBatches) {
  create(request("a"));
  EXPECT_EQ(provider.list(ProviderBatchId("batch_none"), 10).error().code(), Code::not_found);
  EXPECT_EQ(provider.list({}, 0).error().code(), Code::invalid_input);
  EXPECT_EQ(provider.list({}, BatchProvider::kListMax + 1).error().code(), Code::invalid_input);
}

TEST_P(BatchProviderContract, SaysPlainlyWhatIsNotThere) {
  EXPECT_EQ(provider.batch(ProviderBatchId("batch_none")).error().code(), Code::not_found);
  EXPECT_EQ(provider.cancel(ProviderBatchId("batch_none")).error().code(), Code::not_found);
  EXPECT_EQ(provider.download(ProviderFileId("file-none")).error().code(), Code::not_found);
  const auto input = upload(request("a"));
  ASSERT_TRUE(provider.delete_file(input));
  EXPECT_EQ(provider.download(input).error().code(), Code::not_found);
  EXPECT_TRUE(provider.delete_file(input)) << "twice is no error";
}

class EmbeddedUnderTest final : public ProviderUnderTest {
 public:
  explicit EmbeddedUnderTest(const TempFolder& folder)
      : table_(SqliteTable::open(folder / "provider.sqlite3").value()),
        files_(FolderObjectStore::open(folder / "provider").value()) {}
  BatchProvider& provider() override { return provider_; }
  std::string model() const override { return std::string(embedder_.model()); }
  void pass_time() override { clock_.advance(1000); }

 private:
  VirtualClock clock_;
  SeededRandom random_;
  NgramEmbedder embedder_{64};
  std::unique_ptr<SqliteTable> table_;
  std::unique_ptr<FolderObjectStore> files_;
  EmbeddedProvider provider_{*table_, *files_, clock_, random_, embedder_};
};

/// Over HTTP.
class OpenAiUnderTest final : public ProviderUnderTest {
 public:
  explicit OpenAiUnderTest(const TempFolder& folder) : emulator_(folder.path(), model() + "=64") {}
  BatchProvider& provider() override { return provider_; }
  std::string model() const override { return "text-embedding-3-small"; }
  void pass_time() override { emulator_.pass_time(1000); }

 private:
  ServedEmulator emulator_;
  OpenAiProvider provider_{emulator_.client()};
};

INSTANTIATE_TEST_SUITE_P(OpenAi, BatchProviderContract, ::testing::Values(MakeProvider([](const TempFolder& folder) {
                           return std::make_unique<OpenAiUnderTest>(folder);
                         })));
INSTANTIATE_TEST_SUITE_P(Embedded, BatchProviderContract, ::testing::Values(MakeProvider([](const TempFolder& folder) {
                           return std::make_unique<EmbeddedUnderTest>(folder);
                         })));

}  // namespace
}  // namespace tillite::testing
