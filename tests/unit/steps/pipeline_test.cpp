#include "support/pipeline.h"

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "vectors/versions/keys.h"

namespace tillite::testing {
namespace {

class PipelineTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18", "-----"});
};

TEST_F(PipelineTest, PublishesEveryLineThatIsNotNoise) {
  pipeline.import(receipt);
  pipeline.run();

  const Census census = pipeline.census();
  EXPECT_EQ(census.found, 4U);
  EXPECT_EQ(census.noise, 1U);
  EXPECT_EQ(census.published, 3U);
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.version->vectors, 3U);
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).value("line_embedding_id", ""), line_of(receipt, 1).str());
}

TEST_F(PipelineTest, ItemsBecomeSuccessOnlyAfterTheirVersionIsPublished) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).value("embedding_status", ""), "PENDING");
  pipeline.collect(batches.front());
  EXPECT_EQ(pipeline.census().in_deltas, 3U);
  pipeline.merge();
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).value("embedding_status", ""), "PENDING");
  EXPECT_EQ(pipeline.census().published, 3U) << "published is told by the manifest, not by the status";
  pipeline.complete();
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).value("embedding_status", ""), "SUCCESS");
}

TEST_F(PipelineTest, ImportingTheSameReceiptAgainChangesNothing) {
  pipeline.import(receipt);
  pipeline.run();
  const auto again = pipeline.import(receipt);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.to_embed, 0U);
  EXPECT_TRUE(pipeline.submit_all().empty());
}

TEST_F(PipelineTest, AChangedLineAloneIsEmbeddedAgain) {
  pipeline.import(receipt);
  pipeline.run();
  receipt.lines[0].text = "OAT MILK 2.19";
  const auto changed = pipeline.import(receipt);
  EXPECT_EQ(changed.to_embed, 1U) << "its word keeps its own text and its neighbours";
  EXPECT_EQ(pipeline.census().unclaimed, 1U);
  pipeline.run();
  const auto ids = pipeline.stored_ids();
  EXPECT_EQ(ids.at(line_of(receipt, 1).str()), 2);
  EXPECT_EQ(ids.at(line_of(receipt, 2).str()), 1);
}

TEST_F(PipelineTest, ChangedMetadataTravelsWithoutAProviderCall) {
  pipeline.import(receipt);
  pipeline.run();
  receipt.merchant = "green market";
  const auto changed = pipeline.import(receipt);
  EXPECT_EQ(changed.to_embed, 0U);
  EXPECT_TRUE(pipeline.submit_all().empty());
  pipeline.merge();

  const TempFolder scratch;
  const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
  const auto records = must(view.get({line_of(receipt, 1)}, false));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records.front().metadata.value("merchant_name", ""), "Green Market");
}

TEST_F(PipelineTest, ADeletedReceiptIsGoneFromQueriesAtOnceAndFromTheNextVersion) {
  pipeline.import(receipt);
  pipeline.run();
  must(remove_receipt(receipt.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  EXPECT_TRUE(pipeline.stored_ids().empty());
  pipeline.merge();
  EXPECT_EQ(pipeline.census().version->vectors, 0U);
  EXPECT_EQ(pipeline.census().found, 0U);
}

TEST_F(PipelineTest, AResultThatArrivesAfterTheDeleteDoesNotComeBack) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  pipeline.collect(batches.front());
  must(remove_receipt(receipt.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  pipeline.merge();
  pipeline.complete();
  EXPECT_TRUE(pipeline.stored_ids().empty());
}

TEST_F(PipelineTest, ABatchWhoseReceiptsWereAllDeletedEnds) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  must(remove_receipt(receipt.image_id, 1, pipeline.ports, pipeline.context));
  const Json answer = pipeline.collect(batches.front());
  EXPECT_EQ(answer.at("embedding_count"), 0);
  EXPECT_TRUE(has_ended(must(read_batch(*pipeline.table, BatchId(batches.front()))).status));
}

TEST_F(PipelineTest, ATextThatChangedSinceTheSubmitIsEmbeddedAnewAndNotOverwritten) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  const Json answer = pipeline.collect(batches.front());
  EXPECT_EQ(answer.at("dropped_count"), 1);
  pipeline.merge();
  pipeline.complete();
  EXPECT_EQ(pipeline.census().unclaimed, 1U);
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().at(line_of(receipt, 1).str()), 2);
}

