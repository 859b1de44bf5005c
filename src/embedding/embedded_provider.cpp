#include "embedding/embedded_provider.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "base/uuid.h"
#include "embedding/batch_files.h"
#include "embedding/vector_text.h"
#include "ports/batch_metadata.h"

namespace tillite {
namespace {

constexpr std::size_t kFileBytesMax = 200'000'000;
constexpr std::size_t kRequestsMax = 50'000;
constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;
constexpr std::string_view kBatchPartition = "PROVIDER_BATCH";
constexpr std::string_view kUploadPartition = "PROVIDER_UPLOAD";

constexpr std::string_view kFileKeyPrefix = "PROVIDER_FILE#";

ItemKey file_key(const ProviderFileId& id) { return {std::string(kFileKeyPrefix) + id.str(), "FILE"}; }
ItemKey batch_key(const ProviderBatchId& id) { return {"PROVIDER_BATCH#" + id.str(), "BATCH"}; }
ObjectKey object_key(const ProviderFileId& id) { return ObjectKey("files/" + id.str()); }

Item file_row(const ProviderFileId& id) {
  const ItemKey key = file_key(id);
  return {{"PK", key.pk}, {"SK", key.sk}, {"TYPE", "PROVIDER_FILE"}};
}

Result<ProviderBatch> parse_row(const Item& row) {
  ProviderBatch batch;
  batch.id = ProviderBatchId(TRY(string_field(row, "batch_id")));
  batch.status = TRY(parse_provider_status(TRY(string_field(row, "status"))));
  batch.input_file_id = ProviderFileId(TRY(string_field(row, "input_file_id")));
  if (const auto id = TRY(optional_string(row, "output_file_id"))) batch.output_file_id = ProviderFileId(*id);
  if (const auto id = TRY(optional_string(row, "error_file_id"))) batch.error_file_id = ProviderFileId(*id);
  const Json metadata = TRY(object_field(row, "metadata"));
  for (const auto& [name, value] : metadata.items()) batch.metadata[name] = value.get<std::string>();
  batch.error_code = TRY(optional_string(row, "error_code")).value_or("");
  batch.error_message = TRY(optional_string(row, "error_message")).value_or("");
  const auto count = [&](std::string_view name) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(TRY(optional_int(row, name)).value_or(0));
  };
  batch.requests_total = TRY(count("requests_total"));
  batch.requests_completed = TRY(count("requests_completed"));
  batch.requests_failed = TRY(count("requests_failed"));
  return batch;
}

/// Computes a batch: its output and error files, in the order of a shuffle that is always the same.
class Computation {
 public:
  explicit Computation(const Embedder& embedder) : embedder_(embedder) {}

  /// Takes in one line of the input. `invalid_input` if the whole batch must fail for it.
  Result<void> add(std::string_view line, std::size_t number) {
    const auto request = parse_request_line(line);
    if (!request) {
      const std::string id = fmt::format("line-{}", number);
      return add_error(id, "invalid_request", fmt::format("line {}: {}", number, request.error().message()));
    }
    if (!ids_.insert(request->custom_id).second) {
      return fail(Code::invalid_input, "the custom_id {} is there twice", request->custom_id.substr(0, 200));
    }
    if (ids_.size() > kRequestsMax) return fail(Code::invalid_input, "there are more than {} requests", kRequestsMax);
    readable_ = true;
    if (request->model != embedder_.model()) {
      return add_error(request->custom_id, "model_not_found",
                       fmt::format("there is no model {}, only {}", request->model, embedder_.model()));
    }
    if (request->input.empty()) return add_error(request->custom_id, "invalid_request", "the input is empty");
    return add_result(*request);
  }

  [[nodiscard]] bool has_readable() const { return readable_; }
  [[nodiscard]] std::string output() { return shuffled(output_); }
  [[nodiscard]] std::string errors() { return shuffled(errors_); }
  [[nodiscard]] std::size_t completed() const { return output_.size(); }
  [[nodiscard]] std::size_t failed() const { return errors_.size(); }

 private:
  using Lines = std::vector<std::pair<std::string, std::string>>;  // hash of the id, line

  Result<void> add_result(const BatchRequest& request) {
    const std::size_t dimensions = request.dimensions.value_or(embedder_.dimensions());
    output_.emplace_back(
        sha256_hex(request.custom_id),
        fmt::format(R"({{"id":"batch_req_{}","custom_id":{},"response":{{"status_code":200,"request_id":"req","body":)"
                    R"({{"object":"list","data":[{{"object":"embedding","index":0,"embedding":{}}}],"model":"{}",)"
                    R"("usage":{{"prompt_tokens":0,"total_tokens":0}}}}}},"error":null}})"
                    "\n",
                    output_.size(), to_text(Json(request.custom_id)),
                    vector_text(embedder_.embed(request.input, dimensions), request.base64), embedder_.model()));
    return {};
  }

