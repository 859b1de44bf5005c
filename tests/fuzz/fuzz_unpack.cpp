// Archives from outside, unpacked: nothing comes to lie outside of the folder, whatever they are. Behind a first byte
// '!' the archive is not compressed, so that a fuzzer gets past gzip's check sum.
#include <zlib.h>

#include <string>

#include "base/check.h"
#include "vectors/files/unpack.h"

namespace tillite {
namespace {

constexpr UnpackLimits kLimits{.members_max = 50, .bytes_max = std::uint64_t{1} << 20};

std::string compressed(std::string_view bytes) {
  z_stream stream{};
  check(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  check(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "there is room for all");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// What lies below a folder, links not followed.
std::uint64_t bytes_below(const Path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    check(entry.is_directory() || entry.symlink_status().type() == std::filesystem::file_type::regular,
          "there are files and folders only");
    if (!entry.is_directory()) bytes += entry.file_size();
  }
  return bytes;
}

Result<void> run(const std::string& archive) {
  const Path shared_memory = "/dev/shm";
  static const auto parent =
      std::filesystem::exists(shared_memory) ? shared_memory : std::filesystem::temp_directory_path();
  const auto room = TRY(ScratchFolder::create(parent / "tillite-fuzz"));
  const Path folder = room.path() / "above" / "unpacked";
  TRY(make_folders(folder));
  const auto outcome = unpack_tar_gz(*source_of(archive), folder, kLimits);
  check(bytes_below(folder) <= kLimits.bytes_max, "the limit holds");
  const std::filesystem::directory_iterator above(folder.parent_path());
  check(std::distance(begin(above), end(above)) == 1, "nothing lies beside the folder");
  return outcome;
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  (void)tillite::run(input.starts_with('!') ? tillite::compressed(std::string_view(input).substr(1)) : input);
  return 0;
}