TEST_F(PipelineTest, RepeatedPollsFindTheStoredDeltaAndDownloadNothing) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  const Json first = pipeline.collect(batches.front());
  const Json second = pipeline.poll(batches.front());
  EXPECT_EQ(first.at("delta_id"), second.at("delta_id"));
  EXPECT_EQ(must(list_all(*pipeline.vectors, delta_folder("receipt_lines", 1))).size(), 1U);
}

TEST_F(PipelineTest, APollThatWasCutOffBehindItsDeltaFindsItAgain) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  pipeline.collect(batches.front());
  // As if the row had never heard of the delta.
  must(pipeline.table->write(
      Update{.key = batch_row_key(BatchId(batches.front())),
             .set = batch_status_keys(BatchId(batches.front()), Entity::line, BatchStatus::in_progress),
             .remove = {"delta_id", "delta_key"}}));
  pipeline.collect(batches.front());
  EXPECT_EQ(must(list_all(*pipeline.vectors, delta_folder("receipt_lines", 1))).size(), 1U);
  pipeline.merge();
  pipeline.complete();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(PipelineTest, AMergeThatIsRepeatedChangesNothing) {
  pipeline.import(receipt);
  pipeline.collect(pipeline.submit_all().front());
  const Json split = must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context));
  const Json event = pipeline.line_event({{"chunks", split.at("chunks")}});
  const Json first = must(final_merge(event, pipeline.ports, pipeline.context));
  const Json again = must(final_merge(event, pipeline.ports, pipeline.context));
  EXPECT_EQ(first.at("version"), again.at("version"));
  EXPECT_EQ(pipeline.census().version->vectors, 3U);
}

TEST_F(PipelineTest, TheLogTellsWhereTheTimeOfABatchAndOfAMergeWent) {
  std::map<std::string, Json> said;
  const auto listen = [&](std::string_view line) {
    const Json json = Json::parse(line);
    said[json.at("message").get<std::string>()] = json;
  };
  pipeline.context.log = Logger::to(listen, LogLevel::info);
  pipeline.import(receipt);
  pipeline.run();
  for (const char* field : {"provider_ms", "collect_ms"}) {
    EXPECT_TRUE(said["collected a batch"].contains(field)) << field;
  }
  for (const char* field : {"prepare_ms", "records_ms", "graph_ms", "files_ms", "publish_ms"}) {
    EXPECT_TRUE(said["published a version"].contains(field)) << field;
  }
}

TEST_F(PipelineTest, AMissingIntermediateIsMadeAnewOfItsDeltas) {
  pipeline.import(receipt);
  pipeline.collect(pipeline.submit_all().front());
  const Json split = must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context));
  const Json chunk =
      must(process_chunk(pipeline.line_event(split.at("chunks").front()), pipeline.ports, pipeline.context));
  must(pipeline.vectors->remove(ObjectKey(chunk.at("intermediate_key").get<std::string>())));
  must(final_merge(pipeline.line_event({{"chunks", split.at("chunks")}}), pipeline.ports, pipeline.context));
  EXPECT_EQ(pipeline.census().version->vectors, 3U);
}

