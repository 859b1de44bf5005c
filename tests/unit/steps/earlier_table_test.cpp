// A table that another system filled: every step reads it, and goes on from there.
#include "support/earlier_table.h"

#include <gtest/gtest.h>

#include "base/time.h"
#include "steps/adoption/adoption.h"
#include "support/failing_ports.h"
#include "support/pipeline.h"
#include "vectors/snapshots/snapshot_export.h"

namespace tillite::testing {
namespace {

class EarlierTableTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  EarlierTable earlier{*pipeline.table, pipeline.clock.now_ms()};

  std::string status(const RecordId& id) { return pipeline.row(id).value("embedding_status", "none"); }
  Diagnosis diagnosis() { return must(diagnose(pipeline.ports, pipeline.context)); }
  Adoption adopt(AdoptionOptions options = {}) {
    return must(tillite::adopt(options, pipeline.ports, pipeline.context));
  }

  std::map<std::string, std::uint64_t> findings(std::string_view of) {
    std::map<std::string, std::uint64_t> counts;
    for (const Diagnosis::Finding& finding : diagnosis().findings) {
      if (finding.of == of) counts[finding.kind] = finding.count;
    }
    return counts;
  }

  /// What another home exported, for the store.
  static void write_directory(const Receipt& receipt, const Path& folder) {
    Pipeline other;
    other.import(receipt);
    other.run();
    must(export_snapshot(*other.vectors, must(ManifestLog(*other.vectors, "receipt_lines", 1).newest()).value(),
                         folder));
  }

  /// Puts a snapshot of these lines of the receipt where the earlier system had its own.
  void publish_as_earlier(const Receipt& receipt) {
    write_directory(receipt, room / "snapshot");
    upload_folder(*pipeline.vectors, room / "snapshot", "lines/snapshot/timestamped/20250501_120000/");
    must(pipeline.vectors->create(ObjectKey("lines/snapshot/latest-pointer.txt"), as_bytes("20250501_120000\n")));
  }
  static Receipt bread(int lines) {
    std::vector<std::string> texts;
    for (int i = 1; i <= lines; ++i) texts.push_back(fmt::format("RYE BREAD {}", i));
    return receipt_with(texts, EarlierTable::kImage);
  }

  Json metadata_of(const RecordId& id) {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
    return must(view.get({id}, false)).at(0).metadata;
  }

  TempFolder room = TempFolder::in_memory();
};

TEST_F(EarlierTableTest, IsReadAndGoesThroughThePipeline) {
  earlier.fill();
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  EXPECT_EQ(found.at("items_total"), 2) << "the one that waits, and the one that names an id";
  EXPECT_EQ(found.at("passed_over"), 1) << "the receipt with a line that cannot be read";
  pipeline.run();
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::waiting)), "SUCCESS");
  EXPECT_EQ(pipeline.row(EarlierTable::line(EarlierTable::waiting)).at("num_chars"), 12);
  EXPECT_EQ(pipeline.stored_ids().size(), 2U);
  const Census census = pipeline.census();
  EXPECT_EQ(census.held, 2U) << "also the one that is in the index of PENDING only";
  EXPECT_EQ(census.batches.at("FOREIGN"), 2U);
}

TEST_F(EarlierTableTest, IsDescribedByTheDoctorWhoChangesNothing) {
  earlier.fill();
  const auto of_lines = findings("line");
  const std::map<std::string, std::uint64_t> expected = {
      {"unreadable", 1},   {"status_missing", 3},     {"index_disagrees", 1},        {"none_is_noise", 3},
      {"none_with_id", 1}, {"success_without_id", 1}, {"success_without_vector", 4}, {"stuck", 1}};
  EXPECT_EQ(of_lines, expected);
  EXPECT_EQ(findings("batch"), (std::map<std::string, std::uint64_t>{{"foreign_batch_abandoned", 3}}));
  EXPECT_FALSE(must(stored_binding(Entity::line, *pipeline.vectors))) << "nothing was made";
  for (const Diagnosis::Finding& finding : diagnosis().findings) {
    EXPECT_FALSE(finding.examples.empty()) << finding.kind;
    EXPECT_FALSE(finding.remedy.empty()) << finding.kind;
  }
  const auto items = diagnosis().items.at(0);
  EXPECT_EQ(items.found, EarlierTable::kLines + 1);
  EXPECT_EQ(items.by_status.at("none"), 3U);
  EXPECT_EQ(items.by_status.at("EMBEDDED"), 1U);
}

