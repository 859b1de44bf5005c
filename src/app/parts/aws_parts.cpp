#include "app/parts/aws_parts.h"

#include <algorithm>

#include "adapters/aws/dynamodb_table.h"
#include "adapters/aws/s3_object_store.h"
#include "adapters/aws/sqs_queue.h"
#include "adapters/remote/kept_files.h"
#include "app/parts/aws_clients.h"
#include "base/memory_limit.h"

namespace tillite {
namespace {

constexpr std::uint64_t kSnapshotCacheBytes = std::uint64_t{4} << 30;

std::string value_of(const Environment& environment, const std::string& name) { return environment(name).value_or(""); }

Result<std::uint64_t> snapshot_cache_bytes(const Environment& environment) {
  const std::string text = value_of(environment, "TILLITE_SNAPSHOT_CACHE_BYTES");
  if (text.empty()) return kSnapshotCacheBytes;
  if (text == "0") return 0;
  const auto bytes = parse_bytes(text);
  if (!bytes) return pass_on(bytes, "the variable TILLITE_SNAPSHOT_CACHE_BYTES");
  return bytes;
}

/// DynamoDB's rules for names.
Result<void> check_table_name(const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (name.size() >= 3 && name.size() <= 255 && std::ranges::all_of(name, is_allowed)) return {};
  return fail(Code::invalid_input,
              "the variable DYNAMODB_TABLE_NAME must be 3 to 255 letters, digits, '_', '-' and '.', but is '{}'",
              name.substr(0, 64));
}

/// A snapshot's files never change under their keys.
bool is_of_a_snapshot(const ObjectKey& key) { return key.str().contains("/snapshot/"); }

}  // namespace

Result<AwsParts> open_aws_parts(const Environment& environment, const Path& snapshots, Clock& clock, Random& random,
                                const Logger& log, const PortStops& stops) {
  const std::string table = value_of(environment, "DYNAMODB_TABLE_NAME");
  const std::string vectors = value_of(environment, "CHROMADB_BUCKET");
  const std::string batch_files = value_of(environment, "S3_BUCKET");
  const std::string queue = value_of(environment, "COMPACTION_QUEUE_URL");
  AwsParts parts;
  if (table.empty() && vectors.empty() && batch_files.empty() && queue.empty()) return parts;

  const AwsClients clients = TRY(AwsClients::open(environment, clock, random, log));
  if (!table.empty()) {
    TRY(check_table_name(table));
    parts.table = std::make_unique<DynamoDbTable>(clients.of(AwsApi::dynamodb), table, random, stops.rows);
  }
  if (!vectors.empty()) {
    auto bucket = S3ObjectStore::open(clients.of(AwsApi::s3), {.bucket = vectors}, random, stops.objects);
    if (!bucket) return pass_on(bucket, "the variable CHROMADB_BUCKET");
    const std::uint64_t bytes_max = TRY(snapshot_cache_bytes(environment));
    parts.vectors = std::make_unique<KeptFiles>(
        *std::move(bucket),
        KeptFiles::Settings{.folder = snapshots, .bytes_max = bytes_max, .keeps = is_of_a_snapshot});
  }
  if (!batch_files.empty()) {
    auto bucket = S3ObjectStore::open(clients.of(AwsApi::s3), {.bucket = batch_files}, random, stops.objects);
    if (!bucket) return pass_on(bucket, "the variable S3_BUCKET");
    parts.batch_files = *std::move(bucket);
  }
  if (!queue.empty()) {
    auto opened = SqsQueue::open(clients.of(AwsApi::sqs), {.url = queue}, stops.rows);
    if (!opened) return pass_on(opened, "the variable COMPACTION_QUEUE_URL");
    parts.queue = *std::move(opened);
  }
  return parts;
}

}  // namespace tillite
