#include "vectors/snapshots/snapshot_check.h"

#include "vectors/records/shard.h"
#include "vectors/snapshots/pinned_snapshot.h"
#include "vectors/snapshots/record_index.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr std::size_t kPage = 1'000;

/// A shard of a version that is checked.
struct CheckedShard {
  const Manifest::Shard& shard;
  const CollectionBinding& binding;
  int number = 0;
};

/// Fetches the files of a shard as one folder, damaged ones too, and says which are.
Result<void> fetch_files(ObjectStore& objects, const Manifest::Shard& shard, const Path& folder, const Path& scratch,
                         std::vector<Finding>& findings) {
  for (const auto& file : shard.files) {
    const auto fetched = objects.fetch(TRY(file_key(shard, file)), scratch);
    if (!fetched && !is_damage(fetched.error())) return std::unexpected(fetched.error());
    if (!fetched) {
      findings.push_back({file.name, fetched.error().message()});
      continue;
    }
    const auto whole = check_file(*fetched, file, /*verify=*/true);
    if (!whole && !is_damage(whole.error())) return whole;
    if (!whole) findings.push_back({file.name, whole.error().message()});
    TRY(make_folders((folder / file.name).parent_path()));
    TRY(clone_file(*fetched, folder / file.name));
  }
  return {};
}

/// Whether a stored record is what its hash in the index says.
Result<bool> is_whole(const PinnedSnapshot& snapshot, const IndexedRecord& stored) {
  const auto row = snapshot.row(*stored.label);
  if (!row && !is_damage(row.error())) return std::unexpected(row.error());
  const auto vector = snapshot.segment().vector_of(*stored.label);
  if (!row || !vector || row->id != stored.id) return false;
  const Sum128 hash = vector_hash(*vector);
  return hash == stored.vector_hash &&
         record_hash(row->id, stored.item_version, hash, row->metadata, row->document) == stored.record_hash;
}

Result<void> check_records(const Path& folder, const CheckedShard& checked, const std::stop_token& stop,
                           std::vector<Finding>& findings) {
  const auto& [shard, binding, number] = checked;
  const auto snapshot = TRY(PinnedSnapshot::open(folder, binding));
  Sum128 sum;
  std::uint64_t records = 0;
  std::uint64_t broken = 0;
  std::string first_broken;
  std::uint64_t misplaced = 0;
  std::string first_misplaced;
  std::vector<IndexedRecord> page;
  do {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while checking {}", binding.collection);
    page = TRY(snapshot.page(page.empty() ? RecordId() : page.back().id, kPage));
    for (const IndexedRecord& stored : page) {
      ++records;
      sum += stored.record_hash;
      if (shard_of(stored.id, binding.shards) != number && misplaced++ == 0) first_misplaced = stored.id.str();
      if (TRY(is_whole(snapshot, stored))) continue;
      if (broken++ == 0) first_broken = stored.id.str();
    }
  } while (!page.empty());
  const auto find = [&](std::string what) { findings.push_back({std::string(kRecordsFile), std::move(what)}); };
  if (broken > 0) {
    find(fmt::format("{} records are not what their hashes say, the first is '{}'", broken, first_broken));
  }
  if (misplaced > 0) {
    find(fmt::format("{} records belong to another shard, the first is '{}'", misplaced, first_misplaced));
  }
  if (records != shard.vectors || snapshot.segment().size() != shard.vectors) {
    find(fmt::format("there are {} records and {} vectors, the manifest says {}", records, snapshot.segment().size(),
                     shard.vectors));
  }
  if (sum != shard.checksum) {
    find(fmt::format("the records add up to {}, the manifest says {}", sum.hex(), shard.checksum.hex()));
  }
  auto index = TRY(RecordIndex::open_finished(folder / kRecordsFile, binding));
  if (TRY(index.totals()) != TRY(index.count_totals())) find("its rows do not add up to the totals that it keeps");
  return {};
}

Result<ChromaCheck> check_shard(ObjectStore& objects, const CheckedShard& checked, const Path& scratch,
                                const std::stop_token& stop) {
  const auto room = TRY(ScratchFolder::create(scratch));
  const Path folder = room.path() / "snapshot";
  const Path fetched = room.path() / "fetched";
  TRY(make_folders(folder));
  TRY(make_folders(fetched));
  std::vector<Finding> torn;
  TRY(fetch_files(objects, checked.shard, folder, fetched, torn));
  auto check = check_chroma_directory(folder, room.path(), stop);
  if (!check && !is_damage(check.error())) return check;
  ChromaCheck all = check ? *std::move(check) : ChromaCheck();
  const auto records = check_records(folder, checked, stop, torn);
  if (!records && !is_damage(records.error())) return std::unexpected(records.error());
  if (!records) torn.push_back({std::string(kRecordsFile), records.error().message()});
  all.findings.insert(all.findings.begin(), torn.begin(), torn.end());
  return all;
}

}  // namespace

Result<ChromaCheck> check_snapshot(ObjectStore& objects, const Manifest& version, const Path& scratch,
                                   const std::stop_token& stop) {
  if (!version.has_snapshot()) {
    return fail(Code::not_found, "version {} of {} has no snapshot: no vector was ever published", version.number,
                version.binding.collection);
  }
  const int shards = version.binding.shards;
  if (shards == 1) return check_shard(objects, {version.shards.front(), version.binding, 0}, scratch, stop);
  ChromaCheck all;
  for (int number = 0; number < shards; ++number) {
    const CheckedShard checked{version.shards[static_cast<std::size_t>(number)], version.binding, number};
    append_shard(all, TRY(check_shard(objects, checked, scratch, stop)), shard_name(number, shards));
  }
  return all;
}

}  // namespace tillite
