#include "vectors/deltas/run_file.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "vectors/files/gathering_sink.h"
#include "vectors/files/xxh3.h"
#include "vectors/records/record_json.h"
#include "vectors/records/record_text.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

// A run: magic, then framed JSON values: the header, the records (each of kind vector followed by the sums of its
// numbers and these), the trailer.
constexpr std::string_view kMagic = "tillite-run/3\n";
constexpr std::string_view kAnyMagic = "tillite-run/";
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

static_assert(sizeof(VectorSums) == 24, "a run has it as it is in memory");

std::string trailer_text(std::uint64_t records, const std::string& sha256) {
  return to_text({{"records", records}, {"sha256", sha256}});
}

/// No record has a field of this name.
bool is_trailer(std::string_view frame) { return frame.starts_with(R"({"records":)"); }

}  // namespace

struct RunWriter::Parts {
  Parts(File file, const RunHeader& header, SerialWorker* beside)
      : sink(std::move(file), beside), binding(header.binding), shard(header.shard) {}

  GatheringSink sink;
  Sha256 hash;  ///< of all but the vectors, which have sums of their own
  std::uint64_t records = 0;
  RecordId last;
  CollectionBinding binding;
  std::optional<int> shard;

  Result<void> write(std::span<const std::byte> bytes) {
    hash.update(bytes);
    return sink.write(bytes);
  }

  Result<void> write_frame(std::string_view text) {
    if (text.size() > kFrameBytesMax) {
      return fail(Code::limit_exceeded, "{} would have a frame of {} bytes, at most {} are allowed",
                  sink.path().string(), text.size(), kFrameBytesMax);
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

Result<RunWriter> RunWriter::create(const Path& file, const RunHeader& header, SerialWorker* beside) {
  RunWriter writer(std::make_unique<Parts>(TRY(File::create(file)), header, beside));
  TRY(writer.parts_->write(as_bytes(kMagic)));
  TRY(writer.parts_->write_frame(to_text(header_json(header))));
  return writer;
}

Result<void> RunWriter::add(const RecordLine& line, const VectorSums& sums, std::span<const float> vector, bool stays) {
  check(parts_->records == 0 || parts_->last <= line.id, "a run's ids do not decrease");
  check((line.kind == RecordKind::vector) == !vector.empty(), "a record has a vector if it is of that kind");
  check(!parts_->shard || shard_of(line.id, parts_->binding.shards) == *parts_->shard,
        "a shard's run has this shard's records");
  TRY(parts_->write_frame(line.text));
  if (!vector.empty()) {
    check(vector.size() == parts_->binding.dimensions, "a run's vectors have the collection's dimensions");
    TRY(parts_->write(std::as_bytes(std::span(&sums, 1))));
    const auto bytes = std::as_bytes(vector);
    TRY(stays ? parts_->sink.write_staying(bytes) : parts_->sink.write(bytes));
  }
  parts_->last = line.id;
  ++parts_->records;
  return {};
}

Result<void> RunWriter::add(const Record& record) {
  const RecordLine line = TRY(parse_record_line(to_text(record_json(record))));
  if (record.vector.empty()) return add(line, {}, {});
  const std::span<const float> vector = record.vector;
  return add(line, {.hash = vector_hash(vector), .xxh3 = xxh3(std::as_bytes(vector))}, vector);
}

Result<void> RunWriter::finish() {
  const std::string checksum = parts_->hash.hex();
  TRY(parts_->write_frame(trailer_text(parts_->records, checksum)));
  return parts_->sink.flush();
}

struct RunReader::Parts {
  std::unique_ptr<ByteSource> source;
  std::string name;
  RunHeader header;
  Sha256 hash;
  std::uint64_t records = 0;
  RecordId last;
  bool ended = false;
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

  Result<std::string> take_frame() {
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
    return text;
  }

  void hash_frame(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(text);
  }

  /// The vector behind a frame, and its sums. A SHA-256 of it would take as long as all else that is done for a record.
  Result<VectorSums> take_vector(const RecordId& id, std::vector<float>& vector) {
    VectorSums sums;
    TRY(take(std::as_writable_bytes(std::span(&sums, 1))));
    hash.update(std::as_bytes(std::span(&sums, 1)));
    vector.resize(header.binding.dimensions);
    TRY(take(std::as_writable_bytes(std::span(vector))));
    if (xxh3(std::as_bytes(std::span(vector))) != sums.xxh3) {
      return fail(Code::corrupt, "{}: the vector of {} does not have its check sum", name, id.str());
    }
    TRY(check_stored_vector(vector, header.binding.dimensions, id));
    return sums;
  }

  /// The text of the next record; nothing at the end.
  Result<std::optional<std::string>> next_record() {
    if (ended) return std::optional<std::string>{};
    std::string text = TRY(take_frame());
    if (is_trailer(text)) {
      TRY(check_trailer(text));
      return std::optional<std::string>{};
    }
    hash_frame(text);
    return std::optional(std::move(text));
  }

  template <typename Parsed>
  Result<Parsed> parsed(Result<Parsed> record) const {
    if (!record) return fail(Code::corrupt, "{}: {}", name, record.error().message());
    return record;
  }

  /// Takes a record for the next one, if it belongs there.
  Result<void> note(const RecordId& id) {
    if (records > 0 && id < last) return fail(Code::corrupt, "{} is not sorted", name);
    if (header.shard && shard_of(id, header.binding.shards) != *header.shard) {
      return fail(Code::corrupt, "{} is of shard {}, and '{}' is not", name, *header.shard, id.str());
    }
    last = id;
    ++records;
    return {};
  }

  Result<void> check_trailer(std::string_view text) {
    if (text != trailer_text(records, hash.hex())) {
      return fail(Code::corrupt, "{} does not have its check sum", name);
    }
    if (!TRY(at_end())) return fail(Code::corrupt, "{} goes on behind its end", name);
    ended = true;
    return {};
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
  if (magic != kMagic) {
    const bool is_other = magic.starts_with(kAnyMagic);
    return fail(Code::corrupt, "{} is {}", parts->name, is_other ? "a run of another format" : "not a run");
  }
  parts->hash.update(magic);
  const std::string frame = TRY(parts->take_frame());
  parts->hash_frame(frame);
  const auto json = parse_json(frame, parts->name);
  if (!json) return fail(Code::corrupt, "{}", json.error().message());
  auto header = parse_header(*json);
  if (!header) return fail(Code::corrupt, "{}: {}", parts->name, header.error().message());
  parts->header = *std::move(header);
  return RunReader(std::move(parts));
}

const RunHeader& RunReader::header() const { return parts_->header; }

Result<std::optional<RunLine>> RunReader::next_line() {
  Parts& parts = *parts_;
  const auto text = TRY(parts.next_record());
  if (!text) return std::optional<RunLine>{};
  RunLine next{.line = TRY(parts.parsed(parse_record_line(*text))), .sums = {}, .vector = {}};
  TRY(parts.note(next.line.id));
  if (next.line.kind == RecordKind::vector) next.sums = TRY(parts.take_vector(next.line.id, next.vector));
  return std::optional(std::move(next));
}

Result<std::optional<Record>> RunReader::next() {
  Parts& parts = *parts_;
  const auto text = TRY(parts.next_record());
  if (!text) return std::optional<Record>{};
  Record record = TRY(parts.parsed(parse_record_text(*text)));
  TRY(parts.note(record.id));
  if (record.kind == RecordKind::vector) {
    record.known_hash = TRY(parts.take_vector(record.id, record.vector)).hash;
  }
  return std::optional(std::move(record));
}

}  // namespace tillite