TEST_F(PipelineTest, ACorruptDeltaIsQuarantinedAndItsItemsAreEmbeddedAgain) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  pipeline.collect(batches.front());
  const auto deltas = must(list_all(*pipeline.vectors, delta_folder("receipt_lines", 1)));
  must(pipeline.vectors->put(deltas.front().key, as_bytes("not a delta")));
  pipeline.merge();
  const Json completed = pipeline.complete();
  EXPECT_EQ(completed.at("batches_quarantined"), 1);
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
  EXPECT_EQ(pipeline.census().version->quarantined.size(), 1U);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(PipelineTest, APreparedBatchThatWasNeverSubmittedIsTakenUpByTheNextFind) {
  pipeline.import(receipt);
  const Json first = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  const Json second = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  EXPECT_EQ(first.at("batches"), second.at("batches"));
}

TEST_F(PipelineTest, AFindThatWasCutOffBeforeItsClaimsIsCompletedByTheNext) {
  pipeline.import(receipt);
  const auto ids = pipeline.binding();
  std::vector<BatchItem> items;
  for (const auto& [id, input] : embedding_inputs(receipt, InputFormat::line_plain_1))
    items.push_back({id, input_hash(input), 1, ""});
  Batch batch{.id = BatchId(uuid4(pipeline.random.bytes())),
              .generation = 1,
              .embedding_format = ids.input_format,
              .created_ms = pipeline.clock.now_ms()};
  batch.items_key = must(store_by_content(*pipeline.batch_files, "line_embeddings", batch.id.str(), ".items.ndjson",
                                          items_text(items)))
                        .str();
  must(pipeline.table->write(Put{batch_row(batch, items)}));

  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  ASSERT_EQ(found.at("batches_total"), 1);
  EXPECT_EQ(found.at("batches").front().at("batch_id"), batch.id.str());
  EXPECT_EQ(found.at("items_total"), 3);
}

TEST_F(PipelineTest, ASubmitThatIsRepeatedAfterItsAnswerWasLostAdoptsItsOwnBatch) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  const BatchId id(batches.front());
  const auto before = must(read_batch(*pipeline.table, id));
  // As after a crash between creating the provider's batch and recording it.
  must(pipeline.table->write(Update{.key = batch_row_key(id), .remove = {"openai_batch_id"}}));
  must(submit_batch({{"batch_id", id.str()}}, pipeline.ports, pipeline.context));
  EXPECT_EQ(must(read_batch(*pipeline.table, id)).openai_batch_id, before.openai_batch_id);
  EXPECT_EQ(must(pipeline.provider.list({}, 100)).batches.size(), 1U);
}

TEST_F(PipelineTest, ASubmitUnderWayIsLeftAloneByOthersUntilItsReservationRunsOut) {
  pipeline.import(receipt);
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  const BatchId id(found.at("batches").front().at("batch_id").get<std::string>());
  must(pipeline.table->write(
      Update{.key = batch_row_key(id),
             .set = {{"submit_token", "other"}, {"submit_until_ms", pipeline.clock.now_ms() + 1000}}}));
  EXPECT_EQ(must(submit_batch({{"batch_id", id.str()}}, pipeline.ports, pipeline.context)).at("action"), "wait");
  pipeline.clock.advance(2000);
  EXPECT_EQ(must(submit_batch({{"batch_id", id.str()}}, pipeline.ports, pipeline.context)).at("action"), "submitted");
}

TEST_F(PipelineTest, ItemsOfACancelledBatchGoBack) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  must(pipeline.provider.cancel(must(read_batch(*pipeline.table, BatchId(batches.front()))).openai_batch_id));
  EXPECT_EQ(pipeline.collect(batches.front()).at("action"), "handle_cancellation");
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(PipelineTest, BatchesHaveTheirRowsBeforeTheirItemsAreClaimed) {
  pipeline.import(receipt);
  const auto batches = pipeline.submit_all();
  const Item item = pipeline.row(line_of(receipt, 1));
  EXPECT_EQ(item.value("embedding_batch_id", ""), batches.front());
  EXPECT_FALSE(item.value("input_hash", "").empty());
}

}  // namespace
}  // namespace tillite::testing
