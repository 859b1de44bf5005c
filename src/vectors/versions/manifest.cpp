#include "vectors/versions/manifest.h"

#include <algorithm>
#include <set>

#include "base/time.h"
#include "vectors/files/file_checksum.h"
#include "vectors/records/shard.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::string_view kFormat = "tillite-manifest/1";         // of a collection that is one shard
constexpr std::string_view kShardedFormat = "tillite-manifest/2";  // of several
constexpr std::string_view kPartedFormat = "tillite-manifest/3";   // of any number, with a checksum by SHA-256 of parts
constexpr std::string_view kQuickFormat = "tillite-manifest/4";    // of any number, with a checksum by XXH3 of parts
constexpr std::size_t kManifestBytesMax = std::size_t{64} << 20;
constexpr std::size_t kHintBytesMax = 4096;
constexpr int kAttemptsMax = 5;

std::unexpected<Error> broken(std::string_view what) { return fail(Code::corrupt, "{}", what); }

Json ids_json(const std::vector<DeltaId>& ids) {
  Json json = Json::array();
  for (const DeltaId& id : ids) json.push_back(id.str());
  return json;
}

Result<std::vector<DeltaId>> parse_ids(const Json& json, std::string_view field) {
  std::vector<DeltaId> ids;
  for (const Json& id : TRY(array_field(json, field))) {
    if (!id.is_string() || id.get_ref<const std::string&>().empty()) {
      return fail(Code::corrupt, "the field '{}' must list ids", field);
    }
    ids.emplace_back(id.get<std::string>());
  }
  return ids;
}

/// The first format that can say what a manifest says, so that as many programs as possible can read it.
std::string_view format_of(const Manifest& manifest) {
  const auto has = [&](ChecksumForm form) {
    const auto is_of_it = [&](const Manifest::SnapshotFile& file) {
      return checksum_parts(file.size_bytes) > 1 && checksum_form(file.checksum, file.size_bytes) == form;
    };
    return std::ranges::any_of(manifest.shards,
                               [&](const auto& shard) { return std::ranges::any_of(shard.files, is_of_it); });
  };
  if (has(ChecksumForm::by_parts)) return kQuickFormat;
  if (has(ChecksumForm::by_sha256_parts)) return kPartedFormat;
  return manifest.binding.shards > 1 ? kShardedFormat : kFormat;
}

/// What the formats call a file's checksum.
const char* checksum_name(std::string_view format) { return format == kQuickFormat ? "checksum" : "sha256"; }

/// The folder and its files: the whole `snapshot` of /1, a part of each shard of the others.
Json snapshot_json(const Manifest::Shard& shard, std::string_view format) {
  Json files = Json::array();
  for (const auto& file : shard.files) {
    files.push_back({{"name", file.name}, {"size_bytes", file.size_bytes}, {checksum_name(format), file.checksum}});
  }
  return {{"folder", shard.folder}, {"files", std::move(files)}};
}

Json shards_json(const std::vector<Manifest::Shard>& shards, std::string_view format) {
  Json json = Json::array();
  for (const auto& shard : shards) {
    json.push_back(snapshot_json(shard, format));
    json.back().update(
        {{"vectors", shard.vectors}, {"tombstones", shard.tombstones}, {"checksum", shard.checksum.hex()}});
  }
  return json;
}

Result<std::uint64_t> count_field(const Json& json, std::string_view field) {
  const std::int64_t count = TRY(int_field(json, field));
  if (count < 0) return fail(Code::corrupt, "the field '{}' is below 0", field);
  return static_cast<std::uint64_t>(count);
}

/// `counts`: where the numbers of vectors and tombstones and the checksum stand.
Result<Manifest::Shard> parse_shard(const Json& snapshot, const Json& counts, std::string_view format) {
  Manifest::Shard shard;
  shard.folder = TRY(string_field(snapshot, "folder"));
  shard.vectors = TRY(count_field(counts, "vectors"));
  shard.tombstones = TRY(count_field(counts, "tombstones"));
  shard.checksum = TRY(Sum128::from_hex(TRY(string_field(counts, "checksum"))));
  for (const Json& json : TRY(array_field(snapshot, "files"))) {
    Manifest::SnapshotFile& file = shard.files.emplace_back();
    file.name = TRY(string_field(json, "name"));
    file.size_bytes = TRY(count_field(json, "size_bytes"));
    file.checksum = TRY(string_field(json, checksum_name(format)));
  }
  return shard;
}

