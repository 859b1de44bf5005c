#include "emulator/service/upload.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "emulator/batches/create_request.h"

namespace tillite {
namespace {

constexpr std::size_t kFieldBytesMax = 4096;
constexpr std::uint64_t kFormBytesMax = FileStore::kFileBytesMax + (1U << 20);
constexpr std::int64_t kBatchFileLivesS = 30LL * 24 * 3600;
constexpr std::array kPurposes = {"fine-tune", "assistants", "batch", "user_data", "vision", "evals"};

ApiError too_large() {
  return {413, fmt::format("The file is too large: the maximum is {} bytes.", FileStore::kFileBytesMax)};
}

bool has_lines_of_json(std::string_view name) { return name.ends_with(".jsonl"); }

}  // namespace

Upload::Upload(FileStore& files, std::string_view content_type) : files_(files) {
  const auto boundary = MultipartReader::boundary_of(content_type);
  if (boundary) {
    reader_.emplace(*boundary, *this);
  } else {
    error_ = ApiError(400, fmt::format("Could not parse the form: {}.", boundary.error().message()));
  }
}

bool Upload::take(std::span<const std::byte> piece) {
  body_bytes_ += piece.size();
  if (body_bytes_ > kFormBytesMax) {
    if (!error_) error_ = too_large();
    return false;
  }
  if (error_) return true;  // the rest is read, so that the other side reads the answer
  if (const auto taken = reader_->take(piece); !taken && !error_) {
    error_ = taken.error().code() == Code::invalid_input
                 ? ApiError(400, fmt::format("Could not parse the form: {}.", taken.error().message()))
                 : ApiError(taken.error());
  }
  return true;
}

Result<void> Upload::begin_part(FormPart part) {
  part_ = std::move(part);
  if (part_.name != "file") {
    fields_[part_.name].clear();
    return {};
  }
  if (draft_) return fail(Code::invalid_input, "there are two files");
  file_name_ = part_.file_name;
  draft_.emplace(TRY(files_.draft()));
  return {};
}

Result<void> Upload::take_content(std::span<const std::byte> piece) {
  if (part_.name == "file") {
    if (draft_->sink().position() + piece.size() > FileStore::kFileBytesMax) {
      error_ = too_large();
      return fail(Code::limit_exceeded, "the file is too large");
    }
    return draft_->sink().write(piece);
  }
  std::string& field = fields_[part_.name];
  if (field.size() + piece.size() > kFieldBytesMax) {
    return fail(Code::invalid_input, "the field '{}' is longer than {} bytes", part_.name.substr(0, 40),
                kFieldBytesMax);
  }
  field += as_text(piece);
  return {};
}

Result<void> Upload::end_part() { return {}; }

ApiResult<std::optional<std::int64_t>> Upload::lives_s() const {
  Json expires = Json::object();
  if (const auto anchor = fields_.find("expires_after[anchor]"); anchor != fields_.end()) {
    expires["anchor"] = anchor->second;
  }
  if (const auto seconds = fields_.find("expires_after[seconds]"); seconds != fields_.end()) {
    const std::string& text = seconds->second;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    expires["seconds"] = error == std::errc() && end == text.data() + text.size() ? Json(number) : Json(text);
  }
  if (!expires.empty()) return TRY(parse_expires_after(expires, "expires_after"));
  return fields_.at("purpose") == "batch" ? std::optional(kBatchFileLivesS) : std::nullopt;
}

ApiResult<StoredFile> Upload::finish() {
  if (error_) return std::unexpected(*error_);
  if (const auto whole = reader_->finish(); !whole) {
    return std::unexpected(ApiError(400, fmt::format("Could not parse the form: {}.", whole.error().message())));
  }
  if (!draft_) return std::unexpected(missing_parameter("file"));
  const auto purpose = fields_.find("purpose");
  if (purpose == fields_.end()) return std::unexpected(missing_parameter("purpose"));
  if (std::ranges::find(kPurposes, purpose->second) == kPurposes.end()) {
    return std::unexpected(ApiError(400, fmt::format("'{}' is not one of ['{}'] - 'purpose'",
                                                     purpose->second.substr(0, 100), fmt::join(kPurposes, "', '"))));
  }
  if (purpose->second == "batch" && !has_lines_of_json(file_name_)) {
    return std::unexpected(ApiError(400, "Invalid file format for Batch API. Must be .jsonl"));
  }
  if (draft_->sink().position() == 0) return std::unexpected(ApiError(400, "File is empty."));
  const auto lives = TRY(lives_s());
  return TRY(files_.keep(*draft_, file_name_, purpose->second, lives));
}

}  // namespace tillite