TEST_F(EarlierTableTest, IsMendedByAnAdoptionUntilAllAddsUp) {
  earlier.fill();
  const Adoption adoption = adopt();
  EXPECT_EQ(adoption.batches_ended, 3U);
  EXPECT_EQ(adoption.released, 2U) << "a line and a word";
  pipeline.run();
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::in_flight)), "SUCCESS");
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::without_status)), "SUCCESS");
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::embedded_without_status)), "SUCCESS");
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::noise_without_status)), "NOISE");
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::noise_that_waits)), "NOISE");
  EXPECT_EQ(pipeline.row(EarlierTable::line(EarlierTable::in_wrong_index)).at("GSI1PK"), "EMBEDDING_STATUS#SUCCESS");
  const Census census = pipeline.census();
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.held, 0U);
  EXPECT_EQ(census.unclaimed, 1U) << "the row that cannot be read, which the doctor names";
}

TEST_F(EarlierTableTest, IsMendedOnce) {
  earlier.fill();
  EXPECT_TRUE(adopt({.dry_run = true}).changed_something());
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::in_flight)), "PENDING") << "a dry run writes nothing";
  EXPECT_TRUE(adopt().changed_something());
  EXPECT_FALSE(adopt().changed_something());
  EXPECT_EQ(findings("batch").size(), 0U);
}

TEST_F(EarlierTableTest, KeepsItemsOfABatchThatItMayStillCollect) {
  earlier.fill();
  const Json refs = {{{"image_id", EarlierTable::kImage}, {"receipt_id", 1}}};
  earlier.add_batch("11111111-0000-4000-8000-000000000009", "LINE_EMBEDDING", "VALIDATING", "batch_9",
                    earlier.moment(3'600'000), refs);
  EXPECT_EQ(adopt().released, 1U) << "the word alone";
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::in_flight)), "PENDING");
  EXPECT_EQ(findings("batch").at("foreign_batch_open"), 1U);
  pipeline.clock.advance(25 * 3'600'000);
  EXPECT_EQ(adopt().released, 1U);
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::in_flight)), "NONE");
}

TEST_F(EarlierTableTest, BringsItsSnapshotWithIt) {
  earlier.fill_embedded(4);
  publish_as_earlier(bread(3));
  EXPECT_EQ(findings("line"),
            (std::map<std::string, std::uint64_t>{{"snapshot_not_taken", 3}, {"success_without_vector", 4}}));
  const Adoption adoption = adopt();
  EXPECT_EQ(adoption.snapshots.at(Entity::line).added, 3U);
  EXPECT_EQ(adoption.versions_noted, 3U);
  EXPECT_EQ(adoption.without_vector, 1U);
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
  EXPECT_EQ(findings("line"), (std::map<std::string, std::uint64_t>{{"success_without_vector", 1}}));
  EXPECT_FALSE(adopt().changed_something());

  EXPECT_EQ(adopt({.reembed = true}).to_embed_again, 1U);
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().size(), 4U);
  EXPECT_TRUE(diagnosis().is_well());
}

TEST_F(EarlierTableTest, GivesTheSameReceiptBackWithoutAnotherEmbedding) {
  earlier.fill_embedded(3);
  publish_as_earlier(bread(3));
  adopt();
  Receipt receipt = bread(3);
  for (Line& line : receipt.lines) line.words.clear();
  ASSERT_EQ(pipeline.import(receipt).to_embed, 0U) << "the texts are those that are stored";
  EXPECT_EQ(pipeline.row(EarlierTable::line(1)).value("num_chars", 0), 12) << "what we do not know stays";

  receipt.merchant = "other pantry";
  EXPECT_EQ(pipeline.import(receipt).metadata_only, 3U);
  pipeline.merge();
  EXPECT_EQ(metadata_of(EarlierTable::line(1)).at("merchant_name"), "Other Pantry");

  receipt.lines.at(0).text = "WHITE BREAD";
  EXPECT_EQ(pipeline.import(receipt).to_embed, 1U);
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().at(EarlierTable::line(1).str()), 1);
  receipt.lines.pop_back();
  EXPECT_EQ(pipeline.import(receipt).removed, 1U);
  pipeline.merge();
  EXPECT_FALSE(pipeline.stored_ids().contains(EarlierTable::line(3).str()));
  EXPECT_FALSE(adopt().changed_something()) << "what was removed does not come back";
}

TEST_F(EarlierTableTest, BringsItsDeltasWithIt) {
  earlier.fill_embedded(4);
  publish_as_earlier(bread(2));
  write_directory(bread(4), room / "delta");
  upload_folder(*pipeline.vectors, room / "delta", "lines/delta/0c2e57cc-4a26-4a1c-8d31-6d8a0d0f3a11/");
  EXPECT_EQ(findings("delta"), (std::map<std::string, std::uint64_t>{{"delta_not_merged", 1}}));
  EXPECT_EQ(adopt().without_vector, 0U);
  EXPECT_EQ(pipeline.stored_ids().size(), 4U);
  EXPECT_TRUE(diagnosis().is_well());
}

