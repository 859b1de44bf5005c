// index_metadata.pickle: which label an id has, as Chroma reads it (pickle protocol 3, a plain dict).
#include "vectors/files/hashed_sink.h"
#include "vectors/hnsw/segment.h"
#include "vectors/hnsw/segment_files.h"

namespace tillite {
namespace {

// The few opcodes of Python's pickle that are needed (pickletools.py).
constexpr std::string_view kProto3 = "\x80\x03";
constexpr std::string_view kEmptyDict = "}";
constexpr std::string_view kMark = "(";
constexpr std::string_view kSetItems = "u";
constexpr std::string_view kNone = "N";
constexpr std::string_view kStop = ".";
constexpr std::size_t kItemsAtOnce = 1000;

class PickleWriter {
 public:
  explicit PickleWriter(ByteSink& sink) : sink_(sink) {}

  Result<void> raw(std::string_view opcodes) { return sink_.write(as_bytes(opcodes)); }

  Result<void> text(std::string_view value) {
    const auto size = static_cast<std::uint32_t>(value.size());
    TRY(raw("X"));
    TRY(sink_.write(std::as_bytes(std::span(&size, 1))));
    return raw(value);
  }

  Result<void> number(std::uint64_t value) {
    if (value <= INT32_MAX) {
      const auto small = static_cast<std::int32_t>(value);
      TRY(raw("J"));
      return sink_.write(std::as_bytes(std::span(&small, 1)));
    }
    TRY(raw("\x8a\x09"));  // LONG1 of nine bytes: eight of the number, and a zero for its sign
    TRY(sink_.write(std::as_bytes(std::span(&value, 1))));
    return raw(std::string_view("\0", 1));
  }

 private:
  ByteSink& sink_;
};

using EachLabel = std::function<Result<void>(const std::function<Result<void>(const RecordId&, std::uint64_t)>&)>;

/// A dict of all (id, label) pairs, either way round.
Result<void> write_map(PickleWriter& pickle, const EachLabel& each_label, bool id_first) {
  TRY(pickle.raw(kEmptyDict));
  std::size_t open_items = 0;
  TRY(each_label([&](const RecordId& id, std::uint64_t label) -> Result<void> {
    if (open_items == 0) TRY(pickle.raw(kMark));
    if (id_first) TRY(pickle.text(id.str()));
    TRY(pickle.number(label));
    if (!id_first) TRY(pickle.text(id.str()));
    if (++open_items < kItemsAtOnce) return {};
    open_items = 0;
    return pickle.raw(kSetItems);
  }));
  return open_items > 0 ? pickle.raw(kSetItems) : Result<void>();
}

}  // namespace

Result<WrittenFile> write_label_pickle(const Path& folder, std::uint64_t labels_given, const EachLabel& each_label) {
  HashedSink sink(TRY(File::create(folder / kPickleFile)));
  PickleWriter pickle(sink);
  TRY(pickle.raw(kProto3));
  TRY(pickle.raw(kEmptyDict));
  TRY(pickle.raw(kMark));
  TRY(pickle.text("dimensionality"));
  TRY(pickle.raw(kNone));
  TRY(pickle.text("total_elements_added"));
  TRY(pickle.number(labels_given));
  TRY(pickle.text("max_seq_id"));
  TRY(pickle.raw(kNone));
  TRY(pickle.text("id_to_label"));
  TRY(write_map(pickle, each_label, true));
  TRY(pickle.text("label_to_id"));
  TRY(write_map(pickle, each_label, false));
  TRY(pickle.text("id_to_seq_id"));
  TRY(pickle.raw(kEmptyDict));
  TRY(pickle.raw(kSetItems));
  TRY(pickle.raw(kStop));
  auto checksum = TRY(sink.finish());
  return WrittenFile{folder / kPickleFile, std::move(checksum)};
}

}  // namespace tillite
