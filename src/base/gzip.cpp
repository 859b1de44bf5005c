#include "base/gzip.h"

#include <zlib.h>

#include <array>
#include <climits>

#include "base/check.h"

namespace tillite {
namespace {

constexpr int kGzipWindow = 16 + MAX_WBITS;  // gzip, and nothing else

/// A z_stream that ends with its scope.
struct Inflation {
  Inflation() { check(inflateInit2(&stream, kGzipWindow) == Z_OK, "zlib starts"); }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() { inflateEnd(&stream); }
  z_stream stream{};
};

}  // namespace

Result<std::string> gunzip(std::string_view file, std::size_t bytes_max) {
  if (file.size() > UINT_MAX) return fail(Code::limit_exceeded, "a gzip file of {} bytes is too large", file.size());
  Inflation inflation;
  z_stream& stream = inflation.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.data()));  // NOLINT: zlib does not write there
  stream.avail_in = static_cast<uInt>(file.size());
  std::string content;
  std::array<char, 64 * 1024> part{};
  do {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    content.append(part.data(), part.size() - stream.avail_out);
    if (content.size() > bytes_max)
      return fail(Code::limit_exceeded, "a gzip file has more than {} bytes in it", bytes_max);
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return content;
      check(inflateReset(&stream) == Z_OK, "zlib starts anew");  // the next member
    } else if (status != Z_OK) {
      return fail(Code::corrupt, "a gzip file is damaged or cut off after {} bytes of its content", content.size());
    }
  } while (true);
}

}  // namespace tillite
