#include "vectors/deltas/delta.h"

#include <algorithm>
#include <bit>
#include <set>

#include "base/time.h"
#include "base/uuid.h"
#include "vectors/files/tar_gz.h"
#include "vectors/records/record_json.h"
#include "vectors/records/record_text.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are little endian in every format");

constexpr std::string_view kFormat = "tillite-delta/1";
constexpr std::string_view kAnyFormat = "tillite-delta/";
constexpr const char* kHeaderName = "delta.json";
constexpr const char* kRecordsName = "records.ndjson";
constexpr const char* kVectorsName = "vectors.f32";
constexpr const char* kChecksumsName = "checksums.json";

// A file may come from anybody: these bound what reading it takes, whatever it unpacks to.
constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 10;
constexpr std::size_t kRecordBytesMax = std::size_t{1} << 20;
constexpr std::size_t kRecordsMax = 50'000;
constexpr std::uint64_t kRecordsBytesMax = std::uint64_t{256} << 20;
constexpr std::size_t kDimensionsMax = 8192;

Json header_json(const DeltaFacts& facts, const std::string& records_sha256, const std::string& rows_sha256) {
  return {{"format", kFormat},
          {"delta_id", facts.header.id.str()},
          {"batch_id", facts.header.batch_id.str()},
          {"binding", to_json(facts.header.binding)},
          {"created_at", iso_time(facts.header.created_ms)},
          {"records", facts.records},
          {"vectors", facts.vectors},
          {"records_sha256", records_sha256},
          {"rows_sha256", rows_sha256}};
}

Result<DeltaFacts> parse_header(const Json& json) {
  const std::string format = TRY(string_field(json, "format"));
  if (format != kFormat && format.starts_with(kAnyFormat)) {
    return fail(Code::unsupported, "its format is '{}', this program knows {}", format.substr(0, 64), kFormat);
  }
  if (format != kFormat) return fail(Code::corrupt, "its format is '{}', no delta's", format.substr(0, 64));
  DeltaFacts facts;
  facts.header.id = DeltaId(TRY(string_field(json, "delta_id")));
  if (!is_uuid(facts.header.id.str())) return fail(Code::corrupt, "the delta's id is not a UUID");
  facts.header.batch_id = BatchId(TRY(string_field(json, "batch_id")));
  facts.header.binding = TRY(parse_binding(TRY(object_field(json, "binding"))));
  facts.header.created_ms = TRY(parse_iso_time(TRY(string_field(json, "created_at"))));
  const auto records = TRY(int_field(json, "records"));
  const auto vectors = TRY(int_field(json, "vectors"));
  if (records < 0 || records > static_cast<std::int64_t>(kRecordsMax) || vectors < 0 || vectors > records) {
    return fail(Code::corrupt, "it announces {} records and {} vectors; at most {} records are allowed", records,
                vectors, kRecordsMax);
  }
  facts.records = static_cast<std::size_t>(records);
  facts.vectors = static_cast<std::size_t>(vectors);
  return facts;
}

/// The SHA-256 of all rows' own digests, whose fronts are their vector_hash(): one hashing of a row for both.
class RowsHash {
 public:
  /// The row's vector_hash().
  Sum128 add(std::span<const float> row) {
    Sha256 hash;
    hash.update(std::as_bytes(row));
    const auto digest = hash.digest();
    all_.update(digest);
    return Sum128::from_digest(digest);
  }
  std::string hex() { return all_.hex(); }

 private:
  Sha256 all_;
};

/// A source that hashes what passes through it.
class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& source) : source_(source) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = TRY(source_.read(buffer));
    hash_.update(buffer.first(size));
    return size;
  }
  std::string hex() { return hash_.hex(); }

 private:
  ByteSource& source_;
  Sha256 hash_;
};

}  // namespace

Json to_json(const CollectionBinding& binding) {
  return {{"collection", binding.collection}, {"generation", binding.generation},     {"model", binding.model},
          {"dimensions", binding.dimensions}, {"input_format", binding.input_format}, {"shards", binding.shards}};
}

Result<CollectionBinding> parse_binding(const Json& json) {
  const auto dimensions = TRY(int_field(json, "dimensions"));
  const auto shards = TRY(int_field(json, "shards"));
  const auto generation = TRY(int_field(json, "generation"));
  if (dimensions < 1 || dimensions > static_cast<std::int64_t>(kDimensionsMax) || shards < 1 || shards > kShardsMax ||
      generation < 1) {
    return fail(Code::corrupt, "a collection of {} dimensions, {} shards and generation {} cannot be", dimensions,
                shards, generation);
  }
  CollectionBinding binding;
  binding.collection = TRY(string_field(json, "collection"));
  binding.generation = generation;
  binding.model = TRY(string_field(json, "model"));
  binding.dimensions = static_cast<std::size_t>(dimensions);
  binding.input_format = TRY(string_field(json, "input_format"));
  binding.shards = static_cast<int>(shards);
  return binding;
}

