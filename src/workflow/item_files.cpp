#include "workflow/item_files.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace tillite {
namespace {

std::unexpected<Failure> reader_failed(std::string cause) {
  return std::unexpected(Failure{.error = errors::kItemReaderFailed, .cause = std::move(cause)});
}

/// The cells of a row; `text` is moved on to the next row.
std::vector<std::string> next_row(std::string_view& text, char delimiter) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cells.back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == delimiter) {
      cells.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      cells.back() += c;
    }
  }
  text.remove_prefix(std::min(i + 1, text.size()));
  return cells;
}

Outcome csv_items(const ItemReader& reader, std::string_view text, std::size_t most) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::vector<std::string> headers =
      reader.headers_in_first_row && !text.empty() ? next_row(text, reader.delimiter) : reader.headers;
  if (std::set<std::string>(headers.begin(), headers.end()).size() != headers.size())
    return reader_failed("CSV headers cannot contain duplicates.");
  Value::Array items;
  while (!text.empty() && items.size() < most) {
    std::vector<std::string> row = next_row(text, reader.delimiter);
    if (row.size() == 1 && row.front().empty()) continue;  // an empty line
    row.resize(headers.size());
    Value::Object item;
    for (std::size_t i = 0; i < headers.size(); ++i) item.set(headers[i], std::move(row[i]));
    items.emplace_back(std::move(item));
  }
  return Value(std::move(items));
}

Outcome json_line_items(std::string_view text, std::size_t most) {
  Value::Array items;
  for (std::size_t number = 1; !text.empty() && items.size() < most; ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto item = parse_value(line, fmt::format("Line {} of the items", number));
    if (!item) return reader_failed(item.error().message());
    items.push_back(*std::move(item));
  }
  return Value(std::move(items));
}

/// One name of a JSON pointer, its "~1" and "~0" resolved.
std::string name_in_pointer(std::string_view escaped) {
  std::string name;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool is_escape =
        escaped[i] == '~' && i + 1 < escaped.size() && (escaped[i + 1] == '0' || escaped[i + 1] == '1');
    name += !is_escape ? escaped[i] : escaped[++i] == '1' ? '/' : '~';
  }
  return name;
}

/// Where a JSON pointer leads; nullptr if nowhere.
const Value* at_pointer(const Value& root, std::string_view pointer) {
  const Value* at = &root;
  while (at != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view escaped = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(escaped.size());
    if (!at->is_array()) {
      at = at->find(name_in_pointer(escaped));
      continue;
    }
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(escaped.data(), escaped.data() + escaped.size(), index);
    const bool is_index = error == std::errc() && end == escaped.data() + escaped.size() && index < at->array().size();
    at = is_index ? &at->array()[index] : nullptr;
  }
  return at;
}

}  // namespace

Outcome items_in(const ItemReader& reader, std::string_view text, std::int64_t items_max) {
  const std::size_t most = items_max == 0 ? std::string::npos : static_cast<std::size_t>(items_max);
  if (reader.format == ItemReader::Format::csv) return csv_items(reader, text, most);
  if (reader.format == ItemReader::Format::json_lines) return json_line_items(text, most);
  auto items = parse_value(text, "The file of items");
  if (!items) return reader_failed(items.error().message());
  if (!reader.items_pointer.empty()) {
    const Value* pointed = at_pointer(*items, reader.items_pointer);
    if (pointed == nullptr) return reader_failed(fmt::format("ItemsPointer {} leads nowhere", reader.items_pointer));
    items = Value(*pointed);
  }
  if (!items->is_array()) return reader_failed("Attempting to map over non-iterable node.");
  if (items->array().size() <= most) return *std::move(items);
  return Value(Value::Array(items->array().begin(), items->array().begin() + static_cast<std::ptrdiff_t>(most)));
}

std::expected<Inventory, Failure> inventory_in(std::string_view manifest) {
  const auto parsed = parse_value(manifest, "The manifest");
  if (!parsed) return reader_failed(parsed.error().message());
  const auto text = [](const Value& object, std::string_view name) {
    const Value* field = object.find(name);
    return field == nullptr || !field->is_string() ? std::string() : field->string();
  };
  const Value* files = parsed->find("files");
  if (files == nullptr || !files->is_array()) return reader_failed("The manifest has no list of files.");
  if (const std::string format = text(*parsed, "fileFormat"); format != "CSV")
    return reader_failed(fmt::format("The manifest's files are of the format '{}'; CSV can be read.", format));
  Inventory inventory{.bucket = text(*parsed, "destinationBucket"), .columns = {}, .keys = {}};
  std::string schema = text(*parsed, "fileSchema");
  std::erase(schema, ' ');
  std::string_view rest = schema;
  inventory.columns = next_row(rest, ',');
  if (std::ranges::any_of(inventory.columns, &std::string::empty))
    return reader_failed("The manifest's fileSchema must name the columns, as in \"Bucket, Key, Size\".");
  for (const Value& file : files->array()) {
    inventory.keys.push_back(text(file, "key"));
    if (inventory.keys.back().empty()) return reader_failed("A file of the manifest has no key.");
  }
  return inventory;
}

}  // namespace tillite
