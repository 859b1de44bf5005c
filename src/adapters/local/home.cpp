#include "adapters/local/home.h"

#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/json.h"
#include "base/sqlite.h"

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

Result<void> copy_database(const Path& from, const Path& to) {
  if (!fs::exists(from)) return {};
  return with_sqlite(fmt::format("copying {}", from.string()), [&] {
    SQLite::Database source(from.string(), SQLite::OPEN_READONLY, 30'000);
    SQLite::Statement copy(source, "VACUUM INTO ?");
    copy.bind(1, to.string());
    copy.exec();
  });
}

/// Copies the files below `from`; one that vanishes meanwhile (gc, or a scratch name) is passed over.
Result<void> copy_files(const Path& from, const Path& to, bool manifests) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    const Path relative = entry->path().lexically_relative(from);
    const bool is_manifest = relative.generic_string().find("/manifest/") != std::string::npos;
    if (is_manifest != manifests || *relative.begin() == "tmp") continue;
    const Path target = to / relative;
    TRY(make_folders(target.parent_path()));
    const auto copied = clone_file(entry->path(), target);
    if (!copied && copied.error().code() != Code::not_found) return copied;
    if (copied) TRY(TRY(File::open_update(target)).sync());
  }
  if (error && error.value() != ENOENT) return std::unexpected(system_error(error.value(), "reading", from));
  return {};
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
    for (const Path& file : {table_file(), executions_file(), provider_file(), queue_file()}) {
      TRY(copy_database(file, copy / file.filename()));
    }
    for (const bool manifests : {true, false}) {
      for (const Path& objects : {vectors_folder(), batches_folder(), provider_folder()}) {
        TRY(copy_files(objects, copy / objects.filename(), manifests));
      }
    }
    TRY(clone_file(folder_ / kMarker, copy / kMarker));
    TRY(sync_folder(copy));
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