  Result<void> add_error(const std::string& custom_id, std::string_view code, const std::string& message) {
    const Json line = {
        {"id", fmt::format("batch_req_error_{}", errors_.size())},
        {"custom_id", custom_id},
        {"response",
         {{"status_code", 400},
          {"request_id", "req"},
          {"body", {{"error", {{"code", code}, {"message", message}, {"type", "invalid_request_error"}}}}}}},
        {"error", nullptr}};
    errors_.emplace_back(sha256_hex(custom_id), to_text(line) + "\n");
    return {};
  }

  static std::string shuffled(Lines& lines) {
    std::ranges::sort(lines);
    std::string text;
    for (const auto& [hash, line] : lines) text += line;
    return text;
  }

  const Embedder& embedder_;
  std::set<std::string> ids_;
  bool readable_ = false;
  Lines output_;
  Lines errors_;
};

/// Feeds a file of requests to a computation.
Result<void> compute(ByteSource& input, Computation& computation) {
  LineReader lines(input, kLineBytesMax);
  while (true) {
    const auto line = TRY(lines.next());
    if (line.status == LineReader::Status::end) break;
    if (line.status == LineReader::Status::too_long) {
      return fail(Code::invalid_input, "line {} is longer than {} bytes", line.number, kLineBytesMax);
    }
    if (line.text.empty()) continue;
    TRY(computation.add(line.text, line.number));
  }
  if (!computation.has_readable()) return fail(Code::invalid_input, "no line of the input file can be read");
  return {};
}

}  // namespace

Result<ProviderFileId> EmbeddedProvider::upload(ByteSource& content, const std::string& file_name) {
  const std::string bytes = TRY(read_all(content, kFileBytesMax));
  const ProviderFileId id("file-" + uuid4(random_.bytes()));
  TRY(files_.create(object_key(id), as_bytes(bytes)));
  Item row = file_row(id);
  row.update({{"GSI1PK", kUploadPartition},
              {"GSI1SK", iso_time(clock_.now_ms()) + "#" + id.str()},
              {"name", file_name},
              {"bytes", bytes.size()}});
  TRY(table_.write(Put{std::move(row), {absent("PK")}}));
  return id;
}

Result<ProviderBatch> EmbeddedProvider::create_batch(const ProviderFileId& input_file,
                                                     const std::map<std::string, std::string>& metadata) {
  TRY(check_batch_metadata(metadata));
  const ProviderBatchId id("batch_" + uuid4(random_.bytes()));
  const ItemKey key = batch_key(id);
  Item row = {{"PK", key.pk},
              {"SK", key.sk},
              {"TYPE", "PROVIDER_BATCH"},
              {"GSI1PK", kBatchPartition},
              {"GSI1SK", iso_time(clock_.now_ms()) + "#" + id.str()},
              {"batch_id", id.str()},
              {"status", provider_status_name(ProviderStatus::validating)},
              {"input_file_id", input_file.str()},
              {"metadata", metadata}};
  // One transaction with the file's row: a batch of a deleted file cannot come to be, however late the call arrives.
  Update touch{.key = file_key(input_file), .set = {{"used_by", id.str()}}, .condition = {present("PK")}};
  const auto created = table_.transact({Put{row, {absent("PK")}}, std::move(touch)});
  if (!created && created.error().code() == Code::conflict) {
    return fail(Code::not_found, "there is no input file {}", input_file.str());
  }
  if (!created) return std::unexpected(created.error());
  return parse_row(row);
}

Result<ProviderBatch> EmbeddedProvider::row_of(const ProviderBatchId& id) {
  const auto row = TRY(table_.get(batch_key(id)));
  if (!row) return fail(Code::not_found, "the provider has no batch {}", id.str());
  return parse_row(*row);
}

Result<ProviderBatch> EmbeddedProvider::batch(const ProviderBatchId& id) {
  const ProviderBatch batch = TRY(row_of(id));
  if (batch.status == ProviderStatus::validating)
    return advance(batch, {{"status", provider_status_name(ProviderStatus::in_progress)}});
  if (batch.status == ProviderStatus::in_progress) return advance(batch, TRY(complete(batch)));
  return batch;
}

Result<ProviderBatch> EmbeddedProvider::advance(const ProviderBatch& batch, Json set) {
  const auto moved = table_.write(Update{.key = batch_key(batch.id),
                                         .set = std::move(set),
                                         .condition = {equal("status", provider_status_name(batch.status))}});
  if (!moved && moved.error().code() != Code::conflict) return std::unexpected(moved.error());
  return parse_row(*TRY(table_.get(batch_key(batch.id))));
}

