#include "base/private_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kHugePagesFromBytes = 16ULL << 20;  // below, the rest of the last one would be a waste

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + page_bytes() - 1) / page_bytes() * page_bytes(); }

}  // namespace

PrivatePages& PrivatePages::operator=(PrivatePages&& other) noexcept {
  std::swap(pages_, other.pages_);
  std::swap(read_, other.read_);
  return *this;
}

PrivatePages::~PrivatePages() {
  if (!pages_.empty()) ::munmap(pages_.data(), pages_.size());
}

void PrivatePages::grow(std::size_t bytes, std::size_t used) {
  const std::size_t size = whole_pages(bytes);
  if (size <= pages_.size()) return;
  void* const address =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  // Only a wish: where there are no huge pages nothing changes.
  if (read_ == PagesRead::at_random && size >= kHugePagesFromBytes) ::madvise(address, size, MADV_HUGEPAGE);
  PrivatePages larger(read_);
  larger.pages_ = {static_cast<std::byte*>(address), size};
  std::copy_n(pages_.data(), used, larger.pages_.data());
  std::swap(pages_, larger.pages_);
}

Result<void> PrivatePages::lay_over(const File& file, std::uint64_t offset, std::size_t bytes) {
  check(bytes <= pages_.size(), "there is room for what is laid over");
  if (bytes == 0) return {};
  if (TRY(file.size()) < offset + bytes) return fail(Code::corrupt, "{} is too short", file.path().string());
  if (offset % page_bytes() != 0) return file.read_at(offset, {pages_.data(), bytes});
  const void* const address = ::mmap(pages_.data(), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                                     file.descriptor(), static_cast<off_t>(offset));
  if (address == MAP_FAILED) return std::unexpected(system_error(errno, "mapping", file.path()));
  // The last page goes on with whatever the file has there.
  std::fill(pages_.data() + bytes, pages_.data() + whole_pages(bytes), std::byte{0});
  return {};
}

}  // namespace tillite
