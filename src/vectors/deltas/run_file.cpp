#include "vectors/deltas/run_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "vectors/records/record_json.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

// A run: magic, then framed JSON values: the header, the records (each of kind vector followed by its numbers), the
// trailer.
constexpr std::string_view kMagic = "tillite-run/1\n";
constexpr std::size_t kFrameBytesMax = std::size_t{4} << 20;

Json header_json(const RunHeader& header) {
  Json deltas = Json::array();
  for (const DeltaId& delta : header.deltas) deltas.push_back(delta.str());
  Json quarantined = Json::array();
  for (const auto& [delta, reason] : header.quarantined)
    quarantined.push_back({{"delta", delta.str()}, {"reason", reason}});
  Json json = {{"binding", to_json(header.binding)}, {"deltas", deltas}, {"quarantined", quarantined}};
  if (header.shard) json["shard"] = *header.shard;
  return json;
}

Result<RunHeader> parse_header(const Json& json) {
  RunHeader header;
  header.binding = TRY(parse_binding(TRY(object_field(json, "binding"))));
  for (const Json& delta : TRY(array_field(json, "deltas"))) {
    if (!delta.is_string()) return fail(Code::corrupt, "the field 'deltas' must list ids");
    header.deltas.emplace_back(delta.get<std::string>());
  }
  for (const Json& one : TRY(array_field(json, "quarantined"))) {
    RunHeader::Quarantined& quarantined = header.quarantined.emplace_back();
    quarantined.delta = DeltaId(TRY(string_field(one, "delta")));
    quarantined.reason = TRY(string_field(one, "reason"));
  }
  if (!json.contains("shard")) return header;
  const auto shard = TRY(int_field(json, "shard"));
  if (shard < 0 || shard >= header.binding.shards) {
    return fail(Code::corrupt, "it is of shard {}, the collection has {}", shard, header.binding.shards);
  }
  header.shard = static_cast<int>(shard);
  return header;
}

}  // namespace

struct RunWriter::Parts {
  FileSink sink;
  Sha256 hash;
  std::uint64_t records = 0;
  RecordId last;
  CollectionBinding binding;
  std::optional<int> shard;

  Result<void> write(std::span<const std::byte> bytes) {
    hash.update(bytes);
    return sink.write(bytes);
  }

  Result<void> write_frame(const Json& json) {
    const std::string text = to_text(json);
    if (text.size() > kFrameBytesMax) {
      return fail(Code::limit_exceeded, "{} would have a frame of {} bytes, at most {} are allowed",
                  sink.file().path().string(), text.size(), kFrameBytesMax);
    }
    const auto size = static_cast<std::uint32_t>(text.size());
    TRY(write(std::as_bytes(std::span(&size, 1))));
    return write(as_bytes(text));
  }
};

RunWriter::RunWriter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RunWriter::RunWriter(RunWriter&&) noexcept = default;
RunWriter& RunWriter::operator=(RunWriter&&) noexcept = default;
RunWriter::~RunWriter() = default;

Result<RunWriter> RunWriter::create(const Path& file, const RunHeader& header) {
  RunWriter writer(std::unique_ptr<Parts>(
      new Parts{.sink = FileSink(TRY(File::create(file))), .binding = header.binding, .shard = header.shard}));
  TRY(writer.parts_->write(as_bytes(kMagic)));
  TRY(writer.parts_->write_frame(header_json(header)));
  return writer;
}

Result<void> RunWriter::add(const Record& record) {
  check(parts_->records == 0 || parts_->last <= record.id, "a run's ids do not decrease");
  check((record.kind == RecordKind::vector) == !record.vector.empty(), "a record has a vector if it is of that kind");
  check(!parts_->shard || shard_of(record.id, parts_->binding.shards) == *parts_->shard,
        "a shard's run has this shard's records");
  TRY(parts_->write_frame(record_json(record)));
  if (record.kind == RecordKind::vector) {
    check(record.vector.size() == parts_->binding.dimensions, "a run's vectors have the collection's dimensions");
    TRY(parts_->write(std::as_bytes(std::span(record.vector))));
  }
  parts_->last = record.id;
  ++parts_->records;
  return {};
}

Result<void> RunWriter::finish() {
  const std::string checksum = parts_->hash.hex();
  TRY(parts_->write_frame({{"records", parts_->records}, {"sha256", checksum}}));
  TRY(parts_->sink.flush());
  return parts_->sink.file().sync();
}

