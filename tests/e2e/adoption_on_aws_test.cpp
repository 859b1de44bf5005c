// doctor, adopt and run on a table of an earlier system that lies on DynamoDB, with its snapshot and deltas on S3, as
// moto has them: everything comes to what it comes to in a home.
#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/aws/s3_object_store.h"
#include "adapters/local/folder_object_store.h"
#include "adapters/local/home.h"
#include "adapters/local/sqlite_table.h"
#include "support/earlier_table.h"
#include "support/moto_server.h"
#include "support/pipeline.h"
#include "support/sample_home.h"
#include "support/served_table.h"

namespace tillite::testing {
namespace {

/// Where the earlier system's rows and objects lie, and the program that works on them.
class Place {
 public:
  explicit Place(Program program) : program_(std::move(program)) {}
  virtual ~Place() = default;
  virtual Table& table() = 0;
  virtual ObjectStore& vectors() = 0;

  Json ask(std::vector<std::string> arguments, int status) const {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program_.run(arguments);
    EXPECT_EQ(outcome.status, status) << arguments[1] << ": " << outcome.err;
    return outcome.json();
  }

 private:
  Program program_;
};

class InAHome final : public Place {
 public:
  explicit InAHome(const TempFolder& folder) : Place(Program(folder.path(), folder / "home")) {
    const Home home = must(Home::open(folder / "home", true));
    table_ = must(SqliteTable::open(home.table_file()));
    vectors_ = must(FolderObjectStore::open(home.vectors_folder()));
  }
  Table& table() override { return *table_; }
  ObjectStore& vectors() override { return *vectors_; }

 private:
  std::unique_ptr<Table> table_;
  std::unique_ptr<ObjectStore> vectors_;
};

class OnMoto final : public Place {
 public:
  explicit OnMoto(const TempFolder& folder, const std::string& bucket = unique_name())
      : Place(program_on(folder, bucket)), table_(MotoServer::shared().origin(), folder) {
    const auto s3 = aws_.client(AwsApi::s3);
    for (const auto& name : {bucket, bucket + "-batches"}) must(s3->call({.method = "PUT", .path = "/" + name}));
    vectors_ = must(S3ObjectStore::open(s3, {.bucket = bucket}, aws_.random()));
  }
  Table& table() override { return table_.real(); }
  ObjectStore& vectors() override { return *vectors_; }

  /// A call of DynamoDB about a row, past the adapter.
  Json call(const std::string& operation, const RecordId& id, Json more = Json::object()) {
    const ItemKey key = row_key(id);
    more["TableName"] = table_name_;
    more["Key"] = {{"PK", {{"S", key.pk}}}, {"SK", {{"S", key.sk}}}};
    return must(aws_.client(AwsApi::dynamodb)->call_json("DynamoDB_20120810." + operation, more));
  }
  Json raw(const RecordId& id) { return call("GetItem", id).at("Item"); }

  void name_table(const TempFolder& folder) { table_name_ = folder.path().filename().string(); }

 private:
  static Program program_on(const TempFolder& folder, const std::string& bucket) {
    AwsPlace aws(MotoServer::shared().origin());
    const Json queue = must(aws.client(AwsApi::sqs)->call_json("AmazonSQS.CreateQueue", {{"QueueName", bucket}}));
    return {folder.path(),
            folder / "home",
            {{"AWS_ENDPOINT_URL", MotoServer::shared().origin()},
             {"AWS_REGION", "us-east-1"},
             {"AWS_ACCESS_KEY_ID", "any"},
             {"AWS_SECRET_ACCESS_KEY", "any"},
             {"DYNAMODB_TABLE_NAME", folder.path().filename().string()},
             {"CHROMADB_BUCKET", bucket},
             {"S3_BUCKET", bucket + "-batches"},
             {"COMPACTION_QUEUE_URL", queue.at("QueueUrl").get<std::string>()}}};
  }

  AwsPlace aws_{MotoServer::shared().origin()};
  ServedTable table_;
  std::string table_name_;
  std::unique_ptr<ObjectStore> vectors_;
};

class AdoptionOnAws : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();
  }

  /// What another home exported of the receipt's first lines.
  Path directory(int lines) {
    const TempFolder other;
    std::vector<std::string> texts;
    for (int line = 1; line <= lines; ++line) texts.push_back(EarlierTable::text_of(line));
    must(replace_file(other / "receipt.jsonl",
                      as_bytes(to_text(receipt_json(receipt_with(texts, EarlierTable::kImage))) + "\n")));
    const Program program(other.path(), other / "home");
    EXPECT_EQ(program.run({"import", (other / "receipt.jsonl").string()}).status, 0);
    EXPECT_EQ(program.run({"run"}).status, 0);
    Path target = folder / fmt::format("exported-{}", lines);
    EXPECT_EQ(program.run({"snapshot", "export", "receipt_lines", target.string()}).status, 0);
    return target;
  }

