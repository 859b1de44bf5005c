#include "steps/imports/delta_import.h"

#include <gtest/gtest.h>

#include "exported_home.h"
#include "vectors/chroma/chroma_database.h"
#include "vectors/files/tar_gz.h"
#include "vectors/versions/snapshot_files.h"

// Deltas in the form of Chroma directories: each goes in once, the newer one wins, and the pipeline's own stand above.

namespace tillite {
namespace {

using testing::line_of;
using testing::must;
using testing::Pipeline;
using testing::receipt_with;
using testing::TempFolder;

class DeltaImportStep : public ::testing::Test {
 protected:
  const Receipt receipt = receipt_with({"oat milk", "rye bread", "green tea"});
  TempFolder room = TempFolder::in_memory();
  Pipeline pipeline;

  /// What another home exported, as if it had been written at that time.
  Path delta_of(const Receipt& of, const std::string& name, const std::string& written_at) {
    const Path folder = room / name;
    testing::export_from_another_home(of, folder);
    SQLite::Database database((folder / kChromaFile).string(), SQLite::OPEN_READWRITE);
    SQLite::Statement date(database, "UPDATE embeddings SET created_at = ?");
    date.bind(1, written_at);
    date.exec();
    return folder;
  }

  static Path archive_of(const Path& folder, const Path& file) {
    auto archive = must(TarGzWriter::create(file, 0));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      const std::string content = must(read_file(entry.path()));
      must(archive.add(entry.path().lexically_relative(folder), content.size(), *source_of(content), true));
    }
    must(archive.finish());
    return file;
  }

  DeltaImport import(const std::vector<Path>& places, const std::string& into = {}) {
    std::vector<ChromaDelta> deltas;
    for (const Path& place : places) {
      for (ChromaDelta& delta : must(chroma_deltas_at(place))) deltas.push_back(std::move(delta));
    }
    return must(import_deltas(deltas, {}, into, pipeline.ports, pipeline.context));
  }

  std::string text_of(const RecordId& id) {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
    return must(view.get({id}, false)).at(0).document;
  }
};

TEST_F(DeltaImportStep, TakesFoldersAndArchivesInOnce) {
  const Path folder = delta_of(receipt, "delta", "2025-03-01 10:00:00");
  const Path archive = archive_of(folder, room / "delta.tar.gz");
  const DeltaImport first = import({folder, archive});
  EXPECT_EQ(first.deltas, 2U);
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
  EXPECT_LT(pipeline.stored_ids().at(line_of(receipt, 1).str()), 1);

  const DeltaImport again = import({archive, folder});
  EXPECT_EQ(again.records.at(Entity::line).unchanged, 6U);
  EXPECT_EQ(again.records.at(Entity::line).deltas, 0U);
}

TEST_F(DeltaImportStep, LetsTheNewerDeltaWinInWhateverOrderTheyCome) {
  Receipt changed = receipt;
  changed.lines.at(0).text = "soy milk";
  const Path older = delta_of(receipt, "older", "2025-03-01 10:00:00");
  const Path newer = delta_of(changed, "newer", "2025-03-01 10:00:01");
  import({newer, older});
  EXPECT_EQ(text_of(line_of(receipt, 1)), "soy milk");
  const DeltaImport again = import({newer, older});
  EXPECT_EQ(again.records.at(Entity::line).older, 2U) << "the line itself, and the one that has it as its neighbour";
  EXPECT_EQ(again.records.at(Entity::line).deltas, 0U);
  EXPECT_EQ(text_of(line_of(receipt, 1)), "soy milk");
}

TEST_F(DeltaImportStep, StandsBelowWhatThePipelineEmbeds) {
  Receipt changed = receipt;
  changed.lines.at(0).text = "soy milk";
  const Path folder = delta_of(changed, "delta", "2050-03-01 10:00:00");
  pipeline.import(receipt);
  pipeline.run();
  EXPECT_EQ(import({folder}).records.at(Entity::line).ours, 3U);
  EXPECT_EQ(text_of(line_of(receipt, 1)), "oat milk");
}

TEST_F(DeltaImportStep, FindsDeltasInTheStore) {
  const Path folder = delta_of(receipt, "delta", "2025-03-01 10:00:00");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const ObjectKey key("lines/delta/one/" + entry.path().lexically_relative(folder).string());
    must(pipeline.vectors->create(key, as_bytes(must(read_file(entry.path())))));
  }
  const Receipt other = receipt_with({"black tea"}, "0c2e57cc-4a26-4a1c-8d31-6d8a0d0f3a11");
  const Path archive = archive_of(delta_of(other, "other", "2025-03-01 10:00:00"), room / "delta.tar.gz");
  must(pipeline.vectors->create(ObjectKey("lines/delta/two/delta.tar.gz"), as_bytes(must(read_file(archive)))));

  const auto deltas = must(chroma_deltas_in(*pipeline.vectors));
  ASSERT_EQ(deltas.size(), 2U);
  EXPECT_EQ(must(import_deltas(deltas, {}, {}, pipeline.ports, pipeline.context)).deltas, 2U);
  EXPECT_EQ(pipeline.stored_ids().size(), 4U);
}

TEST_F(DeltaImportStep, RefusesADamagedDeltaAsAWholeAndTakesItsNeighbours) {
  const Path good = delta_of(receipt, "good", "2025-03-01 10:00:00");
  const Receipt other = receipt_with({"black tea", "white tea"}, "0c2e57cc-4a26-4a1c-8d31-6d8a0d0f3a11");
  const Path bad = delta_of(other, "bad", "2025-03-01 10:00:00");
  {
    SQLite::Database database((bad / kChromaFile).string(), SQLite::OPEN_READWRITE);
    database.exec("UPDATE embeddings SET embedding_id = 'nobody' WHERE id = 2");
  }
  must(replace_file(room / "torn.tar.gz", as_bytes("tea")));
  const DeltaImport report = import({bad, room / "torn.tar.gz", good});
  EXPECT_EQ(report.deltas, 1U);
  ASSERT_EQ(report.refused.size(), 2U);
  EXPECT_EQ(report.refused.front().name, bad.string());
  EXPECT_NE(report.refused.front().reason.find("'nobody' has no vector"), std::string::npos)
      << report.refused.front().reason;
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
}

TEST_F(DeltaImportStep, RefusesVectorsOfAnotherLength) {
  const Path folder = delta_of(receipt, "delta", "2025-03-01 10:00:00");
  pipeline.settings.dimensions = 32;
  const DeltaImport report = import({folder});
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_NE(report.refused.front().reason.find("64 numbers"), std::string::npos) << report.refused.front().reason;
}

}  // namespace
}  // namespace tillite
