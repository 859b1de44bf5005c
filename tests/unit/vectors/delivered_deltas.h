#pragma once

#include <array>
#include <string>
#include <vector>

#include "delta_fixture.h"
#include "vectors/merge/record_news.h"
#include "vectors/versions/keys.h"

namespace tillite {

/// Deltas in a store, and what merges make of them.
class DeliveredDeltas : public DeltaFixture {
 protected:
  TestClock clock;
  MemoryObjects objects{clock};

  DeltaId deliver(int number, const std::vector<Record>& records) {
    objects.set(delta_key(binding.collection, binding.generation, delta_id(number)),
                delta_file(header(number), records));
    return delta_id(number);
  }
  /// Behind its records and their vectors, so that these are read before it shows.
  void damage_the_end_of(const DeltaId& delta) {
    const ObjectKey key = delta_key(binding.collection, binding.generation, delta);
    std::string file = objects.contents().at(key.str());
    file[file.size() - 20] = static_cast<char>(~file[file.size() - 20]);
    objects.set(key, file);
  }

  using Lines = std::vector<std::string>;
  /// One line an id: "id: what is there | what waits".
  [[nodiscard]] static Lines lines_of(RecordNews& news) {
    Lines lines;
    while (const auto next = value(news.next())) {
      const auto& [id, state] = *next;
      lines.push_back(fmt::format("{}: {} | {}", id.str(), state.base ? brief(*state.base, news.rows()) : "-",
                                  state.waiting ? brief(*state.waiting, news.rows()) : "-"));
    }
    return lines;
  }
  [[nodiscard]] static std::string brief(const Record& record, const std::optional<RowFile>& rows = {}) {
    static constexpr std::array kKinds = {"vector", "metadata", "tombstone"};
    float first = record.vector.empty() ? 0 : record.vector[0];
    if (record.row) first = vector_in(rows.value(), *record.row, 1).front();
    return fmt::format("{} v{} m{} {:.3f}", kKinds.at(static_cast<std::size_t>(record.kind)), record.item_version,
                       record.metadata_version, first);
  }
  /// The first numbers of a row's vector.
  [[nodiscard]] static std::vector<float> vector_in(const RowFile& rows, std::uint64_t row, std::size_t numbers) {
    std::vector<float> vector(numbers);
    value(value(File::open_read(rows.path))
              .read_at(row * rows.layout.row_bytes + rows.layout.vector_offset,
                       std::as_writable_bytes(std::span(vector))));
    return vector;
  }

  /// Any few deltas of three ids.
  [[nodiscard]] std::vector<DeltaId> deliver_any() {
    std::vector<DeltaId> deltas;
    const int count = *rc::gen::inRange(1, 6);
    for (int number = 1; number <= count; ++number) {
      std::vector<Record> records;
      for (const char* const id : {"a", "b", "c"}) {
        const auto version = *rc::gen::inRange<std::int64_t>(1, 4);
        switch (*rc::gen::inRange(0, 4)) {
          case 0:
            records.push_back(vector_record(id, version, static_cast<float>(number)));
            break;
          case 1:
            records.push_back(tombstone(id, version));
            break;
          case 2:
            records.push_back(metadata_record(id, 2, version + 1));
            break;
          default:
            break;
        }
      }
      deltas.push_back(deliver(number, records));
    }
    return deltas;
  }
};

}  // namespace tillite
