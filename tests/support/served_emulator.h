#pragma once

#include <thread>

#include "adapters/openai/openai_client.h"
#include "base/http_server.h"
#include "emulator/emulator.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {

/// The emulator of OpenAI's API behind HTTP on the loopback, and a client of it. Both have one virtual clock: batches
/// move on when a test says so.
class ServedEmulator {
 public:
  /// `models` as the emulator takes them ("NAME=DIMENSIONS"), `faults` too.
  ServedEmulator(const Path& folder, const std::string& models, const std::string& faults = "")
      : folder_(folder),
        emulator_(
            must(Emulator::open(settings(folder / "emulator", models, faults), clock_, random_, Logger::none()))) {}

  [[nodiscard]] OpenAiClient& client() { return client_; }
  /// Time passes for client and server, and batches whose time has come move on.
  void pass_time(std::int64_t duration_ms) {
    clock_.advance(duration_ms);
    static_cast<void>(must(emulator_->advance()));
  }

 private:
  static Emulator::Settings settings(Path folder, const std::string& models, const std::string& faults) {
    Emulator::Settings settings;
    settings.folder = std::move(folder);
    settings.models = models;
    settings.faults = must(FaultSpec::parse(faults));
    return settings;
  }
  [[nodiscard]] OpenAiSettings client_settings() const {
    OpenAiSettings settings;
    settings.base_url = fmt::format("http://127.0.0.1:{}/v1", server_->port());
    settings.api_key = Secret(std::string("sk-of-a-test"));
    settings.scratch = folder_;
    return settings;
  }

  Path folder_;
  VirtualClock clock_;
  SeededRandom random_;
  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<HttpServer> server_ = must(HttpServer::listen(
      0, [this](const ServerRequest& request, ServerAnswer answer) { emulator_->handle(request, std::move(answer)); },
      {}, [this](const ServerRequest& head) { return emulator_->receiver_of(head); }));
  std::jthread serving_{[this](const std::stop_token& stop) { server_->run(stop); }};
  OpenAiClient client_{client_settings(), clock_, random_, Logger::none(), {}};
};

}  // namespace tillite::testing
