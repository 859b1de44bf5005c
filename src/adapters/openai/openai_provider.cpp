#include "adapters/openai/openai_provider.h"

#include <array>

#include "adapters/openai/multipart.h"
#include "adapters/openai/openai_answers.h"
#include "adapters/openai/openai_download.h"
#include "base/json.h"
#include "base/percent_coding.h"
#include "base/text.h"
#include "base/uuid.h"
#include "ports/batch_metadata.h"

namespace tillite {
namespace {

constexpr std::uint64_t kListBytesMax = std::uint64_t{16} << 20;  // 100 batches with full metadata are 1.6 MB

/// Copies a source to a file; its length. `limit_exceeded` above what the provider takes.
Result<std::uint64_t> spool(ByteSource& content, const Path& path) {
  FileSink sink(TRY(File::create(path)));
  std::vector<std::byte> buffer(std::size_t{1} << 16);
  while (const std::size_t got = TRY(content.read(buffer))) {
    TRY(sink.write(std::span(buffer).first(got)));
    if (sink.position() > OpenAiProvider::kFileBytesMax) {
      return fail(Code::limit_exceeded, "the file for the provider has more than {} bytes: lower BATCH_ITEMS_MAX",
                  OpenAiProvider::kFileBytesMax);
    }
  }
  TRY(sink.flush());
  return sink.position();
}

/// The provider takes no other ending.
std::string jsonl_name(const std::string& name) {
  return name.ends_with(".jsonl") ? name : name.substr(0, name.rfind('.')) + ".jsonl";
}

/// With the provider's words as they may be shown: they go into rows, logs and reports.
ProviderBatch presentable(ProviderBatch batch, const Secret& key) {
  batch.error_code = tillite::presentable(batch.error_code, key);
  batch.error_message = tillite::presentable(batch.error_message, key);
  return batch;
}

std::string file_path(const ProviderFileId& id) { return "/files/" + percent_encode(id.str()); }
std::string batch_path(const ProviderBatchId& id) { return "/batches/" + percent_encode(id.str()); }

}  // namespace

Result<ProviderFileId> OpenAiProvider::upload(ByteSource& content, const std::string& file_name) {
  const ScratchFolder scratch = TRY(ScratchFolder::create(client_.settings().scratch));
  const Path path = scratch.path() / "upload.jsonl";
  const std::uint64_t bytes = TRY(spool(content, path));
  const Multipart form("tillite-" + uuid4(client_.random().bytes()), "purpose", "batch", jsonl_name(file_name));
  const auto answer = client_.call({
      .method = "POST",
      .path = "/files",
      .headers = {{"Content-Type", form.content_type()}},
      .make_body = [&]() -> Result<std::unique_ptr<ByteSource>> { return form.around(TRY(file_source(path))); },
      .body_bytes = form.bytes(bytes),
      .timeout_ms = client_.settings().timeouts.upload_ms,
      .idle_timeout_ms = client_.settings().timeouts.upload_idle_ms,
  });
  if (!answer && answer.error().code() == Code::limit_exceeded) {
    return pass_on(answer, fmt::format("a file of {} bytes is too large for the provider (BATCH_ITEMS_MAX)", bytes));
  }
  if (!answer) return std::unexpected(answer.error());
  const OpenAiFile file = TRY(parse_file_answer(answer->response.body));
  const bool is_whole = file.bytes.value_or(bytes) == bytes;
  if (is_whole && file.status != "error") return file.id;
  static_cast<void>(delete_file(file.id));  // at best; what stays is garbage at the provider
  if (!is_whole) {
    return fail(Code::unavailable, "POST /files: of {} bytes {} have arrived", bytes, file.bytes.value_or(0));
  }
  return fail(Code::invalid_input, "POST /files: the provider cannot use the file {}", file.id.str());
}

Result<ProviderBatch> OpenAiProvider::create_batch(const ProviderFileId& input_file,
                                                   const std::map<std::string, std::string>& metadata) {
  TRY(check_batch_metadata(metadata));
  const auto answer = client_.call({.method = "POST",
                                    .path = "/batches",
                                    .body = to_text({{"input_file_id", input_file.str()},
                                                     {"endpoint", "/v1/embeddings"},
                                                     {"completion_window", "24h"},
                                                     {"metadata", metadata}}),
                                    .repeat = OpenAiClient::Repeat::if_undone});
  if (answer) return presentable(TRY(parse_batch_answer(answer->response.body)), client_.settings().api_key);
  if (answer.error().code() != Code::invalid_input) return std::unexpected(answer.error());
  // Some servers find a file that is not there an invalid parameter.
  const auto file = client_.call({.path = file_path(input_file)});
  const bool is_gone = !file && file.error().code() == Code::not_found;
  return std::unexpected(is_gone ? file.error() : answer.error());
}

Result<ProviderBatch> OpenAiProvider::batch(const ProviderBatchId& id) {
  const auto answer = TRY(client_.call({.path = batch_path(id)}));
  return presentable(TRY(parse_batch_answer(answer.response.body)), client_.settings().api_key);
}

Result<ProviderBatchPage> OpenAiProvider::list(const ProviderBatchId& after, std::size_t limit) {
  if (limit == 0 || limit > kListMax) {
    return fail(Code::invalid_input, "a page of {} batches; 1 to {} are allowed", limit, kListMax);
  }
  std::string path = fmt::format("/batches?limit={}", limit);
  if (!after.empty()) path += "&after=" + percent_encode(after.str());
  const auto answer = client_.call({.path = path, .response_bytes_max = kListBytesMax});
  if (answer) {
    ProviderBatchPage page = TRY(parse_batch_list(answer->response.body));
    for (ProviderBatch& batch : page.batches) batch = presentable(std::move(batch), client_.settings().api_key);
    return page;
  }
  // The limit was checked: what can be wrong with the request is the batch to go on after.
  const bool is_lost = !after.empty() && answer.error().code() == Code::invalid_input;
  return std::unexpected(is_lost ? Error(Code::not_found, answer.error().message()) : answer.error());
}

Result<void> OpenAiProvider::cancel(const ProviderBatchId& id) {
  const auto answer = client_.call({.method = "POST", .path = batch_path(id) + "/cancel"});
  if (answer) return {};
  const Code code = answer.error().code();
  if (code != Code::conflict && code != Code::invalid_input) return std::unexpected(answer.error());
  // One that has ended cannot be cancelled, and need not be.
  const ProviderBatch now = TRY(batch(id));
  if (has_ended(now.status) || now.status == ProviderStatus::cancelling) return {};
  return std::unexpected(answer.error());
}

Result<std::unique_ptr<ByteSource>> OpenAiProvider::download(const ProviderFileId& id) {
  return TRY(OpenAiDownload::open(client_, id));
}

Result<ProviderFilePage> OpenAiProvider::list_files(const ProviderFileId& after, std::size_t limit) {
  if (limit == 0 || limit > kListMax) {
    return fail(Code::invalid_input, "a page of {} files; 1 to {} are allowed", limit, kListMax);
  }
  std::string path = fmt::format("/files?purpose=batch&limit={}", limit);
  if (!after.empty()) path += "&after=" + percent_encode(after.str());
  const auto answer = client_.call({.path = path, .response_bytes_max = kListBytesMax});
  if (answer) return parse_file_list(answer->response.body);
  const bool is_lost = !after.empty() && answer.error().code() == Code::invalid_input;
  return std::unexpected(is_lost ? Error(Code::not_found, answer.error().message()) : answer.error());
}

Result<void> OpenAiProvider::delete_file(const ProviderFileId& id) {
  const auto answer = client_.call({.method = "DELETE", .path = file_path(id)});
  if (!answer && answer.error().code() != Code::not_found) return std::unexpected(answer.error());
  return {};
}

}  // namespace tillite
