#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/sqlite.h"
#include "vectors/chroma/known_matches.h"
#include "vectors/records/where.h"

namespace tillite {

/// A filter over a published chroma.sqlite3, which must outlive it. That file never changes, so what was found once is
/// remembered. Threads: one at a time.
class ChromaFilter {
 public:
  /// `name`: of the filter, as name_of() gives it.
  ChromaFilter(SQLite::Database& database, const Where& where, std::string name);

  /// Another name for each filter that may have other matches.
  [[nodiscard]] static std::string name_of(const Where& where);
  [[nodiscard]] const std::string& name() const { return name_; }

  /// How many records match, as Chroma's indexes tell without reading the records; counted up to `limit` and one more.
  /// Nothing if no index tells.
  [[nodiscard]] Result<std::optional<std::uint64_t>> count(std::uint64_t limit);
  /// The labels of all records that match, ascending.
  [[nodiscard]] Result<std::vector<std::uint64_t>> all();
  /// For each of these labels of records that are there, whether the record matches.
  [[nodiscard]] Result<std::vector<bool>> matches(std::span<const std::uint64_t> labels);

  /// The memory of what is remembered.
  [[nodiscard]] std::size_t bytes() const;

 private:
  /// A bit for each of a few labels. Throws what SQLiteCpp throws.
  [[nodiscard]] std::uint32_t ask(std::span<const std::uint64_t> labels);

  SQLite::Database* database_;
  Where where_;
  std::string name_;
  std::uint64_t counted_to_ = 0;  ///< where the counting was to end; 0: it did not begin
  std::optional<std::uint64_t> counted_;
  std::optional<std::vector<std::uint64_t>> all_;
  KnownMatches known_;
  std::optional<SQLite::Statement> question_;
};

}  // namespace tillite
