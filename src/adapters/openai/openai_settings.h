#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/remote/circuit_breaker.h"
#include "adapters/remote/retries.h"
#include "base/file.h"
#include "base/secret.h"

namespace tillite {

struct OpenAiTimeouts {
  std::int64_t connect_ms = 10'000;
  std::int64_t idle_ms = 60'000;          ///< without a byte
  std::int64_t call_ms = 120'000;         ///< a whole call with a small answer
  std::int64_t embed_ms = 120'000;        ///< a whole synchronous call for vectors
  std::int64_t upload_ms = 3'600'000;     ///< a whole upload
  std::int64_t upload_idle_ms = 300'000;  ///< the server works on the file when it has it all
  std::int64_t slot_ms = 600'000;         ///< waiting for other calls to end
};

/// Where OpenAI's API is, who asks, and how patiently (docs/openai.md).
struct OpenAiSettings {
  std::string base_url = "https://api.openai.com/v1";  ///< without a '/' at its end
  Secret api_key;                                      ///< empty: none is sent (compatible servers)
  bool needs_key = false;                              ///< without one no call is made
  std::string organization;                            ///< empty: the key's own
  std::string project;                                 ///< empty: the key's own
  std::string certificates_file;                       ///< trusted in place of the system's; empty: those
  std::size_t calls_max = 8;                           ///< at once; a download counts while it is open
  Path scratch;                                        ///< folder for files on their way out
  OpenAiTimeouts timeouts;
  RetryPolicy retries;
  CircuitBreaker::Settings breaker;
};

}  // namespace tillite