Result<std::vector<Manifest::Shard>> parse_shards(const Json& json, std::string_view format) {
  std::vector<Manifest::Shard> shards;
  if (format == kFormat) {
    if (find_field(json, "snapshot") == nullptr) return shards;
    shards.push_back(TRY(parse_shard(TRY(object_field(json, "snapshot")), json, format)));
    return shards;
  }
  for (const Json& shard : TRY(array_field(json, "shards"))) shards.push_back(TRY(parse_shard(shard, shard, format)));
  return shards;
}

Result<std::vector<RunHeader::Quarantined>> parse_quarantined(const Json& json) {
  std::vector<RunHeader::Quarantined> all;
  for (const Json& one : TRY(array_field(json, "quarantined"))) {
    RunHeader::Quarantined& quarantined = all.emplace_back();
    quarantined.delta = DeltaId(TRY(string_field(one, "delta")));
    quarantined.reason = TRY(string_field(one, "reason"));
  }
  return all;
}

template <typename List, typename Key>
bool strictly_ascending(const List& list, Key key) {
  return std::ranges::adjacent_find(list, [&](const auto& a, const auto& b) {
           return !(std::invoke(key, a) < std::invoke(key, b));
         }) == list.end();
}

bool is_part_of(const std::vector<DeltaId>& part, const std::vector<DeltaId>& whole) {
  return std::ranges::includes(whole, part);
}

Result<void> check_files(const Manifest::Shard& shard) {
  const auto& folder = shard.folder;
  const auto& files = shard.files;
  if (folder.empty() || !folder.ends_with('/')) return broken("the snapshot's folder does not end with '/'");
  if (files.empty()) return broken("the snapshot has no files");
  if (!strictly_ascending(files, &Manifest::SnapshotFile::name)) return broken("the snapshot's files are not sorted");
  for (const auto& file : files) {
    if (!check_key(ObjectKey(folder + file.name))) return broken("a file's name leads out of the snapshot's folder");
    if (!checksum_form(file.checksum, file.size_bytes)) return broken("a file's checksum is none of its size");
  }
  return {};
}

/// Each shard has a whole snapshot of its own, and together they are what the manifest says.
Result<void> check_shards(const Manifest& manifest) {
  const int shards = manifest.binding.shards;
  if (manifest.has_snapshot() && manifest.shards.size() != static_cast<std::size_t>(shards)) {
    return fail(Code::corrupt, "it names {} shards, the collection has {}", manifest.shards.size(), shards);
  }
  std::set<std::string> folders;
  Manifest sum;
  sum.set_shards(manifest.shards);
  for (int number = 0; number < static_cast<int>(manifest.shards.size()); ++number) {
    const Manifest::Shard& shard = manifest.shards[static_cast<std::size_t>(number)];
    TRY(check_files(shard));
    if (!shard.folder.ends_with(shard_folder("/", number, shards))) {
      return broken("a shard's folder is not called like the shard");
    }
    if (!folders.insert(shard.folder).second) return broken("two shards have one folder");
  }
  if (sum.vectors != manifest.vectors || sum.checksum != manifest.checksum ||
      (manifest.has_snapshot() && sum.tombstones != manifest.tombstones)) {
    return broken(manifest.has_snapshot() ? "the shards add up to something else than it says"
                                          : "it counts vectors and has no snapshot");
  }
  return {};
}

/// What must hold of a manifest by itself.
Result<void> check_alone(const Manifest& manifest) {
  if (manifest.number < 1) return broken("the number is below 1");
  if (manifest.predecessor != manifest.number - 1) return broken("the predecessor is not the number before it");
  if (manifest.predecessor_nonce.empty() != (manifest.number == 1)) {
    return broken("all but the first name their predecessor's nonce");
  }
  if (manifest.epoch < 1) return broken("the epoch is below 1");
  if (manifest.nonce.empty()) return broken("the nonce is empty");
  if (!strictly_ascending(manifest.consumed, &DeltaId::str)) return broken("the consumed deltas are not sorted");
  if (!strictly_ascending(manifest.added, &DeltaId::str)) return broken("the added deltas are not sorted");
  if (!is_part_of(manifest.added, manifest.consumed)) return broken("an added delta is not among the consumed");
  if (manifest.fence && !manifest.added.empty()) return broken("a fence consumes deltas");
  if (!strictly_ascending(manifest.quarantined, &RunHeader::Quarantined::delta)) {
    return broken("the quarantined deltas are not sorted");
  }
  for (const auto& quarantined : manifest.quarantined) {
    if (!manifest.has_consumed(quarantined.delta)) return broken("a quarantined delta is not among the consumed");
  }
  return check_shards(manifest);
}

