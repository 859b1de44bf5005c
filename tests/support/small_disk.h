#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <memory>

#include "base/file.h"

namespace tillite::testing {

/// A file system of a size of its own, which can be really full. Seen by this process and its children only.
class SmallDisk {
 public:
  /// `permission` where this process may not mount anything.
  [[nodiscard]] static Result<std::unique_ptr<SmallDisk>> mount_at(const Path& folder, std::uint64_t size_bytes) {
    TRY(enter_own_mounts());
    TRY(make_folders(folder));
    if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, options(size_bytes).c_str()) != 0) {
      return std::unexpected(system_error(errno, "mounting a small disk at", folder));
    }
    return std::unique_ptr<SmallDisk>(new SmallDisk(folder));
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }

  [[nodiscard]] Result<void> resize(std::uint64_t size_bytes) {
    if (::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT, options(size_bytes).c_str()) == 0) return {};
    return std::unexpected(system_error(errno, "resizing the small disk at", folder_));
  }
  /// What is on it, its folders aside.
  [[nodiscard]] std::uint64_t used_bytes() const {
    struct statvfs facts{};
    if (::statvfs(folder_.c_str(), &facts) != 0) return 0;
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize;
  }
  [[nodiscard]] const Path& path() const { return folder_; }

 private:
  explicit SmallDisk(Path folder) : folder_(std::move(folder)) {}

  static std::string options(std::uint64_t size_bytes) { return fmt::format("size={}", size_bytes); }

  /// Mounts of this process's own: as root at once, else as the root of a user namespace.
  static Result<void> enter_own_mounts() {
    static const int error = [] {
      const uid_t user = ::geteuid();
      const gid_t group = ::getegid();
      if (user == 0) {
        if (::unshare(CLONE_NEWNS) != 0) return errno;
      } else {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
        write("/proc/self/setgroups", "deny");
        write("/proc/self/uid_map", fmt::format("0 {} 1", user));
        write("/proc/self/gid_map", fmt::format("0 {} 1", group));
      }
      return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : errno;
    }();
    if (error != 0) return std::unexpected(system_error(error, "entering a mount namespace", {}));
    return {};
  }

  static void write(const char* file, const std::string& text) {
    auto opened = File::open_update(file);  // what goes wrong here shows when something is mounted
    if (opened) static_cast<void>(opened->write(as_bytes(text)));
  }

  Path folder_;
};

}  // namespace tillite::testing
