#include "emulator/service/api.h"

#include <algorithm>
#include <array>

#include "base/percent_coding.h"
#include "base/text.h"
#include "emulator/embeddings/embedding_response.h"
#include "emulator/service/answers.h"

namespace tillite {
namespace {

constexpr std::size_t kFilesDefault = 10'000;
constexpr std::size_t kBatchesDefault = 20;
constexpr std::size_t kBatchesMax = 100;
constexpr std::size_t kInputsInMemory = 64;  // an answer to more goes by way of the disk
constexpr std::size_t kRequestsPerMinute = 3000;
constexpr std::size_t kTokensPerMinute = 1'000'000;
constexpr std::size_t kMsPerMinute = 60'000;

struct Pattern {
  std::string_view method;
  std::string_view path;  ///< "{id}" stands for one part
  Route::Call call;
};
constexpr std::array kPatterns = {
    Pattern{"POST", "/v1/files", Route::Call::create_file},
    Pattern{"GET", "/v1/files", Route::Call::list_files},
    Pattern{"GET", "/v1/files/{id}", Route::Call::retrieve_file},
    Pattern{"GET", "/v1/files/{id}/content", Route::Call::file_content},
    Pattern{"DELETE", "/v1/files/{id}", Route::Call::delete_file},
    Pattern{"POST", "/v1/batches", Route::Call::create_batch},
    Pattern{"GET", "/v1/batches", Route::Call::list_batches},
    Pattern{"GET", "/v1/batches/{id}", Route::Call::retrieve_batch},
    Pattern{"POST", "/v1/batches/{id}/cancel", Route::Call::cancel_batch},
    Pattern{"POST", "/v1/embeddings", Route::Call::create_embeddings},
    Pattern{"GET", "/v1/models", Route::Call::list_models},
};

/// The part that stands where the pattern has {id}; an empty text if the pattern has none; nothing if it is another
/// path.
std::optional<std::string_view> match(std::string_view path, std::string_view pattern) {
  constexpr std::string_view kId = "{id}";
  const std::size_t at = pattern.find(kId);
  if (at == std::string_view::npos) return path == pattern ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, at);
  const std::string_view after = pattern.substr(at + kId.size());
  if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) {
    return std::nullopt;
  }
  const std::string_view id = path.substr(before.size(), path.size() - before.size() - after.size());
  return id.find('/') == std::string_view::npos ? std::optional(id) : std::nullopt;
}

std::string text_in(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

class StringSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text_ += as_text(bytes);
    return {};
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// As if nothing else had been asked for in this minute: limits are shown, not enforced.
void add_limits(ServerResponse& response, std::string_view what, std::size_t per_minute, std::size_t used) {
  response.fields.push_back({fmt::format("x-ratelimit-limit-{}", what), std::to_string(per_minute)});
  response.fields.push_back({fmt::format("x-ratelimit-remaining-{}", what), std::to_string(per_minute - used)});
  response.fields.push_back(
      {fmt::format("x-ratelimit-reset-{}", what), fmt::format("{}ms", used * kMsPerMinute / per_minute)});
}

}  // namespace

Route route_of(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Pattern& pattern : kPatterns) {
    if (pattern.method != method) continue;
    const auto id = match(path, pattern.path);
    if (!id) continue;
    const auto decoded = percent_decode(*id);
    if (!decoded || !is_utf8(*decoded)) continue;
    return {.call = pattern.call, .operation = fmt::format("{} {}", pattern.method, pattern.path), .id = *decoded};
  }
  return {.operation = "unknown"};
}

ApiResult<ServerResponse> OpenAiApi::handle(const Route& route, const ServerRequest& request) {
  switch (route.call) {
    case Route::Call::list_files:
      return list_files(request);
    case Route::Call::retrieve_file:
      return json_response(200, TRY(files_.find(route.id)).object());
    case Route::Call::file_content:
      return file_content(route.id, request);
    case Route::Call::delete_file:
      TRY(files_.remove(route.id));
      return json_response(200, {{"object", "file"}, {"id", route.id}, {"deleted", true}});
    case Route::Call::create_batch:
      return create_batch(request);
    case Route::Call::list_batches:
      return list_batches(request);
    case Route::Call::retrieve_batch:
      return json_response(200, TRY(batches_.find(route.id)).object());
    case Route::Call::cancel_batch: {
      const EmulatedBatch batch = TRY(batches_.cancel(route.id));
      batch_changed_();
      return json_response(200, batch.object());
    }
    case Route::Call::create_embeddings:
      return create_embeddings(request);
    case Route::Call::list_models:
      return list_models();
    case Route::Call::create_file:
    case Route::Call::unknown:
      break;
  }
  return std::unexpected(
      no_such_url(request.method, std::string_view(request.target).substr(0, request.target.find('?'))));
}

