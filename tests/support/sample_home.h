#pragma once

#include <gtest/gtest.h>

#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "support/program.h"
#include "support/temp_folder.h"

namespace tillite::testing {

/// Writes `count` sample receipts; the file's path.
inline std::string sample_file(const TempFolder& folder, std::uint64_t count, std::uint64_t first = 0) {
  std::string text;
  for (std::uint64_t i = first; i < first + count; ++i) text += to_text(receipt_json(sample_receipt(1, i))) + "\n";
  const Path file = folder / ("receipts-" + std::to_string(first) + ".jsonl");
  EXPECT_TRUE(replace_file(file, as_bytes(text)));
  return file;
}

/// What a home has come to: counts and the checksum over all published records.
inline Json content_of(const Program& program) {
  const auto status = program.run({"--json", "status"});
  EXPECT_EQ(status.status, 0) << status.err;
  Json content = Json::object();
  const Json json = status.json();
  for (const Json& entity : json.at("entities")) {
    for (const char* field :
         {"found", "noise", "published", "failed", "snapshot_vectors", "snapshot_checksum", "adds_up"}) {
      content[entity.at("collection").get<std::string>()][field] = entity.at(field);
    }
  }
  return content;
}

}  // namespace tillite::testing
