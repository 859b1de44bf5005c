#include "steps/imports/record_import.h"

#include "base/check.h"
#include "base/uuid.h"
#include "receipts/receipt_items.h"
#include "steps/compact.h"
#include "steps/generations/collection.h"
#include "vectors/records/record_json.h"
#include "vectors/snapshots/pinned_version.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::size_t kBadListedMax = 1'000;
constexpr std::size_t kDeltaRecordsMax = 5'000;
constexpr std::size_t kDeltaBytesMax = std::size_t{32} << 20;
constexpr std::string_view kReservedPrefix = "chroma:";

/// The newest version of a collection as it is when the import begins; nothing if none was published.
class Base {
 public:
  static Result<Base> open(const CollectionBinding& binding, const Ports& ports, const StepContext& context) {
    Base base(TRY(ScratchFolder::create(context.scratch)));
    const auto newest = TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).newest());
    if (!newest) return base;
    base.number_ = newest->number;
    base.version_ = TRY(PinnedVersion::open(ports.vectors, *newest, base.room_.path(), /*verify=*/false));
    return base;
  }

  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] Result<std::optional<IndexedRecord>> find(const RecordId& id) const {
    return TRY(version_.known(id)).stored;
  }

 private:
  explicit Base(ScratchFolder room) : room_(std::move(room)) {}
  ScratchFolder room_;  ///< outlives the version, which maps files in it
  PinnedVersion version_;
  std::int64_t number_ = 0;
};

/// Metadata as it can be stored here: a list becomes its JSON text, so that nothing of it is lost. The names that
/// Chroma reserves have no place; the answer says which were left out.
std::string storable(Json& metadata) {
  std::string left_out;
  for (auto field = metadata.begin(); field != metadata.end();) {
    if (field.value().is_array()) field.value() = to_text(field.value());
    if (!field.key().empty() && !field.key().starts_with(kReservedPrefix)) {
      ++field;
      continue;
    }
    left_out += fmt::format("{}'{}'", left_out.empty() ? "" : ", ", field.key());
    field = metadata.erase(field);
  }
  return left_out;
}

/// That a version has taken the deltas in, and none of them was put aside.
Result<void> check_merged(const std::vector<DeltaId>& deltas, const CollectionBinding& binding, ObjectStore& vectors) {
  if (deltas.empty()) return {};
  const auto newest = TRY(ManifestLog(vectors, binding.collection, binding.generation).newest());
  for (const DeltaId& delta : deltas) {
    if (!newest || !newest->has_consumed(delta)) {
      return fail(Code::unavailable, "the delta {} of the import waits for a merge still: compact {}", delta.str(),
                  binding.collection);
    }
    for (const auto& quarantined : newest->quarantined) {
      if (quarantined.delta != delta) continue;
      return fail(Code::corrupt, "the delta {} of the import could not be merged ({}): import again", delta.str(),
                  quarantined.reason);
    }
  }
  return {};
}

}  // namespace

class RecordImport::Parts {
 public:
  using Count = std::uint64_t ImportedRecords::*;
  struct News {
    Record record;
    Count counted = nullptr;  ///< where in the report
  };

  Parts(CollectionBinding binding, Entity entity, Base base, ImportMode mode, const Ports& ports,
        const StepContext& context)
      : binding_(std::move(binding)),
        entity_(entity),
        base_(std::move(base)),
        mode_(mode),
        ports_(ports),
        context_(context) {}

  [[nodiscard]] const CollectionBinding& binding() const { return binding_; }
  [[nodiscard]] std::uint64_t news() const { return report_.added + report_.changed; }

