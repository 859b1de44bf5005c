#pragma once

#include <functional>

#include "snapshot_fixture.h"
#include "vectors/chroma/chroma_check.h"
#include "vectors/hnsw/segment_files.h"

namespace tillite {

/// A directory as we write it, to be damaged.
class DamagedDirectory : public SnapshotFixture {
 protected:
  static constexpr std::uint64_t kRecords = 20;

  Path folder = written();
  Path segment = folder / must(ChromaReader::open(folder / kChromaFile)).vector_segment();

  Path written() {
    std::vector<Record> records;
    for (std::uint64_t i = 0; i < kRecords; ++i)
      records.push_back(vector_record(fmt::format("record-{:02}", i), 1, 100 + i));
    return merge(std::nullopt, records).folder;
  }

  std::vector<Finding> findings() { return must(check_chroma_directory(folder, room.path(), {})).findings; }

  void sql(const std::string& statement) {
    SQLite::Database database((folder / kChromaFile).string(), SQLite::OPEN_READWRITE);
    database.exec(statement);
  }

  void change(const char* file, const std::function<void(std::string&)>& edit) {
    std::string bytes = must(read_file(segment / file));
    edit(bytes);
    must(replace_file(segment / file, as_bytes(bytes)));
  }
  [[nodiscard]] static std::size_t row_bytes() { return kVectorOffset + kDimensions * sizeof(float) + 8; }
};

}  // namespace tillite
