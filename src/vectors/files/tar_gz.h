#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/file.h"

namespace tillite {

/// Writes a .tar.gz (ustar in one gzip stream) member by member, as a stream. Bytes follow from the content alone.
class TarGzWriter {
 public:
  [[nodiscard]] static Result<TarGzWriter> create(const Path& file, std::int64_t modified_s);
  TarGzWriter(TarGzWriter&&) noexcept;
  TarGzWriter& operator=(TarGzWriter&&) noexcept;
  ~TarGzWriter();

  /// A member of `size_bytes`, read from `content`; stored without compression if `stored`.
  [[nodiscard]] Result<void> add(const std::string& name, std::uint64_t size_bytes, ByteSource& content, bool stored);
  /// The end of the archive; the file is on the disk when this returns.
  [[nodiscard]] Result<void> finish();

 private:
  struct Parts;
  explicit TarGzWriter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Who may have written a .tar.gz.
enum class TarGzForm {
  ours,  ///< TarGzWriter: regular files under short names, and nothing else
  any,   ///< any tool: folders too, and the long names of POSIX's and GNU's extended headers
};

/// Reads a .tar.gz as a stream. `corrupt` for anything that is not one, and for links and devices.
class TarGzReader {
 public:
  explicit TarGzReader(ByteSource& file, TarGzForm form = TarGzForm::ours);
  TarGzReader(TarGzReader&&) noexcept;
  TarGzReader& operator=(TarGzReader&&) noexcept;
  ~TarGzReader();

  struct Member {
    std::string name;
    std::uint64_t size_bytes = 0;
    bool is_folder = false;  ///< of TarGzForm::any only
  };
  /// Goes to the next member (what is left of the one before is passed over); nothing at the end of the archive, which
  /// then was complete: its end marks and the gzip stream's check sum were there, and nothing behind them.
  [[nodiscard]] Result<std::optional<Member>> next();
  /// The bytes of the current member.
  [[nodiscard]] ByteSource& content();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
