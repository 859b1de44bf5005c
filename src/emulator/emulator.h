#pragma once

#include <memory>

#include "base/file.h"
#include "base/http_server.h"
#include "base/log.h"
#include "emulator/faults/fault_spec.h"
#include "emulator/latency.h"
#include "ports/clock.h"

namespace tillite {

/// A server that behaves as OpenAI's Files, Batches and Embeddings do, with vectors computed here
/// (docs/openai-emulator.md). What it keeps is in one folder, which one emulator uses at a time:
///
///     emulator.sqlite3   files and batches, what was paid for
///     files/             the files' content
///     scratch/           of the running process
class Emulator {
 public:
  struct Settings {
    Path folder;
    std::string models;   ///< as ModelCatalog takes them; empty: OpenAI's
    std::string api_key;  ///< empty: any that is there
    FaultSpec faults;
    Latency latency;
    std::uint64_t seed = 1;
    std::uint64_t enqueued_tokens_max = 3'000'000;  ///< of a model
  };

  /// `lock_held` if another emulator uses the folder. The clock and the randomness must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Emulator>> open(const Settings& settings, Clock& clock, Random& random,
                                                              const Logger& log);
  virtual ~Emulator() = default;

  /// For an HttpServer. Threads: any.
  virtual void handle(const ServerRequest& request, ServerAnswer answer) = 0;
  [[nodiscard]] virtual std::unique_ptr<BodyReceiver> receiver_of(const ServerRequest& head) = 0;

  /// Moves batches on until `stop` is requested. One thread.
  virtual void run(const std::stop_token& stop) = 0;
  /// Moves on what is due now; when something is due next, if anything. Instead of run(), not beside it.
  [[nodiscard]] virtual Result<std::optional<std::int64_t>> advance() = 0;
};

}  // namespace tillite
