#include "vectors/chroma/chroma_filter.h"

#include <algorithm>
#include <limits>

#include "vectors/files/database_file.h"

namespace tillite {
namespace {

constexpr const char* kWhat = "filtering in chroma.sqlite3";
constexpr std::size_t kAskedAtOnce = 32;  // a bit of an answer for each
// Lists that are longer are made anew by those who want them.
constexpr std::size_t kListedMax = std::size_t{1} << 16;

void bind_value(SQLite::Statement& statement, int position, const Json& value) {
  if (value.is_string()) {
    statement.bind(position, value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    statement.bind(position, value.get<bool>() ? 1 : 0);
  } else if (value.is_number_float() ||
             (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())) {
    statement.bind(position, value.get<double>());
  } else {
    statement.bind(position, value.get<std::int64_t>());
  }
}

void bind_values(SQLite::Statement& statement, int first, const std::vector<Json>& values) {
  for (const Json& value : values) bind_value(statement, first++, value);
}

/// How many rows of embedding_metadata one of the conditions holds of, up to a limit.
std::string count_of(const std::vector<std::string>& conditions, std::uint64_t limit) {
  constexpr std::string_view kSelect = "SELECT 1 FROM embedding_metadata WHERE ";
  return fmt::format("SELECT count(*) FROM ({}{} LIMIT {})", kSelect,
                     fmt::join(conditions, fmt::format(" UNION ALL {}", kSelect)), limit);
}

/// Asks of kAskedAtOnce labels, some of them perhaps NULL, which of them match: the answer are their places.
std::string question_of(const Where::Condition& condition) {
  std::vector<std::string> asked;
  asked.reserve(kAskedAtOnce);
  for (std::size_t place = 0; place < kAskedAtOnce; ++place) asked.push_back(fmt::format("({}, ?)", place));
  return fmt::format("WITH e (place, id) AS (VALUES {}) SELECT place FROM e WHERE id IS NOT NULL AND {}",
                     fmt::join(asked, ", "), condition.text);
}

}  // namespace

ChromaFilter::ChromaFilter(SQLite::Database& database, const Where& where, std::string name)
    : database_(&database), where_(where), name_(std::move(name)) {}

std::string ChromaFilter::name_of(const Where& where) {
  const Where::Condition condition = where.condition();
  std::string name = condition.text;
  // Not as text: that has one word for all that is no number or no UTF-8.
  Json::to_cbor(Json(condition.parameters), name);
  return name;
}

Result<std::optional<std::uint64_t>> ChromaFilter::count(std::uint64_t limit) {
  if (counted_to_ > limit) return counted_ ? std::optional(std::min(*counted_, limit + 1)) : std::nullopt;
  return with_sqlite(kWhat, [&]() -> std::optional<std::uint64_t> {
    const Where::Sql filter = where_.sql();
    if (filter.indexed.empty()) {
      counted_to_ = limit + 1;
      return std::nullopt;
    }
    SQLite::Statement rows(*database_, count_of(filter.indexed, limit + 1));
    bind_values(rows, 1, filter.parameters);
    counted_ = rows.executeStep() ? static_cast<std::uint64_t>(rows.getColumn(0).getInt64()) : 0;
    counted_to_ = limit + 1;
    return counted_;
  });
}

Result<std::vector<std::uint64_t>> ChromaFilter::all() {
  if (all_) return *all_;
  return with_sqlite(kWhat, [&]() -> Result<std::vector<std::uint64_t>> {
    const Where::Sql filter = where_.sql();
    SQLite::Statement rows(*database_, filter.ids);
    bind_values(rows, 1, filter.parameters);
    std::vector<std::uint64_t> labels;
    while (rows.executeStep()) labels.push_back(TRY(unsigned_column(rows.getColumn(0), "a label in chroma.sqlite3")));
    std::ranges::sort(labels);
    labels.erase(std::ranges::unique(labels).begin(), labels.end());
    if (labels.size() <= kListedMax) all_ = labels;
    return labels;
  });
}

Result<std::vector<bool>> ChromaFilter::matches(std::span<const std::uint64_t> labels) {
  std::vector<std::uint64_t> unknown;
  for (const std::uint64_t label : labels) {
    if (!known_.matches(label)) unknown.push_back(label);
  }
  return with_sqlite(kWhat, [&] {
    std::vector<std::uint64_t> unremembered;  // that match
    for (std::size_t first = 0; first < unknown.size(); first += kAskedAtOnce) {
      const auto asked = std::span(unknown).subspan(first, std::min(kAskedAtOnce, unknown.size() - first));
      const std::uint32_t answers = ask(asked);
      for (std::size_t place = 0; place < asked.size(); ++place) {
        const bool matching = (answers >> place & 1) != 0;
        known_.tell(asked[place], matching);
        if (matching && asked[place] > KnownMatches::kHighest) unremembered.push_back(asked[place]);
      }
    }
    std::vector<bool> flags;
    flags.reserve(labels.size());
    for (const std::uint64_t label : labels) {
      const auto known = known_.matches(label);
      flags.push_back(known ? *known : std::ranges::find(unremembered, label) != unremembered.end());
    }
    return flags;
  });
}

std::uint32_t ChromaFilter::ask(std::span<const std::uint64_t> labels) {
  if (!question_) {
    const Where::Condition condition = where_.condition();
    question_.emplace(*database_, question_of(condition));
    bind_values(*question_, kAskedAtOnce + 1, condition.parameters);
  }
  static_cast<void>(question_->tryReset());  // reset() would throw once more what the last question failed with
  for (std::size_t place = 0; place < kAskedAtOnce; ++place) {
    const int parameter = static_cast<int>(place) + 1;
    if (place < labels.size()) {
      question_->bind(parameter, static_cast<std::int64_t>(labels[place]));
    } else {
      question_->bind(parameter);  // NULL
    }
  }
  std::uint32_t answers = 0;
  while (question_->executeStep()) answers |= std::uint32_t{1} << question_->getColumn(0).getUInt();
  return answers;
}

std::size_t ChromaFilter::bytes() const {
  // The filter as it was parsed, and the statement, which are about as large as some names more.
  return 8 * name_.size() + known_.bytes() + (all_ ? all_->capacity() * sizeof(std::uint64_t) : 0);
}

}  // namespace tillite
