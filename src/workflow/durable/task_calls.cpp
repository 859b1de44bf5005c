#include "workflow/durable/task_calls.h"

#include "base/time.h"
#include "workflow/item_files.h"
#include "workflow/resource.h"

namespace tillite {
namespace {

constexpr std::size_t kItemFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kResultFileBytesMax = std::size_t{4} << 20;
constexpr std::size_t kListedAtOnce = 1000;

News failed(std::string error, std::optional<std::string> cause) {
  return {.kind = News::Kind::failed, .failure = {.error = std::move(error), .cause = std::move(cause)}};
}

std::string text_field(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr || !field->is_string() ? "" : field->string();
}

/// "embedding-line-find" of a name or an ARN, with or without a version.
std::string bare_function(const std::string& name) {
  const std::size_t mark = name.find("function:");
  const std::string rest = mark == std::string::npos ? name : name.substr(mark + 9);
  return rest.substr(0, rest.find(':'));
}

Result<ObjectStore*> bucket_of(const Value& parameters, const std::map<std::string, ObjectStore*>& buckets) {
  const std::string name = text_field(parameters, "Bucket");
  const auto found = buckets.find(name);
  if (found != buckets.end()) return found->second;
  std::string known;
  for (const auto& [bucket, store] : buckets) known += (known.empty() ? "" : ", ") + bucket;
  return fail(Code::not_found, "there is no bucket '{}' here; there are: {}", name.substr(0, 80), known);
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

/// Files of one status, numbered, none much larger than the limit.
class ResultFiles {
 public:
  ResultFiles(ObjectStore& store, std::string folder, std::string status)
      : store_(store), folder_(std::move(folder)), status_(std::move(status)) {}

  Result<void> add(const Value& record) {
    text_ += text_.empty() ? "[" : ",";
    append_text(text_, record);
    return text_.size() < kResultFileBytesMax ? Result<void>() : flush();
  }
  Result<void> flush() {
    if (text_.empty()) return {};
    text_ += "]";
    const std::string key = fmt::format("{}/{}_{}.json", folder_, status_, files_.size());
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
  std::string text_;
  Value::Array files_;
};

Result<Value> written_results(const ResultsToWrite& wanted, const std::string& map_run_arn, ExecutionStore& store,
                              const std::map<std::string, ObjectStore*>& buckets) {
  ObjectStore& objects = *TRY(bucket_of(wanted.parameters, buckets));
  const std::string prefix = text_field(wanted.parameters, "Prefix");
  const std::string folder = fmt::format("{}{}{}", prefix, prefix.empty() || prefix.ends_with('/') ? "" : "/",
                                         wanted.map_run.substr(wanted.map_run.rfind(':') + 1));
  ResultFiles succeeded(objects, folder, "SUCCEEDED");
  ResultFiles failures(objects, folder, "FAILED");
  ExecutionStore::Listing listing{.map_run = wanted.map_run, .limit = kListedAtOnce};
  do {
    const auto page = TRY(store.list(listing));
    for (const ExecutionRow& listed : page.rows) {
      const auto row = TRY(store.execution(listed.id));
      if (!row) continue;
      Value::Object record{{"ExecutionArn", row->id},
                           {"Input", row->input},
                           {"InputDetails", Value::Object{{"Included", true}}},
                           {"Name", row->name},
                           {"StartDate", iso_time(row->started_ms)},
                           {"StateMachineArn", row->machine},
                           {"Status", row->status},
                           {"StopDate", iso_time(row->stopped_ms)}};
      if (row->output) record.set("Output", *row->output);
      if (row->output) record.set("OutputDetails", Value::Object{{"Included", true}});
      if (row->error) record.set("Error", *row->error);
      if (row->cause) record.set("Cause", *row->cause);
      TRY((row->status == "SUCCEEDED" ? succeeded : failures).add(std::move(record)));
    }
    listing.after = page.next;
  } while (!listing.after.empty());
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

std::string function_of(const TaskCall& call) {
  const Resource resource(call.resource);
  if (resource.kind() == Resource::Kind::function) return resource.name();
  if (resource.type() != "lambda") return "";
  return bare_function(text_field(call.payload, "FunctionName"));
}

std::optional<News> call_task(TaskRunner& runner, const TaskCall& call, const std::string& execution_id,
                              std::stop_token stop) {
  const bool invokes = Resource(call.resource).type() == "lambda";
  const Value* payload = invokes ? call.payload.find("Payload") : &call.payload;
  const std::string function = function_of(call);
  const auto result = runner.run({.function_name = function,
                                  .payload = payload == nullptr ? Json::object() : to_json(*payload),
                                  .execution_id = execution_id,
                                  .stop = std::move(stop),
                                  .resource = call.resource,
                                  .token = call.token});
  if (!result) {
    if (result.error().code() == Code::cancelled) return std::nullopt;
    const std::string name = result.error().name();
    const std::string& message = result.error().message();
    // What a function elsewhere answered has that form already; what kept a function from answering has another.
    const bool is_answer = !name.starts_with("Lambda.") && !name.starts_with("States.") && !message.starts_with("{");
    if (function.empty() || !is_answer) return failed(name, message);
    return failed(name, to_text(Value::Object{{"errorMessage", message}, {"errorType", name}}));
  }
  Value output = to_value(*result);
  if (invokes)
    output = Value::Object{{"ExecutedVersion", "$LATEST"}, {"Payload", std::move(output)}, {"StatusCode", 200}};
  return News{.output = std::move(output)};
}

News read_items(const ItemsToRead& wanted, const std::map<std::string, ObjectStore*>& buckets) {
  const auto read = [&]() -> Result<Outcome> {
    ObjectStore& store = *TRY(bucket_of(wanted.parameters, buckets));
    if (wanted.reader->format == ItemReader::Format::objects)
      return Outcome(TRY(listed_items(store, text_field(wanted.parameters, "Prefix"), wanted.items_max)));
    const std::string text =
        TRY(read_object(store, ObjectKey(text_field(wanted.parameters, "Key")), kItemFileBytesMax));
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

std::string message_of_cause(const std::string& cause) {
  if (!cause.starts_with("{")) return cause;
  const auto parsed = parse_value(cause, "a cause");
  const Value* message = parsed ? parsed->find("errorMessage") : nullptr;
  return message != nullptr && message->is_string() ? message->string() : cause;
}

}  // namespace tillite
