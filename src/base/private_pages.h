#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "base/file.h"

namespace tillite {

/// How an array is read.
enum class PagesRead {
  at_random,  ///< with small pages most reads would look their page up first: huge ones are asked for
  in_passing  ///< nothing is asked for: a machine may take longer to find a huge page than to fill it
};

/// Zeroed memory of whole pages, whose front may be a file's bytes. What of these is only read stays the page cache's,
/// which can give it back; what is written becomes this process's own, and the file is never changed.
class PrivatePages {
 public:
  PrivatePages() = default;
  explicit PrivatePages(PagesRead read) : read_(read) {}
  PrivatePages(PrivatePages&& other) noexcept : pages_(std::exchange(other.pages_, {})), read_(other.read_) {}
  PrivatePages& operator=(PrivatePages&& other) noexcept;
  PrivatePages(const PrivatePages&) = delete;
  PrivatePages& operator=(const PrivatePages&) = delete;
  ~PrivatePages();

  [[nodiscard]] std::byte* data() const { return pages_.data(); }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  /// Makes room for so many bytes (addresses only: memory comes with the first write) and keeps the first `used`.
  void grow(std::size_t bytes, std::size_t used);
  /// Lays a file's bytes over the front. They are read where the file cannot be mapped from `offset`. `corrupt` if the
  /// file ends before.
  [[nodiscard]] Result<void> lay_over(const File& file, std::uint64_t offset, std::size_t bytes);

 private:
  std::span<std::byte> pages_;
  PagesRead read_ = PagesRead::at_random;
};

/// A long array of plain values on such pages. It begins where a page does.
template <typename T>
  requires std::is_trivially_copyable_v<T>
class PagedArray {
 public:
  PagedArray() = default;
  explicit PagedArray(PagesRead read) : pages_(read) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return reinterpret_cast<T*>(pages_.data()); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(pages_.data()); }
  [[nodiscard]] T& operator[](std::size_t i) { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data()[i]; }
  [[nodiscard]] std::span<const T> values() const { return {data(), size_}; }

  void reserve(std::size_t count) {
    if (count * sizeof(T) > pages_.size()) pages_.grow(count * sizeof(T), size_ * sizeof(T));
  }
  /// What is new is zero.
  void resize(std::size_t count) {
    if (count * sizeof(T) > pages_.size()) reserve(std::max(count, 2 * size_));
    size_ = count;
  }
  /// Becomes `count` values from a file; see PrivatePages.
  [[nodiscard]] Result<void> take_over(const File& file, std::uint64_t offset, std::size_t count) {
    reserve(count);
    size_ = count;
    return pages_.lay_over(file, offset, count * sizeof(T));
  }

 private:
  PrivatePages pages_;
  std::size_t size_ = 0;
};

}  // namespace tillite
