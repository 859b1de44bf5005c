// openai-emulator: behaves as OpenAI's files, batches and embeddings do, on loopback.
#include <thread>

#include "adapters/local/system_clock.h"
#include "app/commands/commands.h"
#include "base/http_server.h"
#include "emulator/emulator.h"

namespace tillite {

Result<int> openai_emulator_command(CommandContext& context, const OpenAiEmulatorOptions& options) {
  SystemClock clock;
  SystemRandom random;
  Emulator::Settings settings;
  settings.folder = options.folder;
  settings.models = options.models;
  settings.api_key = options.api_key;
  settings.faults = TRY(FaultSpec::parse(options.faults));
  settings.latency = TRY(Latency::parse(options.latency));
  settings.seed = options.seed;
  settings.enqueued_tokens_max = options.enqueued_tokens_max;
  const Logger log = context.host.log.named("openai-emulator");
  const auto emulator = TRY(Emulator::open(settings, clock, random, log));
  const auto server = TRY(HttpServer::listen(
      static_cast<std::uint16_t>(options.port),
      [&](const ServerRequest& request, ServerAnswer answer) { emulator->handle(request, std::move(answer)); }, {},
      [&](const ServerRequest& head) { return emulator->receiver_of(head); }));

  const std::string url = fmt::format("http://127.0.0.1:{}/v1", server->port());
  const std::string key = options.api_key.empty() ? "tillite" : options.api_key;
  context.output.line("export OPENAI_BASE_URL={}", url);
  context.output.line("export OPENAI_API_KEY={}", key);
  context.output.json({{"port", server->port()}, {"environment", {{"OPENAI_BASE_URL", url}, {"OPENAI_API_KEY", key}}}});
  log.info("serving", {{"address", url}, {"folder", settings.folder.string()}});
  const std::jthread batches([&] { emulator->run(context.host.stop); });
  server->run(context.host.stop);
  log.info("stopped");
  return kDone;
}

}  // namespace tillite
