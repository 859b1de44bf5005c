#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/hash.h"

namespace tillite {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr std::string_view kScratchPrefix = "scratch-";

std::unexpected<Error> failed(std::string_view what, const Path& path) {
  return std::unexpected(system_error(errno, what, path));
}

Result<int> open_file(const Path& path, int flags, std::string_view what) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return failed(what, path);
  return fd;
}

class FileSource final : public ByteSource {
 public:
  explicit FileSource(File file) : file_(std::move(file)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return file_.read(buffer); }

 private:
  File file_;
};

class StdinSource final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    while (true) {
      const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (size >= 0) return static_cast<std::size_t>(size);
      if (errno != EINTR) return failed("reading", "standard input");
    }
  }
};

/// A number that no other call in this process gets.
std::uint64_t next_number() {
  static std::atomic<std::uint64_t> number = 0;
  return ++number;
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// The folder under an exclusive lock; nothing if somebody else holds it or removed the folder meanwhile.
Result<std::optional<File>> try_lock_folder(const Path& folder) {
  auto file = File::open_read(folder);
  if (!file && file.error().code() == Code::not_found) return std::optional<File>();
  if (!file) return std::unexpected(std::move(file).error());
  if (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<File>();
    return failed("locking", folder);
  }
  struct stat held{};
  struct stat named{};
  if (::fstat(file->descriptor(), &held) != 0 || ::stat(folder.c_str(), &named) != 0 || !is_same_file(held, named)) {
    return std::optional<File>();
  }
  return std::optional<File>(*std::move(file));
}

}  // namespace

Error system_error(int error_number, std::string_view what, const Path& path) {
  Code code = Code::unavailable;
  std::string_view remedy;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      code = Code::no_space;
      remedy = "; free some space and repeat: nothing was lost";
      break;
    case ENOENT:
      code = Code::not_found;
      break;
    case EEXIST:
      code = Code::conflict;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::permission;
      break;
    default:
      break;
  }
  const std::string place = path.empty() ? "" : " " + path.string();
  return {code, fmt::format("{}{}: {}{}", what, place, std::strerror(error_number), remedy)};
}

Result<File> File::open_read(const Path& path) { return File(path, TRY(open_file(path, O_RDONLY, "opening"))); }
Result<File> File::create(const Path& path) {
  return File(path, TRY(open_file(path, O_RDWR | O_CREAT | O_TRUNC, "creating")));
}
Result<File> File::open_update(const Path& path) { return File(path, TRY(open_file(path, O_RDWR, "opening"))); }

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::uint64_t> File::size() const {
  struct stat facts{};
  if (::fstat(fd_, &facts) != 0) return failed("reading the size of", path_);
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<std::size_t> File::read(std::span<std::byte> buffer) {
  while (true) {
    const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return failed("reading", path_);
  }
}

Result<void> File::read_at(std::uint64_t offset, std::span<std::byte> buffer) const {
  while (!buffer.empty()) {
    const ssize_t size = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("reading", path_);
    if (size == 0)
      return fail(Code::corrupt, "{} ends at byte {}, {} bytes too early", path_.string(), offset, buffer.size());
    buffer = buffer.subspan(static_cast<std::size_t>(size));
    offset += static_cast<std::uint64_t>(size);
  }
  return {};
}

Result<void> File::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd_, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("writing", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

Result<void> File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("writing", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(size));
    offset += static_cast<std::uint64_t>(size);
  }
  return {};
}

Result<void> File::sync() {
  if (::fsync(fd_) != 0) return failed("syncing", path_);
  return {};
}

Result<void> FileSink::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) TRY(flush());
  if (bytes.size() > kBufferBytes) {
    TRY(file_.write(bytes));
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  return {};
}

