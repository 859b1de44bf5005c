#include "app/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace tillite {
namespace {

constexpr std::int64_t kLinesIntervalMs = 1000;
constexpr std::int64_t kTerminalIntervalMs = 100;

std::string text_of(const Progress::Counts& counts) {
  const std::string expected = counts.expected > 0 ? fmt::format(" of {}", counts.expected) : "";
  return fmt::format("{} items found, {} batches made, {} submitted, {}{} items embedded, {} merged", counts.found,
                     counts.batched, counts.submitted, counts.embedded, expected, counts.merged);
}

/// A line that is wider than the terminal would wrap, and its upper part could not be rewritten.
std::string fitted(std::string text) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return text;
  return text.substr(0, size.ws_col - std::size_t{1});
}

bool concerns_all(Code code) { return code == Code::no_space || code == Code::permission || code == Code::unsupported; }

std::int64_t number(const Json& result, const char* name) {
  const Json* field = find_field(result, name);
  return field != nullptr && field->is_number_integer() ? field->get<std::int64_t>() : 0;
}

}  // namespace

void Progress::expect(std::int64_t items) {
  const std::scoped_lock lock(mutex_);
  counts_.expected = items;
  shown_.expected = items;  // no news by itself
}

void Progress::step_ended(std::string_view function_name, const Result<Json>& result) {
  const std::scoped_lock lock(mutex_);
  if (result) {
    count(function_name, *result);
    show(false);
  } else if (concerns_all(result.error().code()) && !common_error_) {
    common_error_ = result.error();
  }
}

void Progress::count(std::string_view function_name, const Json& result) {
  if (function_name.ends_with("-find")) {
    counts_.found += number(result, "items_total");
    counts_.batched += number(result, "batches_total");
  } else if (function_name.ends_with("-submit")) {
    const std::string action = result.value("action", "");
    if (action == "submitted") ++counts_.submitted;
    const auto tokens = static_cast<std::uint64_t>(number(result, "token_count"));
    if (tokens > 0 && action == "submitted") counts_.sent[result.value("model", "")].batched += tokens;
    if (tokens > 0 && action == "delivered") counts_.sent[result.value("model", "")].called += tokens;
    counts_.embedded += number(result, "embedding_count");  // those that needed no batch of the provider's
  } else if (function_name.ends_with("-poll")) {
    counts_.embedded += number(result, "embedding_count");
  } else if (function_name.ends_with("-compact")) {
    counts_.merged += number(result, "embeddings_processed");
  }
}

std::uint64_t Progress::Counts::tokens_sent() const {
  std::uint64_t tokens = 0;
  for (const auto& [model, of_model] : sent) tokens += of_model.batched + of_model.called;
  return tokens;
}

void Progress::finish() {
  const std::scoped_lock lock(mutex_);
  show(true);
  if (line_open_) std::fputc('\n', stdout);
  line_open_ = false;
  std::fflush(stdout);
}

std::optional<Error> Progress::common_error() {
  const std::scoped_lock lock(mutex_);
  return common_error_;
}

Progress::Counts Progress::counts() {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

void Progress::show(bool last) {
  if (form_ == Form::silent || counts_ == shown_) return;
  const std::int64_t now_ms = clock_.steady_ms();
  const std::int64_t interval_ms = form_ == Form::terminal ? kTerminalIntervalMs : kLinesIntervalMs;
  if (!last && shown_ms_ != 0 && now_ms - shown_ms_ < interval_ms) return;
  const std::string text = text_of(counts_);
  if (form_ == Form::terminal) {
    std::fputs(("\r\x1b[K" + fitted(text)).c_str(), stdout);
    line_open_ = true;
  } else {
    std::fputs((text + "\n").c_str(), stdout);
  }
  std::fflush(stdout);
  shown_ = counts_;
  shown_ms_ = now_ms;
}

}  // namespace tillite
