#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tillite {

/// Overwrites a text, in a way that is not optimised away, and empties it.
void wipe(std::string& text);

/// A text that is shown to nobody: it has no form for fmt, streams and JSON, it is not copied, and its memory is
/// overwritten when it goes. Whoever must send it says reveal(), which is easy to search for.
class Secret {
 public:
  Secret() = default;
  /// Takes the text, and overwrites where it came from.
  explicit Secret(std::string&& text);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view reveal() const { return {text_.get(), size_}; }

 private:
  std::unique_ptr<char[]> text_;  // not std::string, whose short texts stay behind when it is moved
  std::size_t size_ = 0;
};

/// A text of others with every piece of the secret in it (of six characters or more; all of a shorter secret that has
/// at least four) replaced by "[hidden]": servers repeat parts of the keys that they refuse.
[[nodiscard]] std::string without_secret(std::string_view text, const Secret& secret);

/// A text of others with every key in it, whoever's it is, as "sk-[hidden]": keys of OpenAI's begin with "sk-", and it
/// repeats those that it refuses ("sk-proj-ab****yz").
[[nodiscard]] std::string without_keys(std::string text);

/// From here on the kernel writes no core file of this process, and processes of the same user cannot read its memory
/// or environment. For programs that hold a secret. Children that run another program are as before.
void keep_process_private();

}  // namespace tillite