Result<void> FileSink::flush() {
  TRY(file_.write(buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<std::unique_ptr<ByteSource>> file_source(const Path& path) {
  return std::make_unique<FileSource>(TRY(File::open_read(path)));
}

std::unique_ptr<ByteSource> stdin_source() { return std::make_unique<StdinSource>(); }

Result<MappedFile> MappedFile::open(const Path& path) {
  const auto file = TRY(File::open_read(path));
  const auto size = TRY(file.size());
  if (size == 0) return MappedFile({});
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (address == MAP_FAILED) return failed("mapping", path);
  return MappedFile({static_cast<const std::byte*>(address), size});
}

void MappedFile::release() const {
  if (!data_.empty()) ::madvise(const_cast<std::byte*>(data_.data()), data_.size(), MADV_DONTNEED);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!data_.empty()) ::munmap(const_cast<std::byte*>(data_.data()), data_.size());
}

Result<std::string> read_file(const Path& path, std::size_t bytes_max) {
  const auto source = TRY(file_source(path));
  auto content = read_all(*source, bytes_max);
  if (!content) return pass_on(content, path.string());
  return content;
}

Result<void> replace_file(const Path& path, std::span<const std::byte> content) {
  const Path temporary = path.string() + fmt::format(".{}-{}.tmp", ::getpid(), next_number());
  const auto write = [&]() -> Result<void> {
    auto file = TRY(File::create(temporary));
    TRY(file.write(content));
    TRY(file.sync());
    if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("renaming", temporary);
    return sync_folder(path.parent_path());
  };
  auto written = write();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> make_folders(const Path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return std::unexpected(system_error(error.value(), "creating the folder", path));
  return {};
}

Result<void> sync_folder(const Path& path) {
  const Path folder = path.empty() ? Path(".") : path;
  const int fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY, "opening the folder"));
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) return std::unexpected(system_error(error, "syncing the folder", folder));
  return {};
}

Result<void> clone_file(const Path& from, const Path& to) {
  auto source = TRY(File::open_read(from));
  auto target = TRY(File::create(to));
  const auto size = TRY(source.size());
  std::uint64_t copied = 0;
  while (copied < size) {
    const ssize_t piece =
        ::copy_file_range(source.descriptor(), nullptr, target.descriptor(), nullptr, size - copied, 0);
    if (piece < 0 && errno == EINTR) continue;
    if (piece <= 0) break;
    copied += static_cast<std::uint64_t>(piece);
  }
  if (copied == size) return {};
  // Not every pair of file systems can copy ranges: go on with plain reads from where the kernel stopped.
  std::vector<std::byte> buffer(kBufferBytes);
  while (copied < size) {
    const std::size_t piece = std::min<std::uint64_t>(buffer.size(), size - copied);
    TRY(source.read_at(copied, std::span(buffer).first(piece)));
    TRY(target.write_at(copied, std::span(buffer).first(piece)));
    copied += piece;
  }
  return {};
}

Result<std::string> sha256_of_file(const Path& path) {
  auto file = TRY(File::open_read(path));
  Sha256 hash;
  std::vector<std::byte> buffer(kBufferBytes);
  while (true) {
    const auto size = TRY(file.read(buffer));
    if (size == 0) return hash.hex();
    hash.update(std::span(buffer).first(size));
  }
}

Result<ScratchFolder> ScratchFolder::create(const Path& parent) {
  TRY(make_folders(parent));
  while (true) {
    const Path path = parent / fmt::format("{}{}-{}", kScratchPrefix, ::getpid(), next_number());
    if (::mkdir(path.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;  // of another process with our number: dead, or in another container
      return failed("creating the folder", path);
    }
    auto lock = TRY(try_lock_folder(path));
    if (lock) return ScratchFolder(path, *std::move(lock));
  }
}

void ScratchFolder::remove_stale(const Path& parent) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    if (!entry.path().filename().string().starts_with(kScratchPrefix)) continue;
    const auto lock = try_lock_folder(entry.path());
    if (!lock || !*lock) continue;
    std::error_code ignored;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  lock_ = std::move(other.lock_);
  return *this;
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tillite