struct DeltaWriter::Parts {
  Path scratch;
  DeltaFacts facts;
  FileSink records;
  FileSink vectors;
  Sha256 records_hash;
  Sha256 vectors_hash;
  RowsHash rows_hash;
  std::set<RecordId> ids;

  Result<void> write(const Record& record, const std::string& line) {
    records_hash.update(line);
    TRY(records.write(as_bytes(line)));
    ++facts.records;
    if (record.kind != RecordKind::vector) return {};
    const auto bytes = std::as_bytes(std::span(record.vector));
    vectors_hash.update(bytes);
    rows_hash.add(record.vector);
    ++facts.vectors;
    return vectors.write(bytes);
  }
};

DeltaWriter::DeltaWriter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DeltaWriter::DeltaWriter(DeltaWriter&&) noexcept = default;
DeltaWriter& DeltaWriter::operator=(DeltaWriter&&) noexcept = default;
DeltaWriter::~DeltaWriter() = default;

Result<DeltaWriter> DeltaWriter::create(const Path& scratch, DeltaHeader header) {
  FileSink records(TRY(File::create(scratch / (header.id.str() + ".records"))));
  FileSink vectors(TRY(File::create(scratch / (header.id.str() + ".vectors"))));
  return DeltaWriter(std::unique_ptr<Parts>(
      new Parts{scratch, DeltaFacts{.header = std::move(header)}, std::move(records), std::move(vectors)}));
}

Result<void> DeltaWriter::add(Record record) {
  Parts& parts = *parts_;
  record.delta = DeltaId();  // the header says it
  // The same rules as the reader's: nothing is written that nobody would read.
  const auto valid = check_record(record);
  if (!valid) return fail(Code::invalid_input, "{}", valid.error().message());
  if (record.kind == RecordKind::vector) {
    const std::size_t dimensions = parts.facts.header.binding.dimensions;
    if (record.vector.size() != dimensions) {
      return fail(Code::invalid_input, "the vector of {} has {} numbers, the collection has {} dimensions",
                  record.id.str(), record.vector.size(), dimensions);
    }
    const auto normalised = normalise(record.vector);
    if (!normalised) return pass_on(normalised, record.id.str());
  }
  const std::string line = to_text(record_json(record)) + "\n";
  if (line.size() > kRecordBytesMax) {
    return fail(Code::limit_exceeded, "the record {} has {} bytes, at most {} are allowed", record.id.str(),
                line.size(), kRecordBytesMax);
  }
  if (parts.facts.records == kRecordsMax || parts.records.position() + line.size() > kRecordsBytesMax) {
    return fail(Code::limit_exceeded, "a delta has at most {} records of {} bytes together", kRecordsMax,
                kRecordsBytesMax);
  }
  if (!parts.ids.insert(record.id).second) {
    return fail(Code::invalid_input, "the id {} is in this delta already", record.id.str());
  }
  return parts.write(record, line);
}

Result<Path> DeltaWriter::finish() {
  Parts& parts = *parts_;
  TRY(parts.records.flush());
  TRY(parts.vectors.flush());
  const std::string records_sha256 = parts.records_hash.hex();
  const std::string header = to_text(header_json(parts.facts, records_sha256, parts.rows_hash.hex())) + "\n";
  const Json checksums = {
      {kHeaderName, sha256_hex(header)}, {kRecordsName, records_sha256}, {kVectorsName, parts.vectors_hash.hex()}};
  const std::string checksums_text = to_text(checksums) + "\n";

  const Path file = parts.scratch / (parts.facts.header.id.str() + ".tar.gz");
  auto archive = TRY(TarGzWriter::create(file, parts.facts.header.created_ms / 1000));
  TRY(archive.add(kHeaderName, header.size(), *source_of(header), false));
  TRY(archive.add(kRecordsName, parts.records.position(), *TRY(file_source(parts.records.file().path())), false));
  TRY(archive.add(kVectorsName, parts.vectors.position(), *TRY(file_source(parts.vectors.file().path())), true));
  TRY(archive.add(kChecksumsName, checksums_text.size(), *source_of(checksums_text), false));
  TRY(archive.finish());
  return file;
}

class DeltaReader::Parts {
 public:
  explicit Parts(ByteSource& file) : archive_(file) {}
  explicit Parts(std::unique_ptr<ByteSource> file) : own_(std::move(file)), archive_(*own_) {}