ApiResult<ServerResponse> OpenAiApi::list_files(const ServerRequest& request) {
  const auto query = query_of(request.target);
  const std::string order = text_in(query, "order");
  if (!order.empty() && order != "asc" && order != "desc") {
    return std::unexpected(invalid_value("order", order, "'asc' and 'desc'"));
  }
  const std::size_t limit = TRY(limit_in(query, kFilesDefault, kFilesDefault));
  const FilePage page = TRY(files_.list({.after = text_in(query, "after"),
                                         .limit = limit,
                                         .newest_first = order != "asc",
                                         .purpose = text_in(query, "purpose")}));
  Json data = Json::array();
  for (const StoredFile& file : page.files) data.push_back(file.object());
  return json_response(200, list_object(std::move(data), page.has_more));
}

ApiResult<ServerResponse> OpenAiApi::file_content(const std::string& id, const ServerRequest& request) {
  const StoredFile file = TRY(files_.find(id));
  const auto range = parse_range(request.field("range"), file.bytes);
  ServerResponse response;
  response.content_type = "application/octet-stream";
  response.fields.push_back({"accept-ranges", "bytes"});
  if (!range) {
    response.status = 416;
    response.fields.push_back({"content-range", fmt::format("bytes */{}", file.bytes)});
    return response;
  }
  const ByteRange part = range->value_or(ByteRange{.offset = 0, .bytes = file.bytes});
  if (*range) {
    response.status = 206;
    response.fields.push_back(
        {"content-range", fmt::format("bytes {}-{}/{}", part.offset, part.offset + part.bytes - 1, file.bytes)});
  }
  response.fields.push_back(
      {"content-disposition", fmt::format("attachment; filename=\"{}\"", percent_encode(file.name))});
  auto content = TRY(files_.open_content(file, part));
  response.stream.emplace(StreamedBody{.source = std::move(content), .bytes = part.bytes});
  return response;
}

ApiResult<ServerResponse> OpenAiApi::create_batch(const ServerRequest& request) {
  const EmulatedBatch batch = TRY(batches_.create(TRY(parse_create_batch(TRY(json_body(request))))));
  batch_changed_();
  return json_response(200, batch.object());
}

ApiResult<ServerResponse> OpenAiApi::list_batches(const ServerRequest& request) {
  const auto query = query_of(request.target);
  const std::size_t limit = TRY(limit_in(query, kBatchesDefault, kBatchesMax));
  const BatchPage page = TRY(batches_.list(text_in(query, "after"), limit));
  Json data = Json::array();
  for (const EmulatedBatch& batch : page.batches) data.push_back(batch.object());
  return json_response(200, list_object(std::move(data), page.has_more));
}

ApiResult<ServerResponse> OpenAiApi::create_embeddings(const ServerRequest& request) {
  const EmbeddingRequest asked = TRY(parse_embedding_request(TRY(json_body(request)), models_));
  ServerResponse response;
  response.content_type = "application/json";
  if (asked.inputs.size() <= kInputsInMemory) {
    StringSink sink;
    TRY(write_embedding_response(asked, VectorFault::none, sink));
    response.body = sink.take();
  } else {
    const ScratchFolder folder = TRY(ScratchFolder::create(scratch_));
    const Path path = folder.path() / "answer";
    FileSink sink(TRY(File::create(path)));
    TRY(write_embedding_response(asked, VectorFault::none, sink));
    TRY(sink.flush());
    auto source = TRY(file_source(path));
    response.stream.emplace(StreamedBody{.source = std::move(source), .bytes = sink.position()});
  }
  statistics_.count_embedded(asked.inputs.size(), asked.tokens);
  add_limits(response, "requests", kRequestsPerMinute, 1);
  add_limits(response, "tokens", kTokensPerMinute, asked.tokens);
  return response;
}

ServerResponse OpenAiApi::list_models() const {
  Json data = Json::array();
  for (const ServedModel& model : models_.models()) {
    data.push_back({{"id", model.name}, {"object", "model"}, {"created", 0}, {"owned_by", "tillite"}});
  }
  return json_response(200, {{"object", "list"}, {"data", data}});
}

}  // namespace tillite
