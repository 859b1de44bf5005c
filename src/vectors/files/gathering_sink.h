#pragma once

#include <mutex>
#include <vector>

#include "base/file.h"
#include "base/serial_worker.h"

namespace tillite {

/// Gathers writes to a file into blocks: bytes that are copied, and bytes that are taken from where they lie when the
/// block is written. A worker writes the blocks, if there is one.
class GatheringSink {
 public:
  /// `beside` must go before the sink does.
  GatheringSink(File file, SerialWorker* beside) : file_(std::move(file)), beside_(beside) {}

  /// Copies the bytes.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  /// These must stay as they are until flush().
  [[nodiscard]] Result<void> write_staying(std::span<const std::byte> bytes);
  /// Everything is in the file when this returns.
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] const Path& path() const { return file_.path(); }

 private:
  struct Block {
    /// Bytes that stay, and where among the copied ones they belong.
    struct Staying {
      std::size_t behind = 0;
      std::span<const std::byte> bytes;
    };
    std::vector<std::byte> copied;
    std::vector<Staying> staying;
    std::size_t size_bytes = 0;  ///< of both
  };

  [[nodiscard]] Result<void> hand_over_full();
  [[nodiscard]] Result<void> hand_over();
  [[nodiscard]] Result<void> write_block(const Block& block);
  void give_back(Block block);
  [[nodiscard]] Block take_back();

  File file_;
  SerialWorker* beside_;
  Block block_;
  std::mutex mutex_;
  std::vector<Block>
      written_;  ///< whose memory is used again: memory that is new costs more than what is copied into it
};

}  // namespace tillite
