#include "vectors/files/unpack.h"

#include <algorithm>

#include "vectors/files/tar_gz.h"

namespace tillite {
namespace {

constexpr std::size_t kNameBytesMax = 1'000;
constexpr std::size_t kPartBytesMax = 255;
constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kPieceBytes = 64 * 1024;

/// A member's name as a path below the folder; empty for the folder itself.
Result<Path> place_of(const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::corrupt, "the archive has a member whose name {}", why);
  };
  if (name.size() > kNameBytesMax) return refuse("is too long");
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return refuse("has a control character in it");
  }
  if (name.starts_with('/')) return refuse("is absolute");
  Path place;
  std::size_t depth = 0;
  for (const Path& part : Path(name)) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse("leads out of it");
    if (part.native().size() > kPartBytesMax || ++depth > kDepthMax) return refuse("is too long");
    place /= part;
  }
  return place;
}

/// `corrupt` if one of the archive's own files stands where a folder is to be.
Result<void> make_folder(const Path& folder, const Path& place) {
  Path upper = folder;
  for (const Path& part : place) {
    upper /= part;
    std::error_code error;
    if (std::filesystem::exists(upper, error) && !std::filesystem::is_directory(upper, error)) {
      return fail(Code::corrupt, "the archive has '{}' as a file and as a folder", place.string());
    }
  }
  return make_folders(folder / place);
}

Result<void> write_member(ByteSource& content, const Path& file) {
  FileSink sink(TRY(File::create(file)));
  std::vector<std::byte> piece(kPieceBytes);
  for (;;) {
    const auto size = TRY(content.read(piece));
    if (size == 0) return sink.flush();
    TRY(sink.write(std::span(piece).first(size)));
  }
}

}  // namespace

Result<void> unpack_tar_gz(ByteSource& archive, const Path& folder, const UnpackLimits& limits) {
  TarGzReader reader(archive, TarGzForm::any);
  std::uint64_t bytes_left = limits.bytes_max;
  for (std::size_t members = 0;; ++members) {
    const auto member = TRY(reader.next());
    if (!member) return {};
    if (members == limits.members_max) {
      return fail(Code::limit_exceeded, "the archive has more than {} members", limits.members_max);
    }
    const Path place = TRY(place_of(member->name));
    if (member->is_folder) {
      TRY(make_folder(folder, place));
      continue;
    }
    if (place.empty()) return fail(Code::corrupt, "the archive has a file without a name");
    if (member->size_bytes > bytes_left) {
      return fail(Code::limit_exceeded, "the archive has more than {} bytes unpacked", limits.bytes_max);
    }
    bytes_left -= member->size_bytes;
    TRY(make_folder(folder, place.parent_path()));
    std::error_code error;
    if (std::filesystem::exists(folder / place, error)) {
      return fail(Code::corrupt, "the archive has '{}' twice", place.string());
    }
    TRY(write_member(reader.content(), folder / place));
  }
}

}  // namespace tillite
