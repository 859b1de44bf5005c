#include "adapters/local/home.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "adapters/local/home_image.h"
#include "base/json.h"

namespace tillite {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarker = "tillite.json";
constexpr std::int64_t kFormat = 1;

/// Network file systems, by statfs: NFS, SMB, SMB2, CIFS, CODA, AFS, 9P.
constexpr std::array<std::uint64_t, 7> kNetworkFileSystems = {0x6969,     0x517b,     0xfe534d42, 0xff534d42,
                                                              0x73757245, 0x5346414f, 0x01021997};

Result<void> check_file_system(const Path& folder) {
  struct statfs facts{};
  if (::statfs(folder.c_str(), &facts) != 0) return std::unexpected(system_error(errno, "looking at", folder));
  const auto type = static_cast<std::uint64_t>(facts.f_type) & 0xffffffffU;
  if (std::ranges::find(kNetworkFileSystems, type) != kNetworkFileSystems.end()) {
    return fail(Code::unsupported,
                "{} lies on a network file system, where locks do not hold: use a folder on a disk of this machine",
                folder.string());
  }
  return {};
}

Result<void> check_marker(const Path& folder) {
  const Path marker = folder / kMarker;
  const auto content = read_file(marker);
  if (!content && content.error().code() == Code::not_found) {
    return fail(Code::invalid_input,
                "{} is no home of Tillite: it is not empty and has no {}; name another folder with --home",
                folder.string(), kMarker);
  }
  const Json json = TRY(parse_json(TRY(content), marker.string()));
  const auto format = int_field(json, "format");
  if (!format) return pass_on(format, marker.string());
  if (*format > kFormat) {
    return fail(Code::unsupported,
                "{} was written by a newer version of Tillite (format {}, this program knows {}): use that version",
                folder.string(), *format, kFormat);
  }
  if (*format < 1) return fail(Code::corrupt, "{} names the format {}, which never was", marker.string(), *format);
  return {};
}

Result<bool> is_absent_or_empty(const Path& folder) {
  std::error_code error;
  const bool there = fs::exists(folder, error);
  if (!there) return true;
  if (!fs::is_directory(folder, error)) return fail(Code::invalid_input, "{} is not a folder", folder.string());
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    // A marker that is being written, or that a killed process left so, makes no home and hinders none.
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(fmt::format("{}.", kMarker)) || !name.ends_with(".tmp")) return false;
  }
  if (error) return std::unexpected(system_error(error.value(), "reading", folder));
  return true;
}

/// The marker comes last: a folder without one was never used.
Result<void> create_home(const Path& folder) {
  TRY(make_folders(folder));
  TRY(check_file_system(folder));
  return replace_file(folder / kMarker, as_bytes(to_text({{"format", kFormat}}) + "\n"));
}

}  // namespace

Result<Home> Home::open(const Path& folder, bool create) {
  const bool empty = TRY(is_absent_or_empty(folder));
  if (empty && !create) {
    return fail(Code::not_found, "there is no home at {}: import receipts first, or name another folder with --home",
                folder.string());
  }
  if (empty) TRY(create_home(folder));
  TRY(check_marker(folder));
  TRY(check_file_system(folder));
  if (::access(folder.c_str(), W_OK) != 0) return std::unexpected(system_error(errno, "writing to", folder));
  Home home(folder);
  TRY(make_folders(home.scratch_folder()));
  ScratchFolder::remove_stale(home.scratch_folder());
  return home;
}

Result<void> Home::backup(const Path& target) const {
  if (!TRY(is_absent_or_empty(target))) {
    return fail(Code::conflict, "{} is not empty: name a folder that does not exist yet", target.string());
  }
  const Path copy = target.string() + fmt::format(".{}.tmp", ::getpid());
  const auto write = [&]() -> Result<void> {
    TRY(make_folders(copy));
    TRY(TRY(HomeImage::take(*this)).copy_to(copy));
    TRY(replace_file(copy / kMarker, as_bytes(TRY(read_file(folder_ / kMarker)))));
    std::error_code error;
    fs::remove(target, error);  // an empty folder may stand there
    fs::rename(copy, target, error);
    if (error) return std::unexpected(system_error(error.value(), "renaming", copy));
    return sync_folder(fs::absolute(target).parent_path());
  };
  auto written = write();
  if (!written) {
    std::error_code ignored;
    fs::remove_all(copy, ignored);
  }
  return written;
}

}  // namespace tillite