  Result<void> take(ChromaRecord&& from, std::optional<std::int64_t> version) {
    ++report_.records;
    Record record;
    record.id = RecordId(std::move(from.id));
    record.item_version = version.value_or(kFirstImportedVersion);
    record.document = std::move(from.document);
    record.metadata = std::move(from.metadata);
    record.vector = std::move(from.vector);
    const std::string left_out = storable(record.metadata);
    const auto valid = check(record);
    if (!valid) return list_bad(record.id, valid.error().message());
    if (!left_out.empty()) {
      TRY(list_bad(record.id, "it goes in without its metadata " + left_out + ", which has a name of Chroma's own"));
    }
    const auto is_removed = was_removed(record.id);
    if (!is_removed && is_unreadable(is_removed.error())) {
      return list_bad(record.id, "its row cannot be read: " + is_removed.error().message());
    }
    if (TRY(std::move(is_removed))) {
      ++report_.removed;
      return {};
    }
    const auto news = TRY(news_of(record, version.has_value()));
    if (!news) return {};
    bytes_ += record.vector.size() * sizeof(float) + record.document.size() + to_text(record.metadata).size();
    waiting_.push_back({std::move(record), *news});
    return waiting_.size() < kDeltaRecordsMax && bytes_ < kDeltaBytesMax ? Result<void>() : write_delta();
  }

  Result<void> write_delta() {
    bytes_ = 0;
    if (mode_ == ImportMode::preview) waiting_.clear();
    if (waiting_.empty()) return {};
    const DeltaId id = delta_id();
    const auto room = TRY(ScratchFolder::create(context_.scratch));
    auto writer = TRY(DeltaWriter::create(
        room.path(), {.id = id, .batch_id = {}, .binding = binding_, .created_ms = ports_.clock.now_ms()}));
    std::size_t written = 0;
    for (auto& [record, counted] : waiting_) {
      const RecordId record_id = record.id;
      const auto added = writer.add(std::move(record));
      if (added) {
        ++written;
        continue;
      }
      if (added.error().code() != Code::invalid_input && added.error().code() != Code::limit_exceeded) return added;
      --(report_.*counted);
      TRY(list_bad(record_id, added.error().message()));
    }
    waiting_.clear();
    if (written == 0) return {};
    const auto created =
        ports_.vectors.create_from_file(delta_key(binding_.collection, binding_.generation, id), TRY(writer.finish()));
    if (!created && created.error().code() != Code::conflict) return created;
    deltas_.push_back(id);
    report_.deltas = deltas_.size();
    context_.log.info("imported records wait for the next merge",
                      {{"collection", binding_.collection}, {"delta_id", id.str()}, {"records", written}});
    return {};
  }

  Result<ImportedRecords> finish() {
    TRY(write_delta());
    if (mode_ == ImportMode::preview) return report_;
    report_.compacted = TRY(compact_collection(entity_, ports_, context_));
    TRY(check_merged(deltas_, binding_, ports_.vectors));
    return report_;
  }

 private:
  Result<void> list_bad(const RecordId& id, std::string reason) {
    ++report_.bad;
    if (report_.listed.size() < kBadListedMax) report_.listed.push_back({id.str().substr(0, 512), std::move(reason)});
    return {};
  }

  [[nodiscard]] Result<void> check(const Record& record) const {
    TRY(check_record(record));
    const auto name = parse_record_id(record.id);
    if (!name || name->entity() == entity_) return {};
    return fail(Code::invalid_input, "it is a {}'s, and {} has none of these", names_of(name->entity()).name,
                binding_.collection);
  }

  static bool is_unreadable(const Error& error) {
    return error.code() == Code::corrupt || error.code() == Code::invalid_input;
  }

  /// An item that was removed here, or that is noise, has no vector, whoever brings one.
  [[nodiscard]] Result<bool> was_removed(const RecordId& id) const {
    if (!parse_record_id(id)) return false;
    const auto row = TRY(ports_.table.get(row_key(id)));
    if (!row) return false;
    const ItemState state = TRY(item_state(*row));
    return state.removed || state.status == EmbeddingStatus::noise;
  }

