#include "workflow/json_path.h"

#include <algorithm>
#include <charconv>

namespace tillite {
namespace {

constexpr std::size_t kPathBytesMax = 1024;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void collect_descendants(const Json& value, std::vector<const Json*>& found) {
  found.push_back(&value);
  if (!value.is_structured()) return;
  for (const Json& child : value) collect_descendants(child, found);
}

/// An index counted from the end if it is below 0; nothing outside the list.
std::optional<std::size_t> place_of(std::int64_t index, std::size_t size) {
  if (index < 0) index += static_cast<std::int64_t>(size);
  if (index < 0 || index >= static_cast<std::int64_t>(size)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(Code::invalid_input, "'{}' is not a JSONPath: {}", text.substr(0, 200), why);
  };
  if (text.size() > kPathBytesMax) return wrong("it is too long");
  if (!text.starts_with('$')) return wrong("it must begin with $");
  JsonPath path;
  path.text_ = text;
  for (std::size_t i = 1; i < text.size();) {
    if (text[i] == '.') {
      ++i;
      if (i < text.size() && text[i] == '.') {
        path.steps_.push_back({.kind = Step::Kind::descend});
        ++i;
        if (i < text.size() && text[i] == '[') continue;
      }
      if (i < text.size() && text[i] == '*') {
        path.steps_.push_back({.kind = Step::Kind::wildcard});
        ++i;
        continue;
      }
      const std::size_t begin = i;
      while (i < text.size() && is_name_character(text[i])) ++i;
      if (i == begin) return wrong("a name is missing behind a dot");
      path.steps_.push_back({.kind = Step::Kind::field, .name = std::string(text.substr(begin, i - begin))});
    } else if (text[i] == '[') {
      const bool quoted = i + 1 < text.size() && (text[i + 1] == '\'' || text[i + 1] == '"');
      const std::size_t close = quoted ? text.find(std::string{text[i + 1], ']'}, i + 2) : text.find(']', i);
      if (close == std::string_view::npos) return wrong("a bracket is not closed");
      if (quoted) {
        path.steps_.push_back({.kind = Step::Kind::field, .name = std::string(text.substr(i + 2, close - i - 2))});
        i = close + 2;
        continue;
      }
      const std::string_view inside = text.substr(i + 1, close - i - 1);
      i = close + 1;
      if (inside == "*") {
        path.steps_.push_back({.kind = Step::Kind::wildcard});
      } else if (const std::size_t colon = inside.find(':'); colon != std::string_view::npos) {
        Step slice{.kind = Step::Kind::slice};
        const auto bound = [](std::string_view part) { return part.empty() ? std::nullopt : parse_number(part); };
        slice.begin = bound(inside.substr(0, colon));
        slice.end = bound(inside.substr(colon + 1));
        if ((colon > 0 && !slice.begin) || (colon + 1 < inside.size() && !slice.end))
          return wrong("a slice has a broken bound");
        path.steps_.push_back(std::move(slice));
      } else if (const auto index = parse_number(inside)) {
        path.steps_.push_back({.kind = Step::Kind::index, .index = *index});
      } else {
        return wrong("brackets take an index, a slice, * or a quoted name (filters are not known)");
      }
    } else {
      return wrong(fmt::format("'{}' is out of place", text[i]));
    }
  }
  return path;
}

bool JsonPath::is_reference() const {
  return std::ranges::all_of(
      steps_, [](const Step& step) { return step.kind == Step::Kind::field || step.kind == Step::Kind::index; });
}

void JsonPath::apply(const Step& step, const Json& value, std::vector<const Json*>& found) {
  switch (step.kind) {
    case Step::Kind::field:
      if (value.is_object() && value.contains(step.name)) found.push_back(&value.at(step.name));
      break;
    case Step::Kind::index:
      if (!value.is_array()) break;
      if (const auto place = place_of(step.index, value.size())) found.push_back(&value[*place]);
      break;
    case Step::Kind::slice: {
      if (!value.is_array()) break;
      const auto size = static_cast<std::int64_t>(value.size());
      const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
      for (std::int64_t i = bound(step.begin.value_or(0)); i < bound(step.end.value_or(size)); ++i) {
        found.push_back(&value[static_cast<std::size_t>(i)]);
      }
      break;
    }
    case Step::Kind::wildcard:
      if (!value.is_structured()) break;
      for (const Json& child : value) found.push_back(&child);
      break;
    case Step::Kind::descend:
      collect_descendants(value, found);
      break;
  }
}

Result<Json> JsonPath::select(const Json& root) const {
  std::vector<const Json*> values = {&root};
  for (const Step& step : steps_) {
    std::vector<const Json*> found;
    for (const Json* value : values) apply(step, *value, found);
    values = std::move(found);
  }
  if (is_reference()) {
    if (values.empty()) return fail(Code::not_found, "the JSONPath '{}' leads to nothing in the input", text_);
    return *values.front();
  }
  Json list = Json::array();
  for (const Json* value : values) list.push_back(*value);
  return list;
}

Result<Json> JsonPath::put(Json root, Json value) const {
  const auto wrong = [&] {
    return fail(Code::invalid_input, "the reference path '{}' does not fit the state's input", text_);
  };
  if (!is_reference()) return wrong();
  Json* place = &root;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::field) {
      if (place->is_null()) *place = Json::object();
      if (!place->is_object()) return wrong();
      place = &(*place)[step.name];
    } else {
      if (!place->is_array()) return wrong();
      const auto index = place_of(step.index, place->size());
      if (!index) return wrong();
      place = &(*place)[*index];
    }
  }
  *place = std::move(value);
  return root;
}

}  // namespace tillite
