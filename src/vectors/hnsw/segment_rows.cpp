#include "vectors/hnsw/segment_rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>

#include "base/early_write.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/pipeline.h"

namespace tillite {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kBlocks = 4;  // on their way at a time

/// Some rows on their way from the base to the new file.
struct Block {
  std::vector<std::byte> bytes;
  std::uint64_t first = 0;  ///< element
  std::uint64_t rows = 0;
  std::uint64_t base_rows = 0;  ///< how many of them, from the first on, are the base's
  Result<void> done;
};

class Level0Pass {
 public:
  Level0Pass(File file, const SegmentHeader& header, const Level0Content& content)
      : file_(std::move(file)),
        row_bytes_(header.row_bytes()),
        vector_bytes_(header.dimensions * sizeof(float)),
        content_(content),
        elements_(content.base_rows.size() + content.new_vectors_count),
        block_rows_(std::max<std::uint64_t>(kReadBytes / row_bytes_, 1)),
        // A pass that leaves rows out does not see all that the base's hash is of.
        hashes_base_(!content.base_sha256.empty() && content.base_rows.size() == content.base_elements) {}

  Result<std::string> run() {
    if (!content_.base_sha256.empty() && !hashes_base_) {
      TRY(check_base(TRY(sha256_of_file(content_.base->path()))));
    }
    if (content_.new_vectors_count > 0 && !is_in_place()) {
      new_file_ = TRY(File::open_read(content_.new_vectors));
      new_rows_.emplace(*new_file_, vector_bytes_, content_.new_vectors_count);
    }
    for (Block& block : blocks_) block.bytes.resize(block_rows_ * row_bytes_);
    pass();
    TRY(std::move(done_));
    if (hashes_base_) TRY(check_base(base_hash_.hex()));
    return hash_.hex();
  }

 private:
  Result<void> check_base(const std::string& sha256) const {
    if (sha256 == content_.base_sha256) return {};
    return fail(Code::corrupt, "{} does not have the SHA-256 of its manifest: bytes changed",
                content_.base->path().string());
  }

  void pass() {
    const auto hash_base = [this](Block& block) {
      if (block.done && hashes_base_) base_hash_.update(base_bytes(block));
    };
    const auto complete_and_hash = [this](Block& block) {
      if (block.done) block.done = complete(block);
      if (block.done) hash_.update(all_bytes(block));
    };
    const auto write_block = [this](Block& block) {
      if (block.done) block.done = write(all_bytes(block));
      if (block.done || !done_) return;
      done_ = block.done;
      failed_ = true;
    };
    run_pipeline<Block>(blocks_, machine_threads(), [this](Block& block) { return fill(block); },
                        {{.work = hash_base}, {.work = complete_and_hash}, {.work = write_block}});
  }

  /// Reads the next rows; whether there are any.
  bool fill(Block& block) {
    const std::uint64_t first = started_ * block_rows_;
    if (first >= elements_ || failed_) return false;
    ++started_;
    block.first = first;
    block.rows = std::min(block_rows_, elements_ - first);
    const std::uint64_t from_base = content_.base_rows.size();
    block.base_rows = first < from_base ? std::min(block.rows, from_base - first) : 0;
    block.done = read(block);
    return true;
  }

  [[nodiscard]] bool is_in_place() const { return content_.new_vectors.empty(); }

  Result<void> read(Block& block) {
    if (is_in_place()) {
      return file_.read_at(block.first * row_bytes_, std::span(block.bytes).first(block.rows * row_bytes_));
    }
    const auto rows = content_.base_rows.subspan(std::min<std::size_t>(block.first, content_.base_rows.size()))
                          .first(block.base_rows);
    for (std::size_t begin = 0; begin < rows.size();) {
      std::size_t end = begin + 1;  // of rows that follow each other in the base
      while (end < rows.size() && rows[end] == rows[begin] + (end - begin)) ++end;
      TRY(content_.base->read_at(rows[begin] * row_bytes_,
                                 std::span(block.bytes).subspan(begin * row_bytes_, (end - begin) * row_bytes_)));
      begin = end;
    }
    for (std::uint64_t i = block.base_rows; i < block.rows; ++i) {
      const auto row = std::span(block.bytes).subspan(i * row_bytes_, row_bytes_);
      const std::byte* vector = TRY(new_rows_->row(block.first + i - content_.base_rows.size()));
      std::ranges::fill(row, std::byte{0});
      std::copy_n(vector, vector_bytes_, row.data() + kVectorOffset);
    }
    return {};
  }

  Result<void> complete(Block& block) const {
    for (std::uint64_t i = 0; i < block.rows; ++i) {
      TRY(content_.complete(block.first + i, std::span(block.bytes).subspan(i * row_bytes_, row_bytes_)));
    }
    return {};
  }

  Result<void> write(std::span<const std::byte> bytes) {
    TRY(file_.write_at(written_, bytes));
    begin_sync(file_, written_, bytes.size());
    written_ += bytes.size();
    return {};
  }

  [[nodiscard]] std::span<const std::byte> base_bytes(const Block& block) const {
    return std::span(block.bytes).first(block.base_rows * row_bytes_);
  }
  [[nodiscard]] std::span<const std::byte> all_bytes(const Block& block) const {
    return std::span(block.bytes).first(block.rows * row_bytes_);
  }

  File file_;
  std::size_t row_bytes_;
  std::size_t vector_bytes_;
  const Level0Content& content_;
  std::uint64_t elements_;
  std::uint64_t block_rows_;
  bool hashes_base_;
  std::optional<File> new_file_;
  std::optional<Rows> new_rows_;
  std::array<Block, kBlocks> blocks_;
  std::uint64_t started_ = 0;  ///< blocks
  std::uint64_t written_ = 0;
  std::atomic<bool> failed_ = false;
  Sha256 base_hash_;
  Sha256 hash_;
  Result<void> done_;
};

}  // namespace

Rows::Rows(const File& file, std::size_t row_bytes, std::uint64_t count)
    : file_(file),
      row_bytes_(row_bytes),
      count_(count),
      buffer_(std::max(kReadBytes / row_bytes, std::size_t{1}) * row_bytes) {}

Result<const std::byte*> Rows::row(std::uint64_t index) {
  const std::uint64_t per_read = buffer_.size() / row_bytes_;
  const std::uint64_t first = index / per_read * per_read;
  if (first != first_) {
    const std::uint64_t rows = std::min(per_read, count_ - first);
    TRY(file_.read_at(first * row_bytes_, std::span(buffer_).first(rows * row_bytes_)));
    first_ = first;
  }
  return buffer_.data() + (index - first) * row_bytes_;
}

Result<std::string> write_level0(const Path& file, const SegmentHeader& header, const Level0Content& content) {
  const bool exists = content.new_vectors.empty() && content.new_vectors_count > 0;
  return Level0Pass(TRY(exists ? File::open_update(file) : File::create(file)), header, content).run();
}

}  // namespace tillite
