#include "adapters/aws/shared_config.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// A comment begins a line, or stands behind a blank.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_mark = line[i] == '#' || line[i] == ';';
    if (is_mark && (i == 0 || kBlanks.contains(line[i - 1]))) return line.substr(0, i);
  }
  return line;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return lower;
}

bool is_secret(std::string_view name) { return name == "aws_secret_access_key" || name == "aws_session_token"; }

/// Where the lines below a "[...]" go.
struct Header {
  enum class Kind { profile, services, other } kind = Kind::other;
  std::string name;
};

Header header_of(std::string_view inside, SharedConfig::File file) {
  const std::string_view text = trimmed(inside);
  if (file == SharedConfig::File::credentials) return {Header::Kind::profile, std::string(text)};
  if (text == "default") return {Header::Kind::profile, "default"};
  const std::size_t blank = std::min(text.find_first_of(" \t"), text.size());
  const std::string name(trimmed(text.substr(blank)));
  if (text.substr(0, blank) == "profile" && !name.empty()) return {Header::Kind::profile, name};
  if (text.substr(0, blank) == "services" && !name.empty()) return {Header::Kind::services, name};
  return {};
}

template <typename Map>
auto value_in(const Map& map, const std::string& name) -> std::optional<typename Map::mapped_type> {
  const auto found = map.find(name);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

Result<void> SharedConfig::add(std::string_view text, File file, const std::string& name) {
  if (text.size() > kTextBytesMax) {
    return fail(Code::limit_exceeded, "{}: more than {} bytes are no file of settings", name, kTextBytesMax);
  }
  Section ignored;
  Section* section = nullptr;
  std::string parent;  // of nested values: a name whose own value is empty
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_comment(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view content = trimmed(line);
    if (content.empty()) continue;
    if (content.starts_with('[')) {
      if (!content.ends_with(']')) return fail(Code::invalid_input, "{}, line {}: '[' without ']'", name, number);
      const Header header = header_of(content.substr(1, content.size() - 2), file);
      section = header.kind == Header::Kind::profile    ? &profiles_[header.name]
                : header.kind == Header::Kind::services ? &services_[header.name]
                                                        : &ignored;
      parent.clear();
      continue;
    }
    if (section == nullptr) {
      return fail(Code::invalid_input, "{}, line {}: a value before the first [section]", name, number);
    }
    const std::size_t equals = content.find('=');
    const bool is_indented = kBlanks.contains(line.front());
    if (is_indented && equals == std::string_view::npos) continue;  // more of a value that is of no concern here
    if (equals == std::string_view::npos || equals == 0) {
      return fail(Code::invalid_input, "{}, line {}: expected NAME = VALUE", name, number);
    }
    const bool is_nested = is_indented && !parent.empty();
    std::string value_name = lower_case(trimmed(content.substr(0, equals)));
    std::string value(trimmed(content.substr(equals + 1)));
    if (is_nested) {
      value_name = parent + "." + value_name;
    } else {
      parent = value.empty() ? value_name : "";
    }
    if (is_secret(value_name)) {
      section->secrets[value_name] = std::make_shared<const Secret>(std::move(value));
    } else {
      section->values[value_name] = std::move(value);
    }
  }
  return {};
}

std::optional<std::string> SharedConfig::profile_value(const std::string& profile, const std::string& name) const {
  const auto found = profiles_.find(profile);
  return found == profiles_.end() ? std::nullopt : value_in(found->second.values, name);
}

std::shared_ptr<const Secret> SharedConfig::profile_secret(const std::string& profile, const std::string& name) const {
  const auto found = profiles_.find(profile);
  return found == profiles_.end() ? nullptr : value_in(found->second.secrets, name).value_or(nullptr);
}

std::optional<std::string> SharedConfig::services_value(const std::string& services, const std::string& name) const {
  const auto found = services_.find(services);
  return found == services_.end() ? std::nullopt : value_in(found->second.values, name);
}

}  // namespace tillite
