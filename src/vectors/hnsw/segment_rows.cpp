#include "vectors/hnsw/segment_rows.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/early_write.h"
#include "base/pipeline.h"
#include "vectors/files/file_checksum.h"

namespace tillite {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kBlocksMax = 16;  // on their way at a time: one writer has no use for more

/// A part of the file, by which its checksum goes, and the rows that it has a piece of.
struct Block {
  std::size_t part = 0;
  std::vector<std::byte> bytes;  ///< of whole rows
  std::uint64_t first = 0;       ///< element
  std::uint64_t end = 0;         ///< behind the last one
  Result<void> done;
};

class Level0Pass {
 public:
  Level0Pass(File file, const SegmentHeader& header, const Level0Content& content)
      : file_(std::move(file)),
        row_bytes_(header.row_bytes()),
        vector_bytes_(header.dimensions * sizeof(float)),
        content_(content),
        base_rows_(content.base_rows.size()),
        size_bytes_((base_rows_ + content.new_vectors_count) * row_bytes_),
        digests_(checksum_parts(size_bytes_)),
        sum_(part_sum(ChecksumForm::by_parts, digests_.size())),
        outcomes_(digests_.size()) {}

  Result<std::string> run() {
    if (!content_.base_checksum.empty()) TRY(prepare_base());
    if (content_.new_vectors_count > 0 && !is_in_place()) new_file_ = TRY(File::open_read(content_.new_vectors));
    pass();
    for (auto& outcome : outcomes_) TRY(std::move(outcome));
    if (base_whole_) TRY(check_base(base_whole_->hex()));
    if (!base_digests_.empty()) TRY(check_base(checksum_of_parts(base_digests_, base_sum_)));
    return checksum_of_parts(digests_, sum_);
  }

 private:
  /// How the base is hashed: on the way, by parts or as a whole. A pass that leaves rows out does not see all that its
  /// checksum is of.
  Result<void> prepare_base() {
    const std::uint64_t size_bytes = content_.base_elements * row_bytes_;
    const auto form = checksum_form(content_.base_checksum, size_bytes);
    if (!form) return check_base("");
    if (base_rows_ != content_.base_elements) {
      return check_base(TRY(checksum_of_file(*content_.base, *form, content_.threads)));
    }
    if (form == ChecksumForm::whole) {
      base_whole_.emplace();
    } else {
      base_digests_.resize(checksum_parts(size_bytes));
      base_sum_ = part_sum(*form, base_digests_.size());
    }
    return {};
  }

  Result<void> check_base(const std::string& checksum) const {
    if (checksum == content_.base_checksum) return {};
    return fail(Code::corrupt, "{} does not have the checksum of its manifest: bytes changed",
                content_.base->path().string());
  }

  void pass() {
    std::vector<PipelineStage<Block>> stages = {
        {.order = StageOrder::any, .work = [this](Block& block) { block.done = read(block); }}};
    if (base_whole_) stages.push_back({.work = [this](Block& block) { base_whole_->update(base_bytes(block)); }});
    stages.push_back({.order = StageOrder::any, .work = [this](Block& block) {
                        if (block.done) block.done = complete(block);
                      }});
    // One at a time: a file takes one write at a time, and who waits for that does nothing else.
    stages.push_back({.work = [this](Block& block) {
      if (block.done) block.done = write(block);
      if (!block.done) failed_ = true;
      outcomes_[block.part] = std::move(block.done);
    }});
    std::vector<Block> blocks(std::min(2 * content_.threads, kBlocksMax));
    run_pipeline<Block>(blocks, content_.threads, [this](Block& block) { return begin(block); }, stages);
  }

  /// Has a block be of the next part; whether there is one.
  bool begin(Block& block) {
    if (begun_ == digests_.size() || failed_) return false;
    block.part = begun_++;
    block.first = begin_of(block) / row_bytes_;
    block.end = (end_of(block) + row_bytes_ - 1) / row_bytes_;
    block.bytes.resize((block.end - block.first) * row_bytes_);
    return true;
  }

  [[nodiscard]] bool is_in_place() const { return content_.new_vectors.empty(); }

  Result<void> read(Block& block) {
    // What other parts have of the first and the last row may be written meanwhile: links and labels, which come anew.
    if (is_in_place()) return file_.read_at(block.first * row_bytes_, block.bytes);
    const std::uint64_t from_base = std::clamp(base_rows_, block.first, block.end);
    const auto rows = content_.base_rows.subspan(std::min(block.first, base_rows_), from_base - block.first);
    for (std::size_t begin = 0; begin < rows.size();) {
      std::size_t end = begin + 1;  // of rows that follow each other in the base
      while (end < rows.size() && rows[end] == rows[begin] + (end - begin)) ++end;
      TRY(content_.base->read_at(rows[begin] * row_bytes_,
                                 std::span(block.bytes).subspan(begin * row_bytes_, (end - begin) * row_bytes_)));
      begin = end;
    }
    for (std::uint64_t element = from_base; element < block.end; ++element) {
      const auto row = row_of(block, element);
      std::ranges::fill(row, std::byte{0});
      TRY(new_file_->read_at((element - base_rows_) * vector_bytes_, row.subspan(kVectorOffset, vector_bytes_)));
    }
    return {};
  }

  Result<void> complete(Block& block) {
    if (block.part < base_digests_.size()) base_digests_[block.part] = digest_of(base_bytes(block), base_sum_);
    for (std::uint64_t element = block.first; element < block.end; ++element) {
      TRY(content_.complete(element, row_of(block, element)));
    }
    digests_[block.part] = digest_of(bytes_until(block, end_of(block)), sum_);
    return {};
  }

  Result<void> write(const Block& block) {
    const auto bytes = bytes_until(block, end_of(block));
    TRY(file_.write_at(begin_of(block), bytes));
    begin_sync(file_, begin_of(block), bytes.size());
    return {};
  }

  static PartDigest digest_of(std::span<const std::byte> bytes, PartSum sum) {
    PartHash hash(sum);
    hash.update(bytes);
    return hash.digest();
  }

  [[nodiscard]] static std::uint64_t begin_of(const Block& block) { return block.part * kChecksumPartBytes; }
  [[nodiscard]] std::uint64_t end_of(const Block& block) const {
    return std::min(begin_of(block) + kChecksumPartBytes, size_bytes_);
  }
  [[nodiscard]] std::span<std::byte> row_of(Block& block, std::uint64_t element) const {
    return std::span(block.bytes).subspan((element - block.first) * row_bytes_, row_bytes_);
  }
  /// Those of the part, up to a place in the file.
  [[nodiscard]] std::span<const std::byte> bytes_until(const Block& block, std::uint64_t end) const {
    const std::uint64_t begin = begin_of(block);
    return std::span(block.bytes).subspan(begin - block.first * row_bytes_, std::max(end, begin) - begin);
  }
  [[nodiscard]] std::span<const std::byte> base_bytes(const Block& block) const {
    return bytes_until(block, std::min(end_of(block), base_rows_ * row_bytes_));
  }

  File file_;
  std::size_t row_bytes_;
  std::size_t vector_bytes_;
  const Level0Content& content_;
  std::uint64_t base_rows_;  ///< that are taken
  std::uint64_t size_bytes_;
  std::optional<File> new_file_;
  std::size_t begun_ = 0;  ///< parts
  std::atomic<bool> failed_ = false;
  std::optional<Sha256> base_whole_;
  std::vector<PartDigest> base_digests_;
  PartSum base_sum_ = PartSum::sha256;
  std::vector<PartDigest> digests_;
  PartSum sum_;
  std::vector<Result<void>> outcomes_;  ///< of the parts
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