/// What must hold between a manifest and the one before it.
Result<void> check_succession(const Manifest& before, const Manifest& after) {
  if (after.number != before.number + 1 || after.predecessor_nonce != before.nonce) {
    return fail(Code::corrupt, "version {} of {} does not follow version {}", after.number, after.binding.collection,
                before.number);
  }
  if (after.epoch < before.epoch) {
    return fail(Code::corrupt, "version {} of {} has epoch {}, the one before it has {}", after.number,
                after.binding.collection, after.epoch, before.epoch);
  }
  if (after.binding != before.binding) {
    return fail(Code::corrupt, "version {} of {} is bound to something else than the one before it", after.number,
                after.binding.collection);
  }
  for (const Manifest::Shard& taken : after.shards) {
    const auto shard = std::ranges::find(before.shards, taken.folder, &Manifest::Shard::folder);
    if (shard == before.shards.end() || *shard == taken) continue;
    return fail(Code::corrupt, "version {} of {} says of the files in {} something else than the one before it",
                after.number, after.binding.collection, taken.folder);
  }
  return {};
}

Result<Manifest> parse(const Json& json) {
  const std::string format = TRY(string_field(json, "format"));
  if (format != kFormat && format != kShardedFormat && format != kPartedFormat && format != kQuickFormat) {
    return fail(Code::unsupported,
                "its format is '{}', this program knows {}, {}, {} and {}: use the version that wrote it",
                format.substr(0, 64), kFormat, kShardedFormat, kPartedFormat, kQuickFormat);
  }
  Manifest manifest;
  manifest.binding = TRY(parse_binding(TRY(object_field(json, "binding"))));
  manifest.number = TRY(int_field(json, "number"));
  manifest.predecessor = TRY(int_field(json, "predecessor"));
  manifest.predecessor_nonce = TRY(string_field(json, "predecessor_nonce"));
  manifest.epoch = TRY(int_field(json, "epoch"));
  manifest.nonce = TRY(string_field(json, "nonce"));
  manifest.writer = TRY(string_field(json, "writer"));
  manifest.created_ms = TRY(parse_iso_time(TRY(string_field(json, "created_at"))));
  manifest.fence = TRY(bool_field(json, "fence"));
  manifest.shards = TRY(parse_shards(json, format));
  manifest.vectors = TRY(count_field(json, "vectors"));
  manifest.tombstones = TRY(count_field(json, "tombstones"));
  manifest.checksum = TRY(Sum128::from_hex(TRY(string_field(json, "checksum"))));
  manifest.consumed = TRY(parse_ids(json, "consumed"));
  manifest.added = TRY(parse_ids(json, "added"));
  manifest.quarantined = TRY(parse_quarantined(json));
  TRY(check_alone(manifest));
  if (format != format_of(manifest)) return fail(Code::corrupt, "it is one of format {}", format_of(manifest));
  return manifest;
}

bool is_absent(const Error& error) { return error.code() == Code::not_found; }

/// The number in a hint or boundary object: {"number": N}.
Result<std::int64_t> parse_number(std::string_view text, const ObjectKey& key) {
  const Json json = TRY(parse_json(text, key.str()));
  return int_field(json, "number");
}

std::string number_text(std::int64_t number) { return to_text({{"number", number}}); }

}  // namespace

bool Manifest::has_consumed(const DeltaId& delta) const { return std::ranges::binary_search(consumed, delta); }

void Manifest::set_shards(std::vector<Shard> all) {
  shards = std::move(all);
  vectors = 0;
  tombstones = 0;
  checksum = Sum128();
  for (const Shard& shard : shards) {
    vectors += shard.vectors;
    tombstones += shard.tombstones;
    checksum += shard.checksum;
  }
}

