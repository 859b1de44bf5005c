#pragma once

#include <stop_token>

#include "base/json.h"
#include "vectors/chroma/value_order.h"
#include "vectors/files/btree_writer.h"

namespace tillite {

/// What stands in each record's created_at: nobody reads it, and equal input shall give equal bytes.
inline constexpr std::string_view kCreatedAt = "1970-01-01 00:00:00";

/// Where a database has the tables of records and of metadata, and their indexes.
struct MetadataRoots {
  std::uint32_t records = 0;
  std::uint32_t records_by_id = 0;  ///< (segment, id)
  std::uint32_t table = 0;
  std::uint32_t by_record = 0;  ///< (id, key)
  std::uint32_t by_text = 0;    ///< (key, string_value), as the next two
  std::uint32_t by_whole = 0;
  std::uint32_t by_real = 0;
};

/// The rows of the empty tables embeddings and embedding_metadata. They wait in files until all are there; then tables
/// and indexes are written from front to back, each in its order.
class MetadataLoad {
 public:
  /// `folder`: for the files that wait; removed by whoever made it.
  [[nodiscard]] static Result<MetadataLoad> create(const Path& folder);
  /// A record; labels and ids ascend.
  [[nodiscard]] Result<void> add_record(std::uint64_t label, std::string_view id);
  /// A row of its metadata, of a label that is not below the last one; the keys of a label differ. Scalars only.
  [[nodiscard]] Result<void> add(std::uint64_t label, std::string_view key, const Json& value);
  /// Writes what was added into a database that nobody has open, as records of a segment; once. What was written waits
  /// no more: the files go one after the other. `cancelled` soon after `stop` was requested.
  [[nodiscard]] Result<void> write_into(const Path& database, const MetadataRoots& roots, const std::string& segment,
                                        const std::stop_token& stop);

 private:
  MetadataLoad(File rows, ValueOrder texts, ValueOrder wholes, ValueOrder reals)
      : rows_(std::move(rows)), texts_(std::move(texts)), wholes_(std::move(wholes)), reals_(std::move(reals)) {}
  Result<void> write_rows(PageFile& pages, const MetadataRoots& roots, const std::string& segment,
                          const std::stop_token& stop);

  FileSink rows_;
  std::int64_t last_row_ = 0;
  ValueOrder texts_;
  ValueOrder wholes_;
  ValueOrder reals_;
};

}  // namespace tillite
