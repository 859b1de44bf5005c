#include "base/secret.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kPieceBytesMin = 6;
constexpr std::size_t kSecretBytesMin = 4;  // a shorter one is no secret, and would blot out half of every text
constexpr std::string_view kHidden = "[hidden]";

/// How long the longest piece of `secret` is that `text` begins with.
std::size_t piece_at_front(std::string_view text, std::string_view secret) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < secret.size(); ++begin) {
    const std::string_view rest = secret.substr(begin, text.size());
    const auto equal = std::ranges::mismatch(rest, text).in1 - rest.begin();
    longest = std::max(longest, static_cast<std::size_t>(equal));
  }
  return longest;
}

}  // namespace

void wipe(std::string& text) {
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string&& text) : text_(std::make_unique<char[]>(text.size())), size_(text.size()) {
  std::ranges::copy(text, text_.get());
  wipe(text);
}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(text_, other.text_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  if (text_) ::explicit_bzero(text_.get(), size_);
}

std::string without_secret(std::string_view text, const Secret& secret) {
  const std::string_view key = secret.reveal();
  if (key.size() < kSecretBytesMin) return std::string(text);
  const std::size_t least = std::min(key.size(), kPieceBytesMin);
  std::string clean;
  while (!text.empty()) {
    const std::size_t piece = piece_at_front(text, key);
    const bool hides = piece >= least;
    clean += hides ? kHidden : text.substr(0, 1);
    text.remove_prefix(hides ? piece : 1);
  }
  return clean;
}

std::string without_keys(std::string text) {
  constexpr std::string_view mark = "sk-";
  constexpr std::string_view more = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-*";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + mark.size())) {
    const bool is_begin = at == 0 || !more.contains(text[at - 1]);
    const std::size_t begin = at + mark.size();
    const std::size_t end = std::min(text.find_first_not_of(more, begin), text.size());
    if (is_begin && end > begin) text.replace(begin, end - begin, "[hidden]");
  }
  return text;
}

void keep_process_private() { check(::prctl(PR_SET_DUMPABLE, 0) == 0, "the kernel can be told to write no core file"); }

}  // namespace tillite