Json to_json(const Manifest& manifest) {
  const std::string_view format = format_of(manifest);
  Json quarantined = Json::array();
  for (const auto& [delta, reason] : manifest.quarantined) {
    quarantined.push_back({{"delta", delta.str()}, {"reason", reason}});
  }
  Json json = {{"format", format},
               {"binding", to_json(manifest.binding)},
               {"number", manifest.number},
               {"predecessor", manifest.predecessor},
               {"predecessor_nonce", manifest.predecessor_nonce},
               {"epoch", manifest.epoch},
               {"nonce", manifest.nonce},
               {"writer", manifest.writer},
               {"created_at", iso_time(manifest.created_ms)},
               {"fence", manifest.fence},
               {"vectors", manifest.vectors},
               {"tombstones", manifest.tombstones},
               {"checksum", manifest.checksum.hex()},
               {"consumed", ids_json(manifest.consumed)},
               {"added", ids_json(manifest.added)},
               {"quarantined", std::move(quarantined)}};
  if (format == kFormat) {
    json["snapshot"] = manifest.has_snapshot() ? snapshot_json(manifest.shards.front(), format) : Json(nullptr);
  } else {
    json["shards"] = shards_json(manifest.shards, format);
  }
  return json;
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view name) {
  const auto read = [&]() -> Result<Manifest> { return parse(TRY(parse_json(text, "the manifest"))); };
  auto manifest = read();
  if (manifest) return manifest;
  const Code code = manifest.error().code() == Code::unsupported ? Code::unsupported : Code::corrupt;
  return fail(code, "{}: {}", name, manifest.error().message());
}

Result<Manifest> ManifestLog::read(std::int64_t number) {
  const ObjectKey key = manifest_key(collection_, generation_, number);
  const std::string text = TRY(read_object(objects_, key, kManifestBytesMax));
  Manifest manifest = TRY(parse_manifest(text, key.str()));
  if (manifest.number != number || manifest.binding.collection != collection_ ||
      manifest.binding.generation != generation_) {
    return fail(Code::corrupt, "{} says that it is version {} of {}/g{}", key.str(), manifest.number,
                manifest.binding.collection, manifest.binding.generation);
  }
  return manifest;
}

