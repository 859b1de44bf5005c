#include "vectors/chroma/metadata_load.h"

#include <algorithm>
#include <bit>

#include "vectors/files/stored_record.h"

namespace tillite {
namespace {

constexpr std::uint64_t kSortBytes = std::uint64_t{2} << 20;  // of each index

/// What a row that waits is: a value of the metadata, by the column that has it, or a record's id.
enum class RowType : std::uint32_t { text, whole, real, boolean, id };

/// What stands before a row's key and text in the file where it waits.
struct WaitingRow {
  std::uint64_t label = 0;
  std::uint64_t number = 0;  ///< the bits of a whole or a real number, or 0 or 1
  RowType type = RowType::text;
  std::uint32_t key_size = 0;
  std::uint32_t text_size = 0;
  std::uint32_t unused = 0;
};

/// Reads the rows that wait, from the front.
class WaitingRows {
 public:
  explicit WaitingRows(const Path& file) : path_(file) {}

  /// The next row; false at the end.
  Result<bool> next() {
    if (!source_) source_ = TRY(file_source(path_));
    if (!TRY(fetch(sizeof(WaitingRow)))) return false;
    std::memcpy(&row_, buffer_.data() + begin_, sizeof row_);
    begin_ += sizeof row_;
    const std::size_t size = std::size_t{row_.key_size} + row_.text_size;
    if (!TRY(fetch(size))) return fail(Code::corrupt, "{} ends in the middle", path_.string());
    rest_ = as_text(std::span(buffer_).subspan(begin_, size));
    begin_ += size;
    return true;
  }
  [[nodiscard]] const WaitingRow& row() const { return row_; }
  [[nodiscard]] std::string_view key() const { return rest_.substr(0, row_.key_size); }
  [[nodiscard]] std::string_view text() const { return rest_.substr(row_.key_size); }

 private:
  /// Has so many bytes in the buffer; false if there are none at all.
  Result<bool> fetch(std::size_t bytes) {
    constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
    if (end_ - begin_ >= bytes) return true;
    if (begin_ < end_) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_.resize(std::max({buffer_.size(), kBufferBytes, bytes}));
    while (end_ < bytes) {
      const auto size = TRY(source_->read(std::span(buffer_).subspan(end_)));
      if (size == 0) return end_ == 0 ? Result<bool>(false) : fail(Code::corrupt, "{} is cut off", path_.string());
      end_ += size;
    }
    return true;
  }

  Path path_;
  std::unique_ptr<ByteSource> source_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  WaitingRow row_;
  std::string_view rest_;
};

/// Fails once somebody has asked to stop; looks at every few thousandth row.
class StopLook {
 public:
  explicit StopLook(const std::stop_token& stop) : stop_(&stop) {}
  Result<void> at_row() {
    constexpr std::uint64_t kRowsBetween = 4096;
    if (rows_++ % kRowsBetween != 0 || !stop_->stop_requested()) return {};
    return fail(Code::cancelled, "stopped while writing metadata");
  }

 private:
  const std::stop_token* stop_;
  std::uint64_t rows_ = 0;
};

void fill_row(StoredRecord& record, const WaitingRow& row, std::string_view key, std::string_view text) {
  record.clear();
  record.add(static_cast<std::int64_t>(row.label));
  record.add(key);
  for (const RowType type : {RowType::text, RowType::whole, RowType::real, RowType::boolean}) {
    if (type != row.type) {
      record.add_null();
    } else if (type == RowType::text) {
      record.add(text);
    } else if (type == RowType::real) {
      record.add(std::bit_cast<double>(row.number));
    } else {
      record.add(std::bit_cast<std::int64_t>(row.number));
    }
  }
}

/// The entries of the index of labels and keys: rows come by their labels, but the keys of one label in any order.
class ByRecord {
 public:
  explicit ByRecord(BtreeWriter tree) : tree_(std::move(tree)) {}

  Result<void> add(std::uint64_t label, std::string_view key, std::int64_t row) {
    if (label != label_) TRY(write_label());
    label_ = label;
    auto place = keys_.end();  // they mostly come in their order
    while (place != keys_.begin() && text(*std::prev(place)) > key) --place;
    keys_.insert(place, {.offset = texts_.size(), .size = key.size(), .row = row});
    texts_ += key;
    return {};
  }
  Result<void> finish() {
    TRY(write_label());
    return tree_.finish();
  }

 private:
  struct Key {
    std::size_t offset = 0;
    std::size_t size = 0;
    std::int64_t row = 0;
  };

  [[nodiscard]] std::string_view text(const Key& key) const {
    return std::string_view(texts_).substr(key.offset, key.size);
  }

  Result<void> write_label() {
    for (const Key& key : keys_) {
      record_.clear();
      record_.add(static_cast<std::int64_t>(label_));
      record_.add(text(key));
      record_.add(key.row);
      TRY(tree_.add_entry(record_.bytes()));
    }
    keys_.clear();
    texts_.clear();
    return {};
  }

  BtreeWriter tree_;
  StoredRecord record_;
  std::uint64_t label_ = 0;
  std::vector<Key> keys_;  ///< of this label, in their order
  std::string texts_;
};

/// The table of records and the index of their ids.
class Records {
 public:
  Records(BtreeWriter table, BtreeWriter by_id, std::string segment)
      : table_(std::move(table)), by_id_(std::move(by_id)), segment_(std::move(segment)) {}