  Result<std::vector<RecordLine>> read_lines(const BeforeLines& before_lines) {
    TRY(read_header());
    std::vector<RecordLine> lines;
    const auto make_room = [&](std::uint64_t bytes) -> Result<void> {
      if (before_lines) TRY(before_lines(bytes));
      lines.reserve(facts_.records);
      return {};
    };
    // As text: a record's metadata take ten times the room when they are read.
    TRY(read_records(make_room, [&](RecordLine&& line) -> Result<void> {
      lines.push_back(TRY(of_delta(std::move(line), facts_.header.id)));
      return {};
    }));
    return lines;
  }

  Result<void> read_rows(std::span<const RecordLine> lines, const EachRow& each) {
    TRY(read_vectors(lines, each));
    TRY(read_checksums());
    if (TRY(archive_.next())) return fail(Code::corrupt, "there is a member too many");
    return {};
  }

  [[nodiscard]] const DeltaFacts& facts() const { return facts_; }

  /// The front only.
  Result<DeltaFacts> read_records_alone(const std::function<Result<void>(Record&&)>& each) {
    TRY(read_header());
    TRY(read_records({}, [&](RecordLine&& line) -> Result<void> {
      Record record = TRY(parse_record_text(line.text));
      record.delta = facts_.header.id;
      return each(std::move(record));
    }));
    return facts_;
  }

 private:
  Result<std::uint64_t> expect(const char* name, std::uint64_t size_bytes_max) {
    const auto member = TRY(archive_.next());
    if (!member || member->name != name) return fail(Code::corrupt, "the member {} is not where it belongs", name);
    if (member->size_bytes > size_bytes_max) {
      return fail(Code::corrupt, "the member {} has {} bytes, at most {} are allowed", name, member->size_bytes,
                  size_bytes_max);
    }
    return member->size_bytes;
  }

  Result<std::string> read_small(const char* name) {
    TRY(expect(name, kHeaderBytesMax));
    HashingSource source(archive_.content());
    std::string text = TRY(read_all(source, kHeaderBytesMax));
    checksums_[name] = source.hex();
    return text;
  }

  Result<void> read_header() {
    const std::string text = TRY(read_small(kHeaderName));
    const auto parse = [&]() -> Result<void> {
      const Json json = TRY(parse_json(text, "it"));
      facts_ = TRY(parse_header(json));
      records_sha256_ = TRY(string_field(json, "records_sha256"));
      rows_sha256_ = TRY(optional_string(json, "rows_sha256"));
      return {};
    };
    const auto parsed = parse();
    if (parsed) return {};
    const Code code = parsed.error().code() == Code::unsupported ? Code::unsupported : Code::corrupt;
    return fail(code, "{}: {}", kHeaderName, parsed.error().message());
  }

  Result<void> read_records(const BeforeLines& before_lines, const std::function<Result<void>(RecordLine&&)>& each) {
    const std::uint64_t bytes = TRY(expect(kRecordsName, kRecordsBytesMax));
    if (before_lines) TRY(before_lines(bytes));
    HashingSource source(archive_.content());
    LineReader lines(source, kRecordBytesMax);
    std::set<RecordId> ids;
    std::size_t records = 0;
    std::size_t vectors = 0;
    while (true) {
      const auto line = TRY(lines.next());
      if (line.status == LineReader::Status::end) break;
      const auto read = [&]() -> Result<RecordLine> {
        if (line.status == LineReader::Status::too_long)
          return fail(Code::corrupt, "it is longer than {} bytes", kRecordBytesMax);
        return parse_record_line(line.text);
      };
      auto record = read();
      if (!record) {
        return fail(Code::corrupt, "{} line {}: {}", kRecordsName, line.number, record.error().message());
      }
      if (records++ == facts_.records) return fail(Code::corrupt, "there are more records than announced");
      const std::size_t before = ids.size();
      ids.insert(ids.end(), record->id);  // mostly they come in their order
      if (ids.size() == before) return fail(Code::corrupt, "the id {} is there twice", record->id.str());
      vectors += record->kind == RecordKind::vector ? 1 : 0;
      TRY(each(*std::move(record)));
    }
    const std::string sha256 = source.hex();
    checksums_[kRecordsName] = sha256;
    if (sha256 != records_sha256_) return fail(Code::corrupt, "{} does not have its check sum", kRecordsName);
    if (records != facts_.records || vectors != facts_.vectors) {
      return fail(Code::corrupt, "there are {} records and {} vectors, not {} and {}", records, vectors, facts_.records,
                  facts_.vectors);
    }
    return {};
  }

