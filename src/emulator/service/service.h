#pragma once

#include <atomic>

#include "base/http_server.h"
#include "base/log.h"
#include "emulator/service/api.h"
#include "emulator/service/control.h"

namespace tillite {

/// Every request from its header to its answer: credentials, faults, the call itself, the headers that all answers
/// have. Threads: any.
class EmulatorService {
 public:
  struct Settings {
    std::string api_key;  ///< empty: any that is there
    FaultSpec faults;
    std::uint64_t seed = 1;
    std::int64_t request_ms = 0;
  };

  EmulatorService(OpenAiApi& api, FileStore& files, ControlApi& control, AnswerScript& script, Statistics& statistics,
                  Clock& clock, Random& random, Logger log, Settings settings)
      : api_(api),
        files_(files),
        control_(control),
        script_(script),
        statistics_(statistics),
        clock_(clock),
        random_(random),
        log_(std::move(log)),
        settings_(std::move(settings)) {}

  void handle(const ServerRequest& request, ServerAnswer answer);
  /// Takes in the bodies of uploads.
  [[nodiscard]] std::unique_ptr<BodyReceiver> receiver_of(const ServerRequest& head);

 private:
  class UploadReceiver;

  /// A request under way.
  struct Call {
    Route route;
    std::string request_id;
    std::int64_t began_ms = 0;  ///< of the steady clock
    std::shared_ptr<const void> in_flight;
    std::optional<RequestFault> fault;
    std::optional<ServerResponse> decided;  ///< what is answered without anything being done
  };

  [[nodiscard]] Call begin(const ServerRequest& head);
  [[nodiscard]] ApiResult<void> check_credentials(const ServerRequest& head) const;
  /// The answer as it goes out: with the faults that come after the thing was done, and the usual headers.
  [[nodiscard]] ServerResponse complete(Call& call, ServerResponse response);

  OpenAiApi& api_;
  FileStore& files_;
  ControlApi& control_;
  AnswerScript& script_;
  Statistics& statistics_;
  Clock& clock_;
  Random& random_;
  Logger log_;
  Settings settings_;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace tillite
