#include "word_records.h"

#include <algorithm>

#include "receipts/receipt.h"
#include "vector_sets.h"

namespace tillite::bench {
namespace {

std::span<const float> row_of(const MappedFile& file, std::uint64_t number) {
  return {reinterpret_cast<const float*>(file.bytes().data()) + number * kDimensions, kDimensions};
}

}  // namespace

Record word_record(std::uint64_t row) {
  const ImageId image(fmt::format("{:08x}-0000-4000-8000-000000000000", row / 200));
  const int line = static_cast<int>(row / 10 % 20) + 1;
  const int word = static_cast<int>(row % 10) + 1;
  const double x = 0.08 * word;
  const double y = 0.04 * line;
  Record record{.id = word_record_id(image, 1, line, word)};
  record.input_hash = std::to_string(row);
  record.document = fmt::format("word {}", row);
  record.metadata = {{"image_id", image.str()},
                     {"receipt_id", 1},
                     {"line_id", line},
                     {"word_id", word},
                     {"text", record.document},
                     {"confidence", 0.9 + 0.0001 * static_cast<double>(row % 1'000)},
                     {"x", x},
                     {"y", y},
                     {"width", 0.07},
                     {"height", 0.03},
                     {"left", fmt::format("word {}", row - 1)},
                     {"right", fmt::format("word {}", row + 1)},
                     {"source", "openai_embedding_batch"},
                     {"embedding_format", "word/context/1"},
                     {"merchant_name", fmt::format("Merchant {}", row / 200 % 100)},
                     {"label_status", "unvalidated"},
                     {"turn", turn_of(row)}};
  return record;
}

DirectoryData DirectoryData::open(const Path& folder) {
  DirectoryData data{
      must(MappedFile::open(folder / "rows.f32")), 0, must(MappedFile::open(folder / "queries.f32")), {}, {}};
  data.count = data.rows.bytes().size() / sizeof(float) / kDimensions;
  for (const std::int64_t share : kShares) {
    const MappedFile limits = must(MappedFile::open(folder / fmt::format("limits-{}.f32", share)));
    const auto* const first = reinterpret_cast<const float*>(limits.bytes().data());
    data.limits.emplace_back(first, first + limits.bytes().size() / sizeof(float));
    std::size_t wanted = 0;
    for (std::uint64_t row = 0; row < data.count && wanted < kNearest; ++row) wanted += turn_of(row) < share ? 1 : 0;
    data.wanted.push_back(wanted);
  }
  return data;
}

std::span<const float> DirectoryData::row(std::uint64_t number) const { return row_of(rows, number); }
std::span<const float> DirectoryData::query(std::size_t number) const { return row_of(query_rows, number); }

Recall::Recall(const DirectoryData& data, std::size_t share)
    : limits_(data.limits[share]), wanted_each_(data.wanted[share]) {}

void Recall::count(std::size_t query, std::span<const float> distances) {
  const auto near = std::ranges::count_if(distances, [&](float d) { return d <= limits_[query] + kTie; });
  found_ += std::min(wanted_each_, static_cast<std::size_t>(near));
  wanted_ += wanted_each_;
}

}  // namespace tillite::bench
