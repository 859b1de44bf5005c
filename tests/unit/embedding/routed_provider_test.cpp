#include "embedding/routed_provider.h"

#include <gtest/gtest.h>

#include <set>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_table.h"
#include "embedding/batch_files.h"
#include "embedding/embedded_provider.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/standing_clock.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

/// A model of somebody else.
class OtherEmbedder final : public Embedder {
 public:
  using Embedder::embed;
  std::vector<float> embed(std::string_view, std::size_t dimensions) const override {
    return std::vector<float>(dimensions, 1.0F);
  }
  std::size_t dimensions() const override { return 4; }
  std::string_view model() const override { return "other-model"; }
};

/// A provider with a store of its own.
struct OwnProvider {
  OwnProvider(const Path& folder, Clock& clock, Random& random, const Embedder& embedder)
      : table(must(SqliteTable::open(folder / "table.sqlite3"))),
        files(must(FolderObjectStore::open(folder / "files"))),
        provider(*table, *files, clock, random, embedder) {}

  std::unique_ptr<SqliteTable> table;
  std::unique_ptr<FolderObjectStore> files;
  EmbeddedProvider provider;
};

class RoutedProviderTest : public ::testing::Test {
 protected:
  ProviderBatch send(const std::string& model) {
    const auto content = source_of(request_line(RecordId("A"), "milk", {.model = model, .dimensions = std::nullopt}));
    const ProviderFileId file = must(routed.upload(*content, "requests.ndjson"));
    return must(routed.create_batch(file, {{"of", model}}));
  }
  std::size_t batches_at(BatchProvider& provider) { return must(provider.list({}, 100)).batches.size(); }

  TempFolder local_folder = TempFolder::in_memory();
  TempFolder remote_folder = TempFolder::in_memory();
  StandingClock clock;
  SeededRandom random;
  NgramEmbedder ngrams{8};
  OtherEmbedder others;
  OwnProvider local{local_folder.path(), clock, random, ngrams};
  OwnProvider remote{remote_folder.path(), clock, random, others};
  RoutedProvider routed{local.provider, std::string(ngrams.model()), remote.provider};
};

TEST_F(RoutedProviderTest, SendsABatchToWhoeverKnowsItsModel) {
  send("tillite-ngram-1");
  send("other-model");
  EXPECT_EQ(batches_at(local.provider), 1U);
  EXPECT_EQ(batches_at(remote.provider), 1U);
}

TEST_F(RoutedProviderTest, FindsBatchesAndFilesWhereverTheyAre) {
  for (const std::string model : {"tillite-ngram-1", "other-model"}) {
    ProviderBatch batch = send(model);
    while (!batch.output_file_id) batch = must(routed.batch(batch.id));
    const auto output = must(routed.download(*batch.output_file_id));
    EXPECT_NE(must(read_all(*output, 1 << 20)).find("\"A\""), std::string::npos);
    must(routed.delete_file(*batch.output_file_id));
    const auto gone = routed.download(*batch.output_file_id);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code(), Code::not_found);
  }
}

TEST_F(RoutedProviderTest, CancelsBatchesWhereverTheyAre) {
  for (const std::string model : {"tillite-ngram-1", "other-model"}) {
    const ProviderBatch batch = send(model);
    must(routed.cancel(batch.id));
    EXPECT_EQ(must(routed.batch(batch.id)).status, ProviderStatus::cancelled);
  }
}

TEST_F(RoutedProviderTest, ListsTheBatchesOfBoth) {
  for (int i = 0; i < 3; ++i) send("tillite-ngram-1");
  for (int i = 0; i < 2; ++i) send("other-model");
  std::size_t listed = 0;
  ProviderBatchId after;
  while (true) {
    const ProviderBatchPage page = must(routed.list(after, 2));
    listed += page.batches.size();
    if (!page.has_more || page.batches.empty()) break;
    after = page.batches.back().id;
  }
  EXPECT_EQ(listed, 5U);
}

TEST_F(RoutedProviderTest, ListsTheFilesOfBoth) {
  for (const std::string model : {"tillite-ngram-1", "other-model", "other-model"}) send(model);
  std::set<ProviderFileId> listed;
  ProviderFileId after;
  while (true) {
    const ProviderFilePage page = must(routed.list_files(after, 1));
    for (const auto& file : page.files) listed.insert(file.id);
    if (!page.has_more || page.files.empty()) break;
    after = page.files.back().id;
  }
  EXPECT_EQ(listed.size(), 3U);
}

TEST_F(RoutedProviderTest, KnowsOfNeitherWhatNeitherKnows) {
  EXPECT_EQ(routed.batch(ProviderBatchId("batch_of_nobody")).error().code(), Code::not_found);
  EXPECT_EQ(routed.list(ProviderBatchId("batch_of_nobody"), 10).error().code(), Code::not_found);
}

}  // namespace
}  // namespace tillite::testing
