#include "steps/imports/snapshot_import.h"

#include <gtest/gtest.h>

#include "exported_home.h"

// Records of elsewhere stand below the pipeline's own: whichever comes first.

namespace tillite {
namespace {

using testing::line_of;
using testing::must;
using testing::Pipeline;
using testing::receipt_with;
using testing::TempFolder;

class SnapshotImportStep : public ::testing::Test {
 protected:
  const Receipt receipt = receipt_with({"oat milk", "rye bread", "green tea"});
  TempFolder room = TempFolder::in_memory();
  Pipeline pipeline;

  /// What another home exported.
  Path directory_of(const Receipt& of) {
    const Path folder = room / "exported";
    testing::export_from_another_home(of, folder);
    return folder;
  }

  Result<ImportedRecords> import(const Path& folder, Entity into = Entity::line) {
    auto directory = TRY(ChromaDirectory::open(folder, room.path()));
    const std::string from = directory.collections().front().name;
    return import_snapshot(std::span(&directory, 1), from, into, pipeline.ports, pipeline.context);
  }
};

TEST_F(SnapshotImportStep, StandsBelowWhatThePipelineEmbedsLater) {
  const auto imported = must(import(directory_of(receipt)));
  EXPECT_EQ(imported.added, 3U);
  EXPECT_LT(pipeline.stored_ids().at(line_of(receipt, 1).str()), 1);

  pipeline.import(receipt);
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().at(line_of(receipt, 1).str()), 1);
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(SnapshotImportStep, ReplacesNothingThatThePipelineEmbeddedBefore) {
  pipeline.import(receipt);
  pipeline.run();
  const auto imported = must(import(directory_of(receipt)));
  EXPECT_EQ(imported.ours, 3U);
  EXPECT_EQ(imported.deltas, 0U);
}

TEST_F(SnapshotImportStep, BringsNoRemovedItemBack) {
  const Path folder = directory_of(receipt);
  pipeline.import(receipt);
  pipeline.run();
  must(remove_receipt(receipt.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();

  const auto imported = must(import(folder));
  EXPECT_EQ(imported.removed, 3U);
  EXPECT_TRUE(pipeline.stored_ids().empty());
}

TEST_F(SnapshotImportStep, LeavesOutTheItemsOfTheOtherKind) {
  const auto imported = must(import(directory_of(receipt), Entity::word));
  EXPECT_EQ(imported.bad, 3U);
  EXPECT_EQ(imported.added, 0U);
  EXPECT_NE(imported.listed.front().reason.find("a line's"), std::string::npos) << imported.listed.front().reason;
}

TEST_F(SnapshotImportStep, RefusesVectorsOfAnotherLength) {
  const Path folder = directory_of(receipt);
  pipeline.settings.dimensions = 32;
  const auto refused = import(folder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::invalid_input);
  EXPECT_NE(refused.error().message().find("64 numbers"), std::string::npos) << refused.error().message();
}

}  // namespace
}  // namespace tillite