Result<Json> EmbeddedProvider::complete(const ProviderBatch& batch) {
  const auto failed = [](std::string_view code, const std::string& message) -> Json {
    return {{"status", provider_status_name(ProviderStatus::failed)}, {"error_code", code}, {"error_message", message}};
  };
  const auto input = files_.open(object_key(batch.input_file_id));
  if (!input && input.error().code() == Code::not_found) return failed("file_not_found", "the input file was deleted");
  if (!input) return std::unexpected(input.error());
  Computation computation(embedder_);
  const auto computed = compute(**input, computation);
  if (!computed && computed.error().code() == Code::invalid_input) {
    return failed("invalid_input_file", computed.error().message());
  }
  if (!computed) return std::unexpected(computed.error());

  Json set = {{"status", provider_status_name(ProviderStatus::completed)},
              {"requests_total", computation.completed() + computation.failed()},
              {"requests_completed", computation.completed()},
              {"requests_failed", computation.failed()}};
  if (computation.completed() > 0)
    set["output_file_id"] = TRY(store_result(batch.id, "output", computation.output())).str();
  if (computation.failed() > 0)
    set["error_file_id"] = TRY(store_result(batch.id, "errors", computation.errors())).str();
  return set;
}

Result<ProviderFileId> EmbeddedProvider::store_result(const ProviderBatchId& batch, std::string_view name,
                                                      const std::string& content) {
  // The same id for whoever computes the batch: a second one finds the same file.
  ProviderFileId id("file-" + uuid5(fmt::format("{} {}", batch.str(), name)));
  const auto created = files_.create(object_key(id), as_bytes(content));
  if (!created && created.error().code() != Code::conflict) return std::unexpected(created.error());
  const auto recorded = table_.write(Put{file_row(id), {absent("PK")}});
  if (!recorded && recorded.error().code() != Code::conflict) return std::unexpected(recorded.error());
  return id;
}

Result<EmbeddedProvider::RowPage> EmbeddedProvider::newest(std::string_view partition, const std::string& after_pk,
                                                           std::size_t limit) {
  if (limit < 1 || limit > kListMax) {
    return fail(Code::invalid_input, "a page of {}; 1 to {} are allowed", limit, kListMax);
  }
  Query query{.index = Index::gsi1, .hash = std::string(partition), .limit = limit, .newest_first = true};
  bool found = after_pk.empty();
  RowPage page;
  while (true) {
    Page rows = TRY(table_.query(query));
    for (Item& row : rows.items) {
      if (!found) {
        found = key_of(row).pk == after_pk;
        continue;
      }
      if (page.rows.size() == limit) {
        page.has_more = true;
        return page;
      }
      page.rows.push_back(std::move(row));
    }
    if (rows.next.empty()) return page;
    query.start_after = rows.next;
  }
}

Result<ProviderBatchPage> EmbeddedProvider::list(const ProviderBatchId& after, std::size_t limit) {
  if (!after.empty()) TRY(row_of(after));
  const RowPage rows = TRY(newest(kBatchPartition, after.empty() ? "" : batch_key(after).pk, limit));
  ProviderBatchPage page{.has_more = rows.has_more};
  for (const Item& row : rows.rows) page.batches.push_back(TRY(parse_row(row)));
  return page;
}

Result<ProviderFilePage> EmbeddedProvider::list_files(const ProviderFileId& after, std::size_t limit) {
  if (!after.empty() && !TRY(table_.get(file_key(after)))) {
    return fail(Code::not_found, "the provider has no file {}", after.str());
  }
  const RowPage rows = TRY(newest(kUploadPartition, after.empty() ? "" : file_key(after).pk, limit));
  ProviderFilePage page{.has_more = rows.has_more};
  for (const Item& row : rows.rows) {
    ProviderFile& file = page.files.emplace_back();
    file.id = ProviderFileId(key_of(row).pk.substr(kFileKeyPrefix.size()));
    file.name = TRY(optional_string(row, "name")).value_or("");
    file.bytes = static_cast<std::uint64_t>(TRY(optional_int(row, "bytes")).value_or(0));
  }
  return page;
}

Result<void> EmbeddedProvider::cancel(const ProviderBatchId& id) {
  const ProviderBatch batch = TRY(row_of(id));
  if (batch.status == ProviderStatus::validating || batch.status == ProviderStatus::in_progress) {
    TRY(advance(batch, {{"status", provider_status_name(ProviderStatus::cancelled)}}));
  }
  return {};
}

Result<std::unique_ptr<ByteSource>> EmbeddedProvider::download(const ProviderFileId& id) {
  auto source = files_.open(object_key(id));
  if (!source && source.error().code() == Code::not_found)
    return fail(Code::not_found, "the provider has no file {}", id.str());
  return source;
}

Result<void> EmbeddedProvider::delete_file(const ProviderFileId& id) {
  TRY(table_.write(Erase{file_key(id)}));  // the row decides whether a batch may still be created
  return files_.remove(object_key(id));
}

}  // namespace tillite
