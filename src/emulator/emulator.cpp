#include "emulator/emulator.h"

#include <sys/file.h>

#include <algorithm>

#include "emulator/batches/batch_life.h"
#include "emulator/service/service.h"

namespace tillite {
namespace {

constexpr std::int64_t kPauseMsMax = 60'000;
constexpr std::int64_t kPauseAfterFailureMs = 1000;

/// Held for as long as the folder is used.
Result<File> lock_folder(const Path& folder) {
  File file = TRY(File::create(folder / "lock"));
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::lock_held, "another emulator uses {}: name another folder, or stop that one", folder.string());
  }
  return file;
}

/// A sleep that can be ended from elsewhere.
class Alarm {
 public:
  void ring() {
    const std::scoped_lock lock(mutex_);
    rung_.request_stop();
  }
  /// What a sleeper waits with from now on.
  std::stop_token set() {
    const std::scoped_lock lock(mutex_);
    if (rung_.stop_requested()) rung_ = std::stop_source();
    return rung_.get_token();
  }

 private:
  std::mutex mutex_;
  std::stop_source rung_;
};

class LocalEmulator final : public Emulator {
 public:
  LocalEmulator(const Settings& settings, File lock, std::unique_ptr<EmulatorDatabase> database,
                std::unique_ptr<FileStore> files, ModelCatalog models, Clock& clock, Random& random, const Logger& log)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        files_(std::move(files)),
        models_(std::move(models)),
        clock_(clock),
        log_(log.named("emulator")),
        batches_(*database_, *files_, models_, clock, random,
                 {.latency = settings.latency,
                  .faults = settings.faults,
                  .seed = settings.seed,
                  .enqueued_tokens_max = settings.enqueued_tokens_max}),
        api_(*files_, batches_, models_, statistics_, settings.folder / "scratch", [this] { alarm_.ring(); }),
        control_(*database_, *files_, batches_, script_, statistics_),
        service_(api_, *files_, control_, script_, statistics_, clock, random, log_,
                 {.api_key = settings.api_key,
                  .faults = settings.faults,
                  .seed = settings.seed,
                  .request_ms = settings.latency.request_ms}) {}

  void handle(const ServerRequest& request, ServerAnswer answer) override {
    service_.handle(request, std::move(answer));
  }
  std::unique_ptr<BodyReceiver> receiver_of(const ServerRequest& head) override { return service_.receiver_of(head); }

  Result<std::optional<std::int64_t>> advance() override { return batches_.advance({}); }

  void run(const std::stop_token& stop) override {
    const std::stop_callback wake(stop, [this] { alarm_.ring(); });
    while (!stop.stop_requested()) {
      const std::stop_token rung = alarm_.set();  // before it looks: what comes after that is not slept through
      const auto next_ms = batches_.advance(stop);
      if (stop.stop_requested()) return;
      std::int64_t pause_ms = kPauseMsMax;
      if (!next_ms) {
        log_.error("batches cannot be moved on", {{"reason", next_ms.error().message()}});
        pause_ms = kPauseAfterFailureMs;
      } else if (*next_ms) {
        pause_ms = std::clamp<std::int64_t>(**next_ms - clock_.now_ms(), 0, kPauseMsMax);
      }
      static_cast<void>(clock_.sleep(pause_ms, rung));
    }
  }

 private:
  File lock_;
  std::unique_ptr<EmulatorDatabase> database_;
  std::unique_ptr<FileStore> files_;
  ModelCatalog models_;
  Clock& clock_;
  Logger log_;
  Alarm alarm_;
  Statistics statistics_;
  AnswerScript script_;
  BatchLife batches_;
  OpenAiApi api_;
  ControlApi control_;
  EmulatorService service_;
};

}  // namespace

Result<std::unique_ptr<Emulator>> Emulator::open(const Settings& settings, Clock& clock, Random& random,
                                                 const Logger& log) {
  ModelCatalog models =
      TRY(ModelCatalog::parse(settings.models.empty() ? ModelCatalog::kOpenAiModels : settings.models));
  TRY(make_folders(settings.folder));
  File lock = TRY(lock_folder(settings.folder));
  auto database = TRY(EmulatorDatabase::open(settings.folder / "emulator.sqlite3"));
  auto files = TRY(FileStore::open(*database, settings.folder / "files", clock, random));
  TRY(make_folders(settings.folder / "scratch"));
  ScratchFolder::remove_stale(settings.folder / "scratch");
  return std::make_unique<LocalEmulator>(settings, std::move(lock), std::move(database), std::move(files),
                                         std::move(models), clock, random, log);
}

}  // namespace tillite
