#include "workflow/durable/map_data.h"

#include <functional>

#include "base/gzip.h"
#include "base/time.h"
#include "workflow/item_files.h"

namespace tillite {
namespace {

constexpr std::size_t kItemFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kResultFileBytesMax = std::size_t{4} << 20;
constexpr std::size_t kListedAtOnce = 1000;
constexpr std::string_view kBucketArn = "arn:aws:s3:::";

News failed(std::string error, std::string cause) {
  return {.kind = News::Kind::failed, .failure = {.error = std::move(error), .cause = std::move(cause)}};
}

std::string text_field(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr || !field->is_string() ? "" : field->string();
}

Result<ObjectStore*> bucket_named(const std::string& name, const std::map<std::string, ObjectStore*>& buckets) {
  const auto found = buckets.find(name);
  if (found != buckets.end()) return found->second;
  std::string known;
  for (const auto& [bucket, store] : buckets) known += (known.empty() ? "" : ", ") + bucket;
  return fail(Code::not_found, "there is no bucket '{}' here; there are: {}", name.substr(0, 80), known);
}

Result<ObjectStore*> bucket_of(const Value& parameters, const std::map<std::string, ObjectStore*>& buckets) {
  return bucket_named(text_field(parameters, "Bucket"), buckets);
}

Result<Value> listed_items(ObjectStore& store, const std::string& prefix, std::int64_t items_max) {
  Value::Array items;
  const auto most = items_max == 0 ? std::string::npos : static_cast<std::size_t>(items_max);
  std::string after;
  while (items.size() < most) {
    const auto page = TRY(store.list(prefix, after, std::min(kListedAtOnce, most - items.size())));
    for (const ObjectInfo& object : page) {
      items.emplace_back(Value::Object{{"Etag", fmt::format("\"{}\"", object.etag)},
                                       {"Key", object.key.str()},
                                       {"LastModified", object.modified_ms / 1000},
                                       {"Size", static_cast<std::int64_t>(object.size_bytes)},
                                       {"StorageClass", "STANDARD"}});
    }
    if (page.size() < kListedAtOnce) break;
    after = page.back().key.str();
  }
  return Value(std::move(items));
}

/// The items of all files that a manifest names. They lie in the inventory's own bucket if that is here, else in the
/// manifest's.
Result<Outcome> inventory_items(const ItemsToRead& wanted, const std::string& manifest, ObjectStore& store,
                                const std::map<std::string, ObjectStore*>& buckets) {
  const auto inventory = inventory_in(manifest);
  if (!inventory) return Outcome(std::unexpected(inventory.error()));
  std::string bucket = inventory->bucket;
  if (bucket.starts_with(kBucketArn)) bucket.erase(0, kBucketArn.size());
  const auto found = buckets.find(bucket);
  ObjectStore& files = found == buckets.end() ? store : *found->second;
  ItemReader reader{.format = ItemReader::Format::csv, .headers_in_first_row = false, .headers = inventory->columns};
  Value::Array all;
  for (const std::string& key : inventory->keys) {
    std::string text = TRY(read_object(files, ObjectKey(key), kItemFileBytesMax));
    if (key.ends_with(".gz")) text = TRY(gunzip(text, kItemFileBytesMax));
    const std::int64_t left = wanted.items_max == 0 ? 0 : wanted.items_max - static_cast<std::int64_t>(all.size());
    const Outcome items = items_in(reader, text, left);
    if (!items) return items;
    all.insert(all.end(), items->array().begin(), items->array().end());
    if (wanted.items_max != 0 && std::ssize(all) >= wanted.items_max) break;
  }
  return Outcome(Value(std::move(all)));
}

/// Results of one status in numbered files, none much larger than the limit.
class ResultFiles {
 public:
  ResultFiles(ObjectStore& store, std::string folder, std::string status, bool as_json_lines)
      : store_(store), folder_(std::move(folder)), status_(std::move(status)), as_json_lines_(as_json_lines) {}

  Result<void> add(const Value& result) {
    if (!as_json_lines_) text_ += text_.empty() ? "[" : ",";
    append_text(text_, result);
    if (as_json_lines_) text_ += '\n';
    return text_.size() < kResultFileBytesMax ? Result<void>() : flush();
  }
  Result<void> flush() {
    if (text_.empty()) return {};
    if (!as_json_lines_) text_ += "]";
    const std::string key =
        fmt::format("{}/{}_{}.{}", folder_, status_, files_.size(), as_json_lines_ ? "jsonl" : "json");
    TRY(store_.put(ObjectKey(key), as_bytes(text_)));
    files_.emplace_back(Value::Object{{"Key", key}, {"Size", static_cast<std::int64_t>(text_.size())}});
    text_.clear();
    return {};
  }
  [[nodiscard]] const Value::Array& files() const { return files_; }