  Result<void> add(std::int64_t label, std::string_view id) {
    record_.clear();
    record_.add_null();  // the label is the rowid
    record_.add(std::string_view(segment_));
    record_.add(id);
    record_.add(std::int64_t{0});
    record_.add(kCreatedAt);
    TRY(table_.add_row(label, record_.bytes()));
    record_.clear();
    record_.add(std::string_view(segment_));
    record_.add(id);
    record_.add(label);
    return by_id_.add_entry(record_.bytes());
  }
  Result<void> finish() {
    TRY(table_.finish());
    return by_id_.finish();
  }

 private:
  BtreeWriter table_;
  BtreeWriter by_id_;
  std::string segment_;
  StoredRecord record_;
};

Result<void> write_values(PageFile& pages, std::uint32_t root, ValueOrder order, const std::stop_token& stop,
                          const std::function<void(StoredRecord&, const IndexedValue&)>& add_value) {
  BtreeWriter tree(pages, BtreeWriter::Kind::index, root);
  StoredRecord record;
  StopLook look(stop);
  TRY(order.for_each([&](const IndexedValue& value) -> Result<void> {
    TRY(look.at_row());
    record.clear();
    record.add(value.name);
    add_value(record, value);
    record.add(value.row);
    return tree.add_entry(record.bytes());
  }));
  return tree.finish();
}

}  // namespace

Result<MetadataLoad> MetadataLoad::create(const Path& folder) {
  return MetadataLoad(TRY(File::create(folder / "rows")), TRY(ValueOrder::create(folder / "texts", kSortBytes)),
                      TRY(ValueOrder::create(folder / "wholes", kSortBytes)),
                      TRY(ValueOrder::create(folder / "reals", kSortBytes)));
}

Result<void> MetadataLoad::add_record(std::uint64_t label, std::string_view id) {
  const WaitingRow row{.label = label, .type = RowType::id, .text_size = static_cast<std::uint32_t>(id.size())};
  TRY(rows_.write(std::as_bytes(std::span(&row, 1))));
  return rows_.write(as_bytes(id));
}

Result<void> MetadataLoad::add(std::uint64_t label, std::string_view key, const Json& value) {
  WaitingRow row{.label = label, .key_size = static_cast<std::uint32_t>(key.size())};
  std::string_view text;
  IndexedValue indexed{.name = key, .lead = 0, .text = {}, .row = ++last_row_};
  if (value.is_string()) {
    text = value.get_ref<const std::string&>();
    row.text_size = static_cast<std::uint32_t>(text.size());
    indexed.lead = lead_of(text);
    indexed.text = text;
    TRY(texts_.add(indexed));
  } else if (value.is_boolean()) {
    row.type = RowType::boolean;
    row.number = value.get<bool>() ? 1 : 0;
  } else if (value.is_number_float()) {
    const auto real = value.get<double>();
    row.type = RowType::real;
    row.number = std::bit_cast<std::uint64_t>(real);
    indexed.lead = lead_of(real);
    TRY(reals_.add(indexed));
  } else {
    const auto whole = value.get<std::int64_t>();
    row.type = RowType::whole;
    row.number = std::bit_cast<std::uint64_t>(whole);
    indexed.lead = lead_of(whole);
    TRY(wholes_.add(indexed));
  }
  TRY(rows_.write(std::as_bytes(std::span(&row, 1))));
  TRY(rows_.write(as_bytes(key)));
  return rows_.write(as_bytes(text));
}

Result<void> MetadataLoad::write_rows(PageFile& pages, const MetadataRoots& roots, const std::string& segment,
                                      const std::stop_token& stop) {
  FileSink waiting = std::move(rows_);
  const Path file = waiting.file().path();
  TRY(waiting.flush());
  BtreeWriter table(pages, BtreeWriter::Kind::table, roots.table);
  ByRecord by_record(BtreeWriter(pages, BtreeWriter::Kind::index, roots.by_record));
  Records records(BtreeWriter(pages, BtreeWriter::Kind::table, roots.records),
                  BtreeWriter(pages, BtreeWriter::Kind::index, roots.records_by_id), segment);
  StoredRecord record;
  WaitingRows rows(file);
  StopLook look(stop);
  for (std::int64_t number = 1; TRY(rows.next());) {
    TRY(look.at_row());
    if (rows.row().type == RowType::id) {
      TRY(records.add(static_cast<std::int64_t>(rows.row().label), rows.text()));
      continue;
    }
    fill_row(record, rows.row(), rows.key(), rows.text());
    TRY(table.add_row(number, record.bytes()));
    TRY(by_record.add(rows.row().label, rows.key(), number++));
  }
  TRY(records.finish());
  TRY(table.finish());
  std::error_code kept;  // then it goes with the folder
  std::filesystem::remove(file, kept);
  return by_record.finish();
}

Result<void> MetadataLoad::write_into(const Path& database, const MetadataRoots& roots, const std::string& segment,
                                      const std::stop_token& stop) {
  auto pages = TRY(PageFile::open(database));
  TRY(write_rows(pages, roots, segment, stop));
  TRY(write_values(pages, roots.by_text, std::move(texts_), stop,
                   [](StoredRecord& record, const IndexedValue& value) { record.add(value.text); }));
  TRY(write_values(pages, roots.by_whole, std::move(wholes_), stop,
                   [](StoredRecord& record, const IndexedValue& value) { record.add(whole_of(value.lead)); }));
  TRY(write_values(pages, roots.by_real, std::move(reals_), stop,
                   [](StoredRecord& record, const IndexedValue& value) { record.add(real_of(value.lead)); }));
  return pages.finish();
}

}  // namespace tillite