Result<std::vector<std::int64_t>> ManifestLog::numbers() {
  std::vector<std::int64_t> numbers;
  for (const ObjectInfo& object : TRY(list_all(objects_, manifest_folder(collection_, generation_)))) {
    if (const auto number = manifest_number_of(object.key)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<std::int64_t> ManifestLog::boundary() {
  const ObjectKey key = boundary_key(collection_, generation_);
  const auto text = read_object(objects_, key, kHintBytesMax);
  if (!text && is_absent(text.error())) return 0;
  if (!text) return std::unexpected(text.error());
  const auto number = parse_number(*text, key);
  if (!number) return fail(Code::corrupt, "{}: {}", key.str(), number.error().message());
  return *number;
}

Result<void> ManifestLog::raise_boundary(std::int64_t number) {
  const ObjectKey key = boundary_key(collection_, generation_);
  const std::string text = number_text(number);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const auto info = objects_.info(key);
    if (!info && !is_absent(info.error())) return std::unexpected(info.error());
    // Read after its etag was: if it changes in between, the write below is refused.
    if (info && TRY(boundary()) >= number) return {};
    const auto written =
        info ? objects_.replace(key, as_bytes(text), info->etag) : objects_.create(key, as_bytes(text));
    if (written || written.error().code() != Code::conflict) return written;
  }
  return fail(Code::unavailable, "the boundary {} changes all the time", key.str());
}

/// What the pointer names, if that is a manifest. A hint can be wrong in any way; only a store that cannot be asked
/// counts.
Result<std::optional<Manifest>> ManifestLog::hinted() {
  const ObjectKey key = pointer_key(collection_, generation_);
  const auto text = read_object(objects_, key, kHintBytesMax);
  if (!text) {
    if (is_absent(text.error()) || text.error().code() == Code::limit_exceeded) return std::optional<Manifest>{};
    return std::unexpected(text.error());
  }
  const auto number = parse_number(*text, key);
  if (!number || *number < 1) return std::optional<Manifest>{};
  auto manifest = read(*number);
  if (!manifest && is_absent(manifest.error())) return std::optional<Manifest>{};
  if (!manifest) return std::unexpected(manifest.error());
  return std::optional(*std::move(manifest));
}

/// The last in the list of all manifests.
Result<std::optional<Manifest>> ManifestLog::last_listed() {
  const auto all = TRY(numbers());
  if (all.empty()) return std::optional<Manifest>{};
  return std::optional(TRY(read(all.back())));
}

Result<Manifest> ManifestLog::probe_upwards(Manifest manifest) {
  while (true) {
    auto next = read(manifest.number + 1);
    if (!next && is_absent(next.error())) return manifest;
    if (!next) return next;
    TRY(check_succession(manifest, *next));
    manifest = *std::move(next);
  }
}

/// The object that shows that versions were published, whatever the list says: written after the first of them.
Result<std::optional<ObjectKey>> ManifestLog::mark_of_versions() {
  for (const ObjectKey& key : {pointer_key(collection_, generation_), boundary_key(collection_, generation_)}) {
    const auto info = objects_.info(key);
    if (info) return std::optional(key);
    if (!is_absent(info.error())) return std::unexpected(info.error());
  }
  return std::optional<ObjectKey>{};
}

Result<std::optional<Manifest>> ManifestLog::newest() {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto start = attempt == 0 ? TRY(hinted()) : std::optional<Manifest>{};
    if (!start) {
      auto listed = last_listed();
      if (!listed && is_absent(listed.error())) continue;  // gc removed it after it was listed
      start = TRY(std::move(listed));
      if (!start) {
        const auto mark = TRY(mark_of_versions());
        if (!mark) return std::optional<Manifest>{};
        // The first version may have come after the list was made: one made now shows it. "Start empty" must never
        // hide a loss.
        if (!TRY(numbers()).empty()) continue;
        return fail(Code::corrupt, "{} shows that versions of {} were published, but no manifest is there: restore {}",
                    mark->str(), collection_, manifest_folder(collection_, generation_));
      }
    }
    Manifest manifest = TRY(probe_upwards(*std::move(start)));
    // Read after the last probe: gc raises it before it removes, so a gap or a re-created old number shows here.
    if (manifest.number >= TRY(boundary())) return std::optional(std::move(manifest));
  }
  return fail(Code::corrupt, "the newest manifest of {} lies below the boundary of its removed ones: restore {}",
              collection_, manifest_folder(collection_, generation_));
}

/// Before the write: what is published must follow what it says it follows.
Result<void> ManifestLog::check_publishable(const Manifest& manifest) {
  const auto alone = check_alone(manifest);
  if (!alone)
    return fail(Code::internal, "version {} must not be published: {}", manifest.number, alone.error().message());
  if (manifest.number == 1) return {};
  const auto before = read(manifest.predecessor);
  if (!before && is_absent(before.error())) {
    return fail(Code::conflict, "version {} of {} cannot follow version {}, which is not there (any more)",
                manifest.number, collection_, manifest.predecessor);
  }
  if (!before) return std::unexpected(before.error());
  if (before->epoch > manifest.epoch) {
    return fail(Code::lost_lease, "{} has a publisher of epoch {}, ours is {}", collection_, before->epoch,
                manifest.epoch);
  }
  const auto follows = check_succession(*before, manifest);
  if (!follows) return fail(Code::conflict, "{}", follows.error().message());
  return {};
}

/// Creates the manifest's object; success if it stands there, whoever's answer was lost.
Result<void> ManifestLog::create(const Manifest& manifest) {
  const ObjectKey key = manifest_key(collection_, generation_, manifest.number);
  const std::string text = to_text(to_json(manifest));
  Result<void> created;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    created = objects_.create(key, as_bytes(text));
    if (created) return {};
    if (created.error().code() != Code::conflict && !created.error().retryable()) return created;
    const auto there = read(manifest.number);
    if (there && there->nonce == manifest.nonce) return {};
    if (there && there->epoch != manifest.epoch) {
      return fail(Code::lost_lease, "version {} of {} was published by {} with epoch {}, ours is {}", manifest.number,
                  collection_, there->writer, there->epoch, manifest.epoch);
    }
    if (there) {
      return fail(Code::conflict, "version {} of {} was published by {}", manifest.number, collection_, there->writer);
    }
    if (!is_absent(there.error())) return std::unexpected(there.error());
    // Nothing there: the write did not happen (yet), and repeating it is safe.
  }
  return created;
}

Result<void> ManifestLog::publish(const Manifest& manifest) {
  TRY(check_publishable(manifest));
  TRY(create(manifest));
  // A writer that slept for long may have re-created a number that gc removed: nobody will ever read it.
  const std::int64_t lowest = TRY(boundary());
  if (manifest.number < lowest) {
    return fail(Code::conflict, "version {} of {} was published too late: versions below {} are removed",
                manifest.number, collection_, lowest);
  }
  // A hint: readers find the newest version without it.
  const auto pointed = objects_.put(pointer_key(collection_, generation_), as_bytes(number_text(manifest.number)));
  static_cast<void>(pointed);
  return {};
}

}  // namespace tillite