TEST_F(EarlierTableTest, LeavesADamagedDeltaAndTakesTheRest) {
  earlier.fill_embedded(2);
  publish_as_earlier(bread(2));
  must(pipeline.vectors->create(ObjectKey("lines/delta/torn/delta.tar.gz"), as_bytes("tea")));
  EXPECT_EQ(adopt().refused.size(), 1U);
  EXPECT_EQ(findings("delta"), (std::map<std::string, std::uint64_t>{{"delta_refused", 1}}));
  EXPECT_EQ(pipeline.stored_ids().size(), 2U);
}

TEST_F(EarlierTableTest, RefusesASnapshotOfAnotherModelBeforeItDoesAnything) {
  earlier.fill();
  publish_as_earlier(bread(3));
  pipeline.settings.dimensions = 32;
  const auto refused = tillite::adopt({}, pipeline.ports, pipeline.context);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("64 numbers"), std::string::npos) << refused.error().message();
  EXPECT_FALSE(must(stored_binding(Entity::line, *pipeline.vectors)));
  EXPECT_EQ(status(EarlierTable::line(EarlierTable::in_flight)), "PENDING");
  EXPECT_EQ(findings("line").at("snapshot_refused"), 1U);
}

TEST_F(EarlierTableTest, NamesAPointerThatPointsNowhere) {
  earlier.fill_embedded(1);
  must(pipeline.vectors->create(ObjectKey("lines/snapshot/latest-pointer.txt"), as_bytes("../../elsewhere")));
  EXPECT_EQ(findings("line").at("snapshot_refused"), 1U);
  EXPECT_EQ(tillite::adopt({}, pipeline.ports, pipeline.context).error().code(), Code::corrupt);
}

TEST_F(EarlierTableTest, SaysOfABatchOfOursThatNobodyPolls) {
  pipeline.import(receipt_with({"MILK 1.29"}));
  pipeline.submit_all();
  EXPECT_TRUE(diagnosis().is_well());
  pipeline.clock.advance(25 * 3'600'000);
  EXPECT_EQ(findings("batch"), (std::map<std::string, std::uint64_t>{{"batch_never_polled", 1}}));
  EXPECT_EQ(adopt().batches_ended, 0U) << "it is ours: the next run polls it";
}

constexpr int kParts = 4;

/// An adoption that is cut off at any call is made up for by the next one.
class AdoptionCrashTest : public ::testing::TestWithParam<int> {
 protected:
  /// A home with everything in it that an adoption has to do.
  struct Home {
    explicit Home(const Path& snapshot, const Path& delta) {
      earlier.fill();
      upload_folder(*pipeline.vectors, snapshot, "lines/snapshot/timestamped/one/");
      must(pipeline.vectors->create(ObjectKey("lines/snapshot/latest-pointer.txt"), as_bytes("one")));
      upload_folder(*pipeline.vectors, delta, "lines/delta/one/");
    }
    Pipeline pipeline;
    EarlierTable earlier{*pipeline.table, pipeline.clock.now_ms()};

    std::string content() {
      std::string text;
      for (const char* type : {"RECEIPT_LINE", "RECEIPT_WORD", "BATCH_SUMMARY"}) {
        for (const Item& row : must(query_all(*pipeline.table, {.index = Index::type, .hash = type}))) {
          text += to_text(row) + "\n";
        }
      }
      for (const auto& [id, version] : pipeline.stored_ids()) text += fmt::format("{} {}\n", id, version);
      return text;
    }
  };
  static void write_directory(const std::vector<std::string>& texts, const Path& folder) {
    Pipeline other;
    other.import(receipt_with(texts, EarlierTable::kImage));
    other.run();
    must(export_snapshot(*other.vectors, must(ManifestLog(*other.vectors, "receipt_lines", 1).newest()).value(),
                         folder));
  }
  TempFolder room = TempFolder::in_memory();
};

TEST_P(AdoptionCrashTest, ComesToTheSameWhereverItIsCutOff) {
  write_directory({"RYE BREAD 1"}, room / "snapshot");
  write_directory({"RYE BREAD 1", "RYE BREAD 2"}, room / "delta");
  int calls = 0;
  std::string wanted;
  {
    Home home(room / "snapshot", room / "delta");
    FailingPorts whole(home.pipeline.ports, Outage::crash_at(-1));
    must(adopt({}, whole.ports(), home.pipeline.context));
    calls = whole.calls();
    wanted = home.content();
  }
  ASSERT_GT(calls, 20);
  for (int call = GetParam(); call < calls; call += kParts) {
    for (const Outage& outage : {Outage::crash_at(call), Outage::lost_answer_of(call)}) {
      SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
      Home home(room / "snapshot", room / "delta");
      FailingPorts failing(home.pipeline.ports, outage);
      static_cast<void>(adopt({}, failing.ports(), home.pipeline.context));
      home.pipeline.clock.advance(10 * 60'000);  // what it had locked has run out
      must(adopt({}, home.pipeline.ports, home.pipeline.context));
      EXPECT_EQ(home.content(), wanted);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, AdoptionCrashTest, ::testing::Range(0, kParts));

}  // namespace
}  // namespace tillite::testing
