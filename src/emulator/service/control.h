#pragma once

#include "base/http_server.h"
#include "emulator/batches/batch_life.h"
#include "emulator/faults/answer_script.h"
#include "emulator/service/statistics.h"
#include "emulator/store/file_store.h"

namespace tillite {

/// The emulator's own calls below /emulator/ (docs/openai-emulator.md): what is to happen next, and what happened.
class ControlApi {
 public:
  ControlApi(EmulatorDatabase& database, FileStore& files, BatchLife& batches, AnswerScript& answers,
             Statistics& statistics)
      : database_(database), files_(files), batches_(batches), answers_(answers), statistics_(statistics) {}

  [[nodiscard]] static bool serves(std::string_view target) { return target.starts_with("/emulator/"); }
  [[nodiscard]] ServerResponse handle(const ServerRequest& request);

 private:
  [[nodiscard]] Result<Json> answer(const ServerRequest& request);
  [[nodiscard]] Result<Json> statistics();

  EmulatorDatabase& database_;
  FileStore& files_;
  BatchLife& batches_;
  AnswerScript& answers_;
  Statistics& statistics_;
};

}  // namespace tillite
