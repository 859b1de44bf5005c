#include "ports/object_store.h"

#include <algorithm>

namespace tillite {

Result<std::string> read_object(ObjectStore& store, const ObjectKey& key, std::size_t bytes_max) {
  const auto source = TRY(store.open(key));
  auto content = read_all(*source, bytes_max);
  if (!content) return pass_on(content, key.str());
  return content;
}

Result<std::vector<ObjectInfo>> list_all(ObjectStore& store, const std::string& prefix) {
  constexpr std::size_t kPage = 1000;
  std::vector<ObjectInfo> all;
  while (true) {
    auto page = TRY(store.list(prefix, all.empty() ? std::string() : all.back().key.str(), kPage));
    const bool last = page.size() < kPage;
    std::ranges::move(page, std::back_inserter(all));
    if (last) return all;
  }
}

Result<void> check_key(const ObjectKey& key) {
  const std::string& text = key.str();
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '=' || c == '-';
  };
  bool valid = !text.empty() && text.size() <= 900;
  for (std::size_t start = 0; valid && start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const std::string_view part = std::string_view(text).substr(start, end - start);
    valid = !part.empty() && part != "." && part != ".." && std::ranges::all_of(part, allowed);
    start = end + 1;
  }
  if (!valid) return fail(Code::invalid_input, "'{}' cannot be the key of an object", text.substr(0, 200));
  return {};
}

}  // namespace tillite
