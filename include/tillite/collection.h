#pragma once

#include <tillite/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tillite::v1 {

/// What is kept beside a vector: one scalar a key.
using Value = std::variant<bool, std::int64_t, double, std::string>;
using Metadata = std::map<std::string, Value>;

struct Record {
  std::string id;
  std::string document;
  Metadata metadata;
  std::vector<float> vector;  ///< unit length; empty unless asked for
};

struct Hit {
  Record record;       ///< without its vector
  float distance = 0;  ///< 1 - cosine similarity
};

struct QueryOptions {
  std::size_t k = 10;          ///< hits at most, 1 to 10,000
  std::string where;           ///< a filter over metadata, JSON in Chroma's language; empty: everything
  std::string where_document;  ///< a filter over documents, the same
};

/// The model that texts are embedded by on this machine.
inline constexpr std::string_view kLocalModel = "tillite-ngram-1";

/// A collection at the moment when it was opened, for reading: what is written later is seen by opening it again.
/// Threads: any, after it was opened. Every function may throw Error.
class [[gnu::visibility("default")]] Collection {
 public:
  /// Opens a collection ("receipt_lines", "receipt_words") of a home: its newest version together with the changes that
  /// are not merged into it yet. Others may use the home meanwhile. Needs room in the home's scratch/ while it is open.
  [[nodiscard]] static Collection open_home(const std::filesystem::path& home, std::string_view collection);

  /// Opens what `tillite snapshot export` wrote: a Chroma directory, or a folder with one for each shard. No server may
  /// have it open, or have changed it: `unsupported`. `model` is what its vectors were embedded by; the folder does not
  /// say it, and only queries by text need it.
  [[nodiscard]] static Collection open_export(const std::filesystem::path& folder, std::string_view model = {});

  Collection(Collection&& other) noexcept;
  Collection& operator=(Collection&& other) noexcept;
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;
  ~Collection();

  /// The records nearest to a text, nearest first. `unsupported` if the collection's model is not kLocalModel.
  [[nodiscard]] std::vector<Hit> query(std::string_view text, const QueryOptions& options = {}) const;
  /// The records nearest to a vector of dimensions() numbers and any length but zero, nearest first.
  [[nodiscard]] std::vector<Hit> query(const std::vector<float>& vector, const QueryOptions& options = {}) const;
  /// The records with these ids that are there, in the order asked for.
  [[nodiscard]] std::vector<Record> get(const std::vector<std::string>& ids, bool with_vectors = false) const;

  [[nodiscard]] std::uint64_t size() const noexcept;
  [[nodiscard]] std::size_t dimensions() const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& model() const noexcept;  ///< empty if it is not known

  class Source;

 private:
  explicit Collection(std::unique_ptr<Source> source);
  std::unique_ptr<Source> source_;
};

}  // namespace tillite::v1
