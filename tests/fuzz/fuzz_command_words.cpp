#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/tasks/command_task.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = tillite::command_words(text);
  if (!words) return 0;
  std::size_t bytes = 0;
  for (const std::string& word : *words) bytes += word.size();
  tillite::check(!words->empty() && bytes <= text.size(), "words are parts of their text");
  return 0;
}
