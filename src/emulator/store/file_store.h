#pragma once

#include <optional>
#include <vector>

#include "emulator/api_error.h"
#include "emulator/store/emulator_database.h"
#include "emulator/wire/byte_range.h"
#include "ports/clock.h"

namespace tillite {

/// OpenAI's File object.
struct StoredFile {
  std::int64_t number = 0;  ///< grows with each file
  std::string id;
  std::uint64_t bytes = 0;
  std::int64_t created_s = 0;
  std::optional<std::int64_t> expires_s;
  std::string name;
  std::string purpose;

  [[nodiscard]] Json object() const;
};

/// A file that is being written: it has no id's row yet, and is removed if it is not kept.
class FileDraft {
 public:
  FileDraft(std::string id, Path path, FileSink sink)
      : id_(std::move(id)), path_(std::move(path)), sink_(std::move(sink)) {}
  FileDraft(FileDraft&& other) noexcept;
  FileDraft& operator=(FileDraft&&) = delete;
  ~FileDraft();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const Path& path() const { return path_; }
  [[nodiscard]] FileSink& sink() { return sink_; }
  /// On the disk when this returns; its size.
  [[nodiscard]] Result<std::uint64_t> seal();
  /// Takes the second half off, wherever that begins.
  [[nodiscard]] Result<void> cut_in_half();
  /// It stays where it is, whatever becomes of the draft.
  void release() { path_.clear(); }

 private:
  std::string id_;
  Path path_;
  FileSink sink_;
};

struct FilePage {
  std::vector<StoredFile> files;
  bool has_more = false;
};
struct FileQuery {
  std::string after;  ///< an id; empty: from the front
  std::size_t limit = 10'000;
  bool newest_first = true;
  std::string purpose;  ///< empty: any
};

/// The files: rows in the database, content in a folder. What has expired is not there any more. Threads: any.
class FileStore {
 public:
  static constexpr std::uint64_t kFileBytesMax = 512ULL * 1024 * 1024;

  /// Removes what a killed process left in the folder.
  [[nodiscard]] static Result<std::unique_ptr<FileStore>> open(EmulatorDatabase& database, const Path& folder,
                                                               Clock& clock, Random& random);

  [[nodiscard]] Result<FileDraft> draft();
  /// Makes a draft a file. Within a transaction of the caller's: if that is undone there is no such file.
  [[nodiscard]] Result<StoredFile> keep(SQLite::Database& database, FileDraft& draft, const std::string& name,
                                        const std::string& purpose, std::optional<std::int64_t> lives_s);
  [[nodiscard]] Result<StoredFile> keep(FileDraft& draft, const std::string& name, const std::string& purpose,
                                        std::optional<std::int64_t> lives_s);
  [[nodiscard]] ApiResult<StoredFile> find(std::string_view id);
  [[nodiscard]] ApiResult<FilePage> list(const FileQuery& query);
  [[nodiscard]] ApiResult<void> remove(std::string_view id);
  /// Part of a file's content. It stays readable if the file is removed meanwhile.
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open_content(const StoredFile& file, ByteRange range);
  [[nodiscard]] Result<File> open_file(const StoredFile& file);
  [[nodiscard]] Result<std::int64_t> count();

 private:
  FileStore(EmulatorDatabase& database, Path folder, Clock& clock, Random& random)
      : database_(database), folder_(std::move(folder)), clock_(clock), random_(random) {}
  [[nodiscard]] Path path_of(std::string_view id) const { return folder_ / std::string(id); }
  [[nodiscard]] std::int64_t now_s() { return clock_.now_ms() / 1000; }
  /// Removes what has expired.
  [[nodiscard]] Result<void> expire();

  EmulatorDatabase& database_;
  Path folder_;
  Clock& clock_;
  Random& random_;
};

}  // namespace tillite