  void fill(Place& place, std::int64_t now_ms, const Path& snapshot, const Path& delta) {
    EarlierTable(place.table(), now_ms).fill();
    ObjectStore& vectors = place.vectors();
    upload_folder(vectors, snapshot, "lines/snapshot/timestamped/20250501_120000/");
    must(vectors.create(ObjectKey("lines/snapshot/latest-pointer.txt"), as_bytes("20250501_120000\n")));
    upload_folder(vectors, delta, "lines/delta/0c2e57cc-4a26-4a1c-8d31-6d8a0d0f3a11/");
  }

  /// What does not depend on the order in which a table lists its rows.
  static Json sorted(Json diagnosis) {
    for (Json& finding : diagnosis.at("findings"))
      std::sort(finding.at("examples").begin(), finding.at("examples").end());
    std::sort(diagnosis.at("findings").begin(), diagnosis.at("findings").end());
    return diagnosis;
  }
  static Json sorted_adoption(Json adoption) {
    for (const char* when : {"before", "after"}) adoption[when] = sorted(adoption.at(when));
    return adoption;
  }

  /// What the rows of the receipt's items say, without what differs between two runs of the same.
  static Json rows(Place& place) {
    Json all = Json::object();
    for (int line_id = 1; line_id < EarlierTable::lines_end; ++line_id) {
      for (const RecordId& id : {EarlierTable::line(line_id), EarlierTable::word(line_id)}) {
        Json row = must(place.table().get(row_key(id))).value();
        for (const char* name : {"embedding_batch_id", "record_version", "delta_id"}) row.erase(name);
        all[id.str()] = std::move(row);
      }
    }
    return all;
  }

  TempFolder folder;
  TempFolder home_folder;
  TempFolder aws_folder;
};

TEST_F(AdoptionOnAws, ComesToWhatItComesToInAHome) {
  InAHome home(home_folder);
  OnMoto aws(aws_folder);
  aws.name_table(aws_folder);
  const Path snapshot = directory(5);
  const Path delta = directory(7);
  const std::int64_t now_ms = SystemClock().now_ms();
  for (Place* place : {static_cast<Place*>(&home), static_cast<Place*>(&aws)}) fill(*place, now_ms, snapshot, delta);
  // What only DynamoDB has: a set, and an attribute that is null.
  const RecordId waiting = EarlierTable::line(EarlierTable::waiting);
  aws.call("UpdateItem", waiting,
           {{"UpdateExpression", "SET seen_by = :set"},
            {"ExpressionAttributeValues", {{":set", {{"SS", {"ocr", "parser"}}}}}}});
  ASSERT_EQ(aws.raw(waiting).at("confidence"), (Json{{"NULL", true}}));
  ASSERT_FALSE(aws.raw(EarlierTable::line(EarlierTable::without_status)).contains("GSI1PK"));

  const Json doctor = sorted(home.ask({"doctor"}, 19));
  EXPECT_FALSE(doctor.at("well").get<bool>());
  EXPECT_EQ(sorted(aws.ask({"doctor"}, 19)), doctor);

  EXPECT_EQ(sorted_adoption(aws.ask({"adopt", "--dry-run"}, 0)), sorted_adoption(home.ask({"adopt", "--dry-run"}, 0)));
  const Json adopted = sorted_adoption(home.ask({"adopt"}, 0));
  EXPECT_TRUE(adopted.at("changed").get<bool>());
  EXPECT_EQ(adopted.at("snapshots").at("receipt_lines").at("records"), 4) << "one of the five lines is noise";
  EXPECT_EQ(sorted_adoption(aws.ask({"adopt"}, 0)), adopted);
  EXPECT_FALSE(aws.ask({"adopt"}, 0).at("changed").get<bool>()) << "a second time there is nothing to do";

  const Json run = home.ask({"run"}, 3);
  const Json run_on_aws = aws.ask({"run"}, 3);
  for (const char* field : {"items_found", "items_embedded", "failed_items"}) {
    EXPECT_EQ(run_on_aws.at(field), run.at(field)) << field;
  }
  EXPECT_GT(run.at("items_embedded"), 0);
  EXPECT_EQ(aws.ask({"status"}, 0).at("entities"), home.ask({"status"}, 0).at("entities"))
      << "counts, versions, checksums over ids, vectors, documents and metadata";
  EXPECT_EQ(sorted(aws.ask({"doctor"}, 19)), sorted(home.ask({"doctor"}, 19)))
      << "the row that nobody can read is left";
  EXPECT_EQ(aws.ask({"query", "oat milk"}, 0), home.ask({"query", "oat milk"}, 0));

  Json there = rows(aws);
  EXPECT_EQ(there[waiting.str()].at("seen_by"), (Json{"ocr", "parser"}));
  there[waiting.str()].erase("seen_by");
  EXPECT_EQ(there, rows(home));
  const Json raw = aws.raw(waiting);
  EXPECT_EQ(raw.at("embedding_status").at("S"), "SUCCESS");
  EXPECT_EQ(raw.at("seen_by"), (Json{{"SS", {"ocr", "parser"}}})) << "what we do not know stays what it was";
  EXPECT_EQ(raw.at("confidence"), (Json{{"NULL", true}}));
}

}  // namespace
}  // namespace tillite::testing
