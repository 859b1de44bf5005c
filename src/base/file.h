#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/bytes.h"

namespace tillite {

using Path = std::filesystem::path;

/// An open file descriptor, closed at the end of its life. Errors name the path; a full disk is `no_space`.
class File {
 public:
  [[nodiscard]] static Result<File> open_read(const Path& path);
  /// A new, empty file; one that exists is emptied.
  [[nodiscard]] static Result<File> create(const Path& path);
  /// Read and write an existing file.
  [[nodiscard]] static Result<File> open_update(const Path& path);

  File(File&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] Result<std::uint64_t> size() const;
  /// Reads at the current position; 0 at the end.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer);
  /// Fills the whole buffer from `offset`; `corrupt` if the file ends before that.
  [[nodiscard]] Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) const;
  /// Writes everything at the current position.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  /// On the disk when this returns.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] int descriptor() const { return fd_; }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  File(Path path, int fd) : path_(std::move(path)), fd_(fd) {}
  Path path_;
  int fd_ = -1;
};

/// A sink that gathers small writes to a file (256 KiB); call flush() at the end.
class FileSink final : public ByteSink {
 public:
  explicit FileSink(File file) : file_(std::move(file)) {}
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override;
  [[nodiscard]] Result<void> flush();
  /// Bytes written so far, those still gathered included.
  [[nodiscard]] std::uint64_t position() const { return written_ + buffer_.size(); }
  [[nodiscard]] File& file() { return file_; }

 private:
  File file_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_ = 0;
};

/// A source over a file, from its front.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> file_source(const Path& path);
/// Standard input.
[[nodiscard]] std::unique_ptr<ByteSource> stdin_source();

/// A file's bytes in the address space, read only. An empty file has an empty span.
class MappedFile {
 public:
  [[nodiscard]] static Result<MappedFile> open(const Path& path);
  MappedFile(MappedFile&& other) noexcept : data_(std::exchange(other.data_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  [[nodiscard]] std::span<const std::byte> bytes() const { return data_; }
  /// Gives back the memory of what was read so far; it is read again when it is needed.
  void release() const;

 private:
  explicit MappedFile(std::span<const std::byte> data) : data_(data) {}
  std::span<const std::byte> data_;
};

/// The whole file; `not_found` only if it plainly does not exist.
[[nodiscard]] Result<std::string> read_file(const Path& path, std::size_t bytes_max = std::size_t{1} << 30);
/// Temporary name, fsync, rename, fsync of the folder: the old content or the new, never a mixture.
[[nodiscard]] Result<void> replace_file(const Path& path, std::span<const std::byte> content);
/// Creates the folder and those above it.
[[nodiscard]] Result<void> make_folders(const Path& path);
/// The names in a folder are on the disk when this returns.
[[nodiscard]] Result<void> sync_folder(const Path& path);
/// Copies a file (by reference where the file system can), without fsync.
[[nodiscard]] Result<void> clone_file(const Path& from, const Path& to);
/// A hexadecimal SHA-256 of a file's content.
[[nodiscard]] Result<std::string> sha256_of_file(const Path& path);

/// A folder for intermediate files, new and empty, removed with all its content at the end of its life.
/// It is locked as long as it is used, so that a later process can remove what a killed one left (remove_stale),
/// whatever the numbers of their processes (containers count them anew).
class ScratchFolder {
 public:
  [[nodiscard]] static Result<ScratchFolder> create(const Path& parent);
  /// Removes scratch folders below `parent` that nobody uses any more.
  static void remove_stale(const Path& parent);
  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::exchange(other.path_, Path())), lock_(std::move(other.lock_)) {}
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  ScratchFolder(Path path, File lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  Path path_;
  File lock_;  ///< the folder itself, under flock
};

/// The error of a failed system call: ENOSPC and EDQUOT are `no_space`, ENOENT `not_found`, EEXIST `conflict`,
/// EACCES and EROFS `permission`, all else `unavailable`.
[[nodiscard]] Error system_error(int error_number, std::string_view what, const Path& path);

}  // namespace tillite