struct RunReader::Parts {
  std::unique_ptr<ByteSource> source;
  std::string name;
  RunHeader header;
  Sha256 hash;
  std::uint64_t records = 0;
  RecordId last;
  bool ended = false;
  std::optional<Record> ahead;  ///< read by is_empty()
  std::vector<std::byte> buffer = std::vector<std::byte>(256 * 1024);
  std::size_t begin = 0;
  std::size_t end = 0;

  /// Small reads through one buffer.
  Result<void> take(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      if (begin == end) {
        begin = 0;
        end = TRY(source->read(buffer));
        if (end == 0) return fail(Code::corrupt, "{} ends in the middle", name);
      }
      const std::size_t size = std::min(bytes.size(), end - begin);
      std::memcpy(bytes.data(), buffer.data() + begin, size);
      begin += size;
      bytes = bytes.subspan(size);
    }
    return {};
  }

  Result<bool> at_end() {
    if (begin < end) return false;
    std::byte more{};
    return TRY(source->read(std::span(&more, 1))) == 0;
  }

  Result<Json> take_frame(Sha256& digest) {
    std::uint32_t size = 0;
    TRY(take(std::as_writable_bytes(std::span(&size, 1))));
    if (size > kFrameBytesMax) return fail(Code::corrupt, "{} has a frame of {} bytes", name, size);
    // Grown as it is read: a broken length does not take memory that the file does not fill.
    std::string text;
    for (std::size_t left = size; left > 0;) {
      const std::size_t piece = std::min<std::size_t>(left, 1 << 20);
      text.resize(text.size() + piece);
      TRY(take(std::as_writable_bytes(std::span(text)).last(piece)));
      left -= piece;
    }
    digest.update(std::as_bytes(std::span(&size, 1)));
    digest.update(text);
    const auto json = parse_json(text, name);
    if (!json) return fail(Code::corrupt, "{}", json.error().message());
    return *json;
  }
};

RunReader::RunReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RunReader::RunReader(RunReader&&) noexcept = default;
RunReader& RunReader::operator=(RunReader&&) noexcept = default;
RunReader::~RunReader() = default;

Result<RunReader> RunReader::open(std::unique_ptr<ByteSource> source, std::string name) {
  auto parts = std::make_unique<Parts>();
  parts->source = std::move(source);
  parts->name = std::move(name);
  std::string magic(kMagic.size(), '\0');
  TRY(parts->take(std::as_writable_bytes(std::span(magic))));
  if (magic != kMagic) return fail(Code::corrupt, "{} is not a run", parts->name);
  parts->hash.update(magic);
  auto header = parse_header(TRY(parts->take_frame(parts->hash)));
  if (!header) return fail(Code::corrupt, "{}: {}", parts->name, header.error().message());
  parts->header = *std::move(header);
  return RunReader(std::move(parts));
}

const RunHeader& RunReader::header() const { return parts_->header; }

Result<bool> RunReader::is_empty() {
  if (!parts_->ahead) parts_->ahead = TRY(next());
  return !parts_->ahead;
}

Result<std::optional<Record>> RunReader::next() {
  Parts& parts = *parts_;
  if (parts.ahead) return std::exchange(parts.ahead, std::nullopt);
  if (parts.ended) return std::optional<Record>{};
  Sha256 before = parts.hash.copy();
  const Json json = TRY(parts.take_frame(parts.hash));
  if (json.contains("sha256")) {
    if (json != Json{{"records", parts.records}, {"sha256", before.hex()}}) {
      return fail(Code::corrupt, "{} does not have its check sum", parts.name);
    }
    if (!TRY(parts.at_end())) return fail(Code::corrupt, "{} goes on behind its end", parts.name);
    parts.ended = true;
    return std::optional<Record>{};
  }
  auto record = parse_record(json);
  if (!record) return fail(Code::corrupt, "{}: {}", parts.name, record.error().message());
  if (parts.records > 0 && record->id < parts.last) return fail(Code::corrupt, "{} is not sorted", parts.name);
  const RunHeader& header = parts.header;
  if (header.shard && shard_of(record->id, header.binding.shards) != *header.shard) {
    return fail(Code::corrupt, "{} is of shard {}, and '{}' is not", parts.name, *header.shard, record->id.str());
  }
  if (record->kind == RecordKind::vector) {
    record->vector.resize(parts.header.binding.dimensions);
    const auto bytes = std::as_writable_bytes(std::span(record->vector));
    TRY(parts.take(bytes));
    parts.hash.update(std::span<const std::byte>(bytes));
    TRY(check_stored_vector(record->vector, parts.header.binding.dimensions, record->id));
  }
  parts.last = record->id;
  ++parts.records;
  return std::optional<Record>(*std::move(record));
}

}  // namespace tillite
