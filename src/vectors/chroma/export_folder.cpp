#include "vectors/chroma/export_folder.h"

#include <cerrno>
#include <cstdio>

#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

Result<void> check_target(const Path& folder) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(folder, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  const bool empty_folder =
      status.type() == std::filesystem::file_type::directory && std::filesystem::is_empty(folder, error) && !error;
  if (empty_folder) return {};
  return fail(Code::conflict, "{} is there and is not an empty folder: nothing was exported; name another folder",
              folder.string());
}

}  // namespace

ExportFolder::ExportFolder(Path target, ScratchFolder room)
    : target_(std::move(target)),
      room_(std::move(room)),
      content_(room_.path() / "content"),
      scratch_(room_.path() / "scratch") {}

Result<ExportFolder> ExportFolder::create(const Path& target) {
  const Path named = std::filesystem::absolute(target).lexically_normal();
  Path place = named.has_filename() ? named : named.parent_path();
  TRY(check_target(place));
  auto room = TRY(ScratchFolder::create(place.parent_path()));
  ExportFolder folder(std::move(place), std::move(room));
  TRY(make_folders(folder.content_));
  TRY(make_folders(folder.scratch_));
  return folder;
}

Result<void> ExportFolder::publish() const {
  TRY(sync_and_describe(content_, machine_threads()));
  if (std::rename(content_.c_str(), target_.c_str()) != 0) {
    const int error = errno;
    TRY(check_target(target_));  // somebody put something there meanwhile
    return std::unexpected(system_error(error, "renaming the folder to", target_));
  }
  return sync_folder(target_.parent_path());
}

}  // namespace tillite