  /// The count of the report that the record belongs to if it says what the newest version does not know; one without
  /// a version of its own gets the one that follows then.
  [[nodiscard]] Result<std::optional<Count>> news_of(Record& record, bool has_version) {
    const auto stored = TRY(base_.find(record.id));
    if (stored && !stored->label) return no_news(&ImportedRecords::removed);
    if (stored && stored->item_version > 0) return no_news(&ImportedRecords::ours);
    // The writer of the delta normalises what it is given: here only the outcome is of interest.
    auto vector = record.vector;
    if (const auto normalised = normalise(vector); !normalised) {
      TRY(list_bad(record.id, normalised.error().message()));
      return std::nullopt;
    }
    if (!stored) return news(&ImportedRecords::added);
    const Sum128 hash =
        record_hash(record.id, stored->item_version, vector_hash(vector), record.metadata, record.document);
    if (hash == stored->record_hash) return no_news(&ImportedRecords::unchanged);
    if (has_version && record.item_version <= stored->item_version) return no_news(&ImportedRecords::older);
    if (!has_version) record.item_version = stored->item_version + 1;
    return news(&ImportedRecords::changed);
  }
  std::optional<Count> news(Count count) {
    ++(report_.*count);
    return count;
  }
  std::optional<Count> no_news(Count count) {
    ++(report_.*count);
    return std::nullopt;
  }

  /// Of the content, and of the version that it is news to: after a rollback the same records are news again.
  [[nodiscard]] DeltaId delta_id() const {
    Sha256 content;
    for (const auto& [record, counted] : waiting_) {
      content.update(
          record_hash(record.id, record.item_version, vector_hash(record.vector), record.metadata, record.document)
              .hex());
    }
    return DeltaId(uuid5(
        fmt::format("import {} {} {} {}", binding_.collection, binding_.generation, base_.number(), content.hex())));
  }

  CollectionBinding binding_;
  Entity entity_;
  Base base_;
  ImportMode mode_;
  const Ports& ports_;
  const StepContext& context_;
  ImportedRecords report_;
  std::vector<DeltaId> deltas_;
  std::vector<News> waiting_;  ///< for the next delta
  std::size_t bytes_ = 0;      ///< of these
};

RecordImport::RecordImport(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RecordImport::RecordImport(RecordImport&&) noexcept = default;
RecordImport& RecordImport::operator=(RecordImport&&) noexcept = default;
RecordImport::~RecordImport() = default;

Result<RecordImport> RecordImport::begin(Entity into, const Ports& ports, const StepContext& context, ImportMode mode) {
  CollectionBinding binding;
  if (mode == ImportMode::preview) {
    binding = TRY(stored_binding(into, ports.vectors)).value_or(wanted_binding(into, context.settings));
  } else {
    binding = TRY(active_collection(into, ports, context));
    TRY(compact_collection(into, ports, context));
  }
  auto base = TRY(Base::open(binding, ports, context));
  return RecordImport(std::make_unique<Parts>(std::move(binding), into, std::move(base), mode, ports, context));
}

Result<void> RecordImport::check_dimensions(const ChromaCollection& from) const {
  const CollectionBinding& binding = parts_->binding();
  if (from.dimensions == 0 || from.dimensions == binding.dimensions) return {};
  return fail(Code::invalid_input, "the collection '{}' has vectors of {} numbers, {} is bound to {} (model {})",
              from.name, from.dimensions, binding.collection, binding.dimensions, binding.model);
}

Result<void> RecordImport::take(ChromaRecord&& record, std::optional<std::int64_t> version) {
  check(!version || (*version >= kFirstImportedVersion && *version < 1), "an import stands below the pipeline");
  return parts_->take(std::move(record), version);
}

std::uint64_t RecordImport::news() const { return parts_->news(); }
Result<void> RecordImport::flush() { return parts_->write_delta(); }
Result<ImportedRecords> RecordImport::finish() { return parts_->finish(); }

}  // namespace tillite
