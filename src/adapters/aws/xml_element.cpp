#include "adapters/aws/xml_element.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tillite {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 7> kEntities = {
    {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}}};

}  // namespace

std::optional<std::string> xml_element_text(std::string_view xml, std::string_view name) {
  const std::string opening = fmt::format("<{}>", name);
  const std::size_t begin = xml.find(opening);
  if (begin == std::string_view::npos) return std::nullopt;
  xml.remove_prefix(begin + opening.size());
  const std::size_t end = xml.find('<');
  if (end == std::string_view::npos || !xml.substr(end).starts_with(fmt::format("</{}>", name))) return std::nullopt;
  std::string text;
  for (xml = xml.substr(0, end); !xml.empty();) {
    if (xml.front() != '&') {
      text += xml.front();
      xml.remove_prefix(1);
      continue;
    }
    const auto* const entity = std::ranges::find_if(kEntities, [&](const auto& e) { return xml.starts_with(e.first); });
    if (entity == kEntities.end()) return std::nullopt;
    text += entity->second;
    xml.remove_prefix(entity->first.size());
  }
  return text;
}

}  // namespace tillite