  Result<void> read_vectors(std::span<const RecordLine> lines, const EachRow& each) {
    const std::size_t dimensions = facts_.header.binding.dimensions;
    const std::uint64_t size_bytes = facts_.vectors * dimensions * sizeof(float);
    if (TRY(expect(kVectorsName, size_bytes)) != size_bytes)
      return fail(Code::corrupt, "{} is too short", kVectorsName);
    RowsHash rows;
    Sha256 bytes;
    std::vector<float> vector(dimensions);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].kind != RecordKind::vector) continue;
      TRY(read_exactly(archive_.content(), std::as_writable_bytes(std::span(vector)), kVectorsName));
      TRY(check_stored_vector(vector, dimensions, lines[i].id));
      const Sum128 hash = rows.add(vector);
      if (!rows_sha256_) bytes.update(std::as_bytes(std::span(vector)));
      TRY(each(i, vector, hash));
    }
    if (!rows_sha256_) {
      checksums_[kVectorsName] = bytes.hex();
    } else if (rows.hex() != *rows_sha256_) {
      return fail(Code::corrupt, "the rows of {} do not have their check sum", kVectorsName);
    }
    return {};
  }

  Result<void> read_checksums() {
    TRY(expect(kChecksumsName, kHeaderBytesMax));
    const auto wanted = parse_json(TRY(read_all(archive_.content(), kHeaderBytesMax)), kChecksumsName);
    if (!wanted) return fail(Code::corrupt, "{}", wanted.error().message());
    Json found = checksums_;
    if (rows_sha256_) found[kVectorsName] = TRY(of_vectors(*wanted));
    if (*wanted == found) return {};
    return fail(Code::corrupt, "the members do not have the check sums of {}: bytes changed", kChecksumsName);
  }

  /// What stands for other programs, where the rows' own sum was compared.
  static Result<std::string> of_vectors(const Json& checksums) {
    const auto sum = string_field(checksums, kVectorsName);
    if (!sum) return fail(Code::corrupt, "{}: {}", kChecksumsName, sum.error().message());
    return *sum;
  }

  std::unique_ptr<ByteSource> own_;  ///< before who reads from it
  TarGzReader archive_;
  DeltaFacts facts_;
  std::string records_sha256_;
  std::optional<std::string> rows_sha256_;  ///< nothing in deltas of earlier programs
  Json checksums_ = Json::object();
};

DeltaReader::DeltaReader(std::unique_ptr<ByteSource> file) : parts_(std::make_unique<Parts>(std::move(file))) {}
DeltaReader::DeltaReader(DeltaReader&&) noexcept = default;
DeltaReader& DeltaReader::operator=(DeltaReader&&) noexcept = default;
DeltaReader::~DeltaReader() = default;

const DeltaFacts& DeltaReader::facts() const { return parts_->facts(); }

Result<std::vector<RecordLine>> DeltaReader::read_lines(const BeforeLines& before_lines) {
  return parts_->read_lines(before_lines);
}

Result<void> DeltaReader::read_rows(std::span<const RecordLine> lines, const EachRow& each) {
  return parts_->read_rows(lines, each);
}

Result<DeltaFacts> read_delta_lines(ByteSource& file, const std::function<Result<void>(DeltaLine&&)>& each,
                                    const std::function<void(std::uint64_t bytes)>& before_lines) {
  DeltaReader::Parts delta(file);
  auto lines = TRY(delta.read_lines([&](std::uint64_t bytes) -> Result<void> {
    if (before_lines) before_lines(bytes);
    return {};
  }));
  std::size_t given = 0;
  const auto give_until = [&](std::size_t end) -> Result<void> {
    for (; given < end; ++given) TRY(each({.line = std::move(lines[given]), .vector = {}, .vector_hash = {}}));
    return {};
  };
  TRY(delta.read_rows(lines, [&](std::size_t i, std::span<const float> vector, const Sum128& hash) -> Result<void> {
    TRY(give_until(i));
    return each({.line = std::move(lines[given++]), .vector = vector, .vector_hash = hash});
  }));
  TRY(give_until(lines.size()));
  return delta.facts();
}

Result<DeltaFacts> read_delta(ByteSource& file, const std::function<Result<void>(Record&&)>& each) {
  return read_delta_lines(file, [&](DeltaLine&& next) -> Result<void> {
    Record record = TRY(parse_record_text(next.line.text));
    record.vector.assign(next.vector.begin(), next.vector.end());
    if (!next.vector.empty()) record.known_hash = next.vector_hash;
    return each(std::move(record));
  });
}

Result<DeltaFacts> read_delta_records(ByteSource& file, const std::function<Result<void>(Record&&)>& each) {
  return DeltaReader::Parts(file).read_records_alone(each);
}

}  // namespace tillite
