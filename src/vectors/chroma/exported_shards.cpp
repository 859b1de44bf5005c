#include "vectors/chroma/exported_shards.h"

#include <charconv>
#include <set>

#include "vectors/records/shard.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

/// The number of shards that a shard's folder names; nothing for a folder that is called otherwise.
std::optional<int> shards_in(const std::string& name) {
  const std::size_t end = name.rfind('-');
  int shards = 0;
  const char* const last = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + (end == std::string::npos ? 0 : end + 1), last, shards);
  if (error != std::errc() || stop != last || shards < 2 || shards > kShardsMax) return std::nullopt;
  for (int shard = 0; shard < shards; ++shard) {
    if (name == shard_name(shard, shards)) return shards;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Path>> exported_shards(const Path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder / kChromaFile, error)) return std::vector{folder};
  std::set<int> numbers;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (const auto shards = shards_in(entry->path().filename().string())) numbers.insert(*shards);
  }
  if (numbers.empty()) return std::vector{folder};
  if (numbers.size() > 1) {
    return fail(Code::invalid_input, "{} has shards of {} and of {}: which export is meant?", folder.string(),
                *numbers.begin(), *numbers.rbegin());
  }
  std::vector<Path> shards;
  for (int shard = 0; shard < *numbers.begin(); ++shard) {
    const Path place = folder / shard_name(shard, *numbers.begin());
    if (!std::filesystem::exists(place / kChromaFile, error)) {
      return fail(Code::not_found, "{} has no {}: the export is not complete", folder.string(),
                  (place.filename() / kChromaFile).string());
    }
    shards.push_back(place);
  }
  return shards;
}

}  // namespace tillite
