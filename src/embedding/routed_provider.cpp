#include "embedding/routed_provider.h"

#include <algorithm>
#include <cstring>

#include "embedding/batch_files.h"

namespace tillite {
namespace {

constexpr std::size_t kFrontBytes = std::size_t{1} << 20;  // a request is smaller

/// The bytes that were read already, and those behind them.
class ReadAgain final : public ByteSource {
 public:
  ReadAgain(std::string front, ByteSource& rest) : front_(std::move(front)), rest_(rest) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (at_ == front_.size()) return rest_.read(buffer);
    const std::size_t size = std::min(buffer.size(), front_.size() - at_);
    std::memcpy(buffer.data(), front_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::string front_;
  std::size_t at_ = 0;
  ByteSource& rest_;
};

/// The front of a source, at least its first line if that is no longer than kFrontBytes.
Result<std::string> read_front(ByteSource& source) {
  std::string front(kFrontBytes, '\0');
  std::size_t size = 0;
  while (size < front.size() && std::string_view(front).substr(0, size).find('\n') == std::string_view::npos) {
    const std::size_t read = TRY(source.read(std::as_writable_bytes(std::span(front).subspan(size))));
    if (read == 0) break;
    size += read;
  }
  front.resize(size);
  return front;
}

bool is_unknown(const Error& error) { return error.code() == Code::not_found; }

/// A page of both lists: the remote one follows the local one.
template <typename Id, typename Local, typename Remote, typename IsEmpty>
auto page_of_both(const Id& after, Local local, Remote remote, IsEmpty is_empty) -> decltype(local(after)) {
  auto page = local(after);
  if (!page && is_unknown(page.error())) return remote(after);
  if (page && is_empty(*page)) return remote(Id());  // `after` is the last local one, or there are none
  if (page) page->has_more = true;
  return page;
}

}  // namespace

Result<ProviderFileId> RoutedProvider::upload(ByteSource& content, const std::string& file_name) {
  std::string front = TRY(read_front(content));
  const auto request = parse_request_line(std::string_view(front).substr(0, front.find('\n')));
  const bool is_local = request && request->model == local_model_;
  ReadAgain whole(std::move(front), content);
  return (is_local ? local_ : remote_).upload(whole, file_name);
}

Result<ProviderBatch> RoutedProvider::create_batch(const ProviderFileId& input_file,
                                                   const std::map<std::string, std::string>& metadata) {
  const auto file = local_.download(input_file);
  if (!file && !is_unknown(file.error())) return std::unexpected(file.error());
  return (file ? local_ : remote_).create_batch(input_file, metadata);
}

Result<ProviderBatch> RoutedProvider::batch(const ProviderBatchId& id) {
  auto batch = local_.batch(id);
  if (batch || !is_unknown(batch.error())) return batch;
  return remote_.batch(id);
}

Result<ProviderBatchPage> RoutedProvider::list(const ProviderBatchId& after, std::size_t limit) {
  return page_of_both(
      after, [&](const ProviderBatchId& from) { return local_.list(from, limit); },
      [&](const ProviderBatchId& from) { return remote_.list(from, limit); },
      [](const ProviderBatchPage& page) { return page.batches.empty(); });
}

Result<ProviderFilePage> RoutedProvider::list_files(const ProviderFileId& after, std::size_t limit) {
  return page_of_both(
      after, [&](const ProviderFileId& from) { return local_.list_files(from, limit); },
      [&](const ProviderFileId& from) { return remote_.list_files(from, limit); },
      [](const ProviderFilePage& page) { return page.files.empty(); });
}

Result<void> RoutedProvider::cancel(const ProviderBatchId& id) {
  const auto cancelled = local_.cancel(id);
  if (cancelled || !is_unknown(cancelled.error())) return cancelled;
  return remote_.cancel(id);
}

Result<std::unique_ptr<ByteSource>> RoutedProvider::download(const ProviderFileId& id) {
  auto file = local_.download(id);
  if (file || !is_unknown(file.error())) return file;
  return remote_.download(id);
}

Result<void> RoutedProvider::delete_file(const ProviderFileId& id) {
  const auto file = local_.download(id);
  if (!file && !is_unknown(file.error())) return std::unexpected(file.error());
  return (file ? local_ : remote_).delete_file(id);
}

}  // namespace tillite