 private:
  ObjectStore& store_;
  std::string folder_;
  std::string status_;
  bool as_json_lines_;
  std::string text_;
  Value::Array files_;
};

/// All that AWS tells of a child.
Value record_of(const ExecutionRow& row, const std::string& arn_front) {
  const Value included = Value::Object{{"Included", true}};
  Value::Object record;
  if (row.cause) record.set("Cause", *row.cause);
  if (row.error) record.set("Error", *row.error);
  record.set("ExecutionArn", fmt::format("{}:execution:{}", arn_front, row.id));
  record.set("Input", row.input);
  record.set("InputDetails", included);
  record.set("Name", row.name);
  if (row.output) record.set("Output", *row.output);
  if (row.output) record.set("OutputDetails", included);
  record.set("StartDate", iso_time(row.started_ms));
  record.set("StateMachineArn", fmt::format("{}:stateMachine:{}", arn_front, row.machine));
  record.set("Status", row.status);
  record.set("StopDate", iso_time(row.stopped_ms));
  return Value(std::move(record));
}

/// What of a child is written: one value, or with FLATTEN any number.
Result<Value::Array> results_of(const ExecutionRow& row, ResultWriter::Transformation how,
                                const std::string& arn_front) {
  if (how == ResultWriter::Transformation::none || row.status != "SUCCEEDED" || !row.output)
    return Value::Array{record_of(row, arn_front)};
  const Value output = TRY(parse_value(*row.output, row.id));
  if (how == ResultWriter::Transformation::flatten && output.is_array()) return output.array();
  return Value::Array{output};
}

/// Hears of all children of a map run, in their order.
Result<void> for_each_child(ExecutionStore& store, const std::string& map_run,
                            const std::function<Result<void>(const ExecutionRow& row)>& hears) {
  ExecutionStore::Listing listing{.map_run = map_run, .limit = kListedAtOnce};
  do {
    const auto page = TRY(store.list(listing));
    for (const ExecutionRow& listed : page.rows) {
      if (const auto row = TRY(store.execution(listed.id))) TRY(hears(*row));
    }
    listing.after = page.next;
  } while (!listing.after.empty());
  return {};
}

Result<Value> written_results(const ResultsToWrite& wanted, const std::string& map_run_arn, ExecutionStore& store,
                              const std::map<std::string, ObjectStore*>& buckets) {
  const std::string arn_front = map_run_arn.substr(0, map_run_arn.find(":mapRun:"));
  const ResultWriter& writer = *wanted.writer;
  if (writer.resource.empty()) {
    Value::Array all;
    TRY(for_each_child(store, wanted.map_run, [&](const ExecutionRow& row) -> Result<void> {
      for (const Value& result : TRY(results_of(row, writer.transformation, arn_front))) all.push_back(result);
      return {};
    }));
    return Value(std::move(all));
  }
  ObjectStore& objects = *TRY(bucket_of(wanted.parameters, buckets));
  const std::string prefix = text_field(wanted.parameters, "Prefix");
  const std::string folder = fmt::format("{}{}{}", prefix, prefix.empty() || prefix.ends_with('/') ? "" : "/",
                                         wanted.map_run.substr(wanted.map_run.rfind(':') + 1));
  ResultFiles succeeded(objects, folder, "SUCCEEDED", writer.as_json_lines);
  ResultFiles failures(objects, folder, "FAILED", writer.as_json_lines);
  TRY(for_each_child(store, wanted.map_run, [&](const ExecutionRow& row) -> Result<void> {
    ResultFiles& files = row.status == "SUCCEEDED" ? succeeded : failures;
    for (const Value& result : TRY(results_of(row, writer.transformation, arn_front))) TRY(files.add(result));
    return {};
  }));
  TRY(succeeded.flush());
  TRY(failures.flush());
  const std::string bucket = text_field(wanted.parameters, "Bucket");
  const std::string key = folder + "/manifest.json";
  const Value manifest = Value::Object{
      {"DestinationBucket", bucket},
      {"MapRunArn", map_run_arn},
      {"ResultFiles",
       Value::Object{{"FAILED", failures.files()}, {"PENDING", Value::Array()}, {"SUCCEEDED", succeeded.files()}}}};
  TRY(objects.put(ObjectKey(key), as_bytes(to_text(manifest))));
  return Value(Value::Object{{"Bucket", bucket}, {"Key", key}});
}

}  // namespace

News read_items(const ItemsToRead& wanted, const std::map<std::string, ObjectStore*>& buckets) {
  const auto read = [&]() -> Result<Outcome> {
    ObjectStore& store = *TRY(bucket_of(wanted.parameters, buckets));
    if (wanted.reader->format == ItemReader::Format::objects)
      return Outcome(TRY(listed_items(store, text_field(wanted.parameters, "Prefix"), wanted.items_max)));
    const std::string text =
        TRY(read_object(store, ObjectKey(text_field(wanted.parameters, "Key")), kItemFileBytesMax));
    if (wanted.reader->format == ItemReader::Format::manifest) return inventory_items(wanted, text, store, buckets);
    return items_in(*wanted.reader, text, wanted.items_max);
  };
  const auto items = read();
  if (!items) return failed(errors::kItemReaderFailed, items.error().message());
  if (!*items) return {.kind = News::Kind::failed, .failure = items->error()};
  return {.output = **items};
}

News write_results(const ResultsToWrite& wanted, const std::string& map_run_arn, ExecutionStore& store,
                   const std::map<std::string, ObjectStore*>& buckets) {
  const auto written = written_results(wanted, map_run_arn, store, buckets);
  if (!written) return failed(errors::kResultWriterFailed, written.error().message());
  return {.output = *written};
}

}  // namespace tillite
