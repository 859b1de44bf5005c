#include "adapters/openai/openai_download.h"

#include <algorithm>

#include "adapters/openai/openai_answers.h"
#include "adapters/remote/content_range.h"
#include "base/number_text.h"
#include "base/percent_coding.h"

namespace tillite {

OpenAiDownload::OpenAiDownload(OpenAiClient& client, const ProviderFileId& file)
    : client_(client), path_("/files/" + percent_encode(file.str())) {}

Result<std::unique_ptr<OpenAiDownload>> OpenAiDownload::open(OpenAiClient& client, const ProviderFileId& file) {
  std::unique_ptr<OpenAiDownload> download(new OpenAiDownload(client, file));
  TRY(download->connect());
  return download;
}

Result<std::size_t> OpenAiDownload::read(std::span<std::byte> buffer) {
  while (true) {
    if (!answer_) TRY(connect());
    const std::uint64_t wanted = known_ > 0 ? std::min<std::uint64_t>(known_, buffer.size()) : buffer.size();
    const auto got = answer_->stream->read(buffer.first(static_cast<std::size_t>(wanted)));
    if (got && *got > 0 && known_ > 0) {
      known_ -= *got;
      continue;
    }
    if (got && *got > 0) {
      delivered_ += *got;
      failures_ = 0;
      return got;
    }
    if (got && known_ == 0 && TRY(is_complete())) return 0;
    TRY(prepare_retry(
        got ? Error(Code::unavailable, fmt::format("GET {}/content: it ended after {} bytes", path_, delivered_))
            : got.error()));
  }
}

Result<void> OpenAiDownload::connect() {
  OpenAiClient::Call call{.path = path_ + "/content", .streams = true, .response_bytes_max = std::uint64_t{1} << 40};
  const bool goes_on = delivered_ > 0 && knows_range_;
  if (goes_on) call.headers.emplace_back("Range", fmt::format("bytes={}-", delivered_));
  if (goes_on && !etag_.empty()) call.headers.emplace_back("If-Range", etag_);
  auto answer = client_.call(call);
  if (!answer && goes_on && answer.error().code() == Code::invalid_input) {
    knows_range_ = false;
    return connect();
  }
  answer_ = TRY(std::move(answer));
  known_ = 0;
  const HttpResponse& head = answer_->response;
  if (const auto etag = head.header("etag"); etag && !etag->starts_with("W/")) {
    // Of another content nothing fits to what was read already.
    if (delivered_ > 0 && !etag_.empty() && etag_ != *etag) {
      return fail(Code::corrupt, "GET {}/content: it has changed while it was read", path_);
    }
    etag_ = *etag;
  }
  if (head.status == 206) {
    const auto range = parse_content_range(head.header("content-range").value_or(""));
    if (!goes_on || !range || range->first != delivered_) {
      return fail(Code::corrupt, "GET {}/content: another part came than was asked for", path_);
    }
    return note_length(range->length);
  }
  if (const auto length = head.header("content-length")) TRY(note_length(parse_natural_number(*length)));
  known_ = delivered_;
  return {};
}

Result<void> OpenAiDownload::note_length(std::optional<std::uint64_t> bytes) {
  if (!bytes) return {};
  if (length_.value_or(*bytes) != *bytes || *bytes < delivered_) {
    return fail(Code::corrupt, "GET {}/content: it has {} bytes now, {} before", path_, *bytes,
                length_.value_or(delivered_));
  }
  length_ = bytes;
  return {};
}

Result<bool> OpenAiDownload::is_complete() {
  answer_.reset();  // what follows is a call of its own
  if (!length_) {
    const auto answer = client_.call({.path = path_});
    if (!answer && answer.error().retryable()) return std::unexpected(answer.error());
    // A server that knows neither the length nor the file's facts leaves nothing to compare with.
    const auto file = answer ? parse_file_answer(answer->response.body) : std::unexpected(answer.error());
    length_ = file ? file->bytes.value_or(delivered_) : delivered_;
  }
  return delivered_ >= *length_;
}

Result<void> OpenAiDownload::prepare_retry(const Error& error) {
  answer_.reset();
  if (error.code() != Code::unavailable && error.code() != Code::timed_out) return std::unexpected(error);
  client_.note_broken_stream(error);
  if (++failures_ >= client_.settings().retries.attempts_max) return std::unexpected(error);
  client_.log().warning("a download broke off and goes on",
                        {{"path", path_}, {"bytes", delivered_}, {"error", error.message()}});
  return client_.pause_before(failures_ + 1);
}

}  // namespace tillite
