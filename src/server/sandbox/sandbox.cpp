#include "server/sandbox/sandbox.h"

#include <algorithm>
#include <cmath>
#include <csignal>

#include "base/time.h"
#include "base/uuid.h"
#include "server/function_reference.h"
#include "server/lambda_service.h"

namespace tillite {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRuntime = "/2018-06-01/runtime/";
constexpr const char* kVersion = "$LATEST";
constexpr const char* kJson = "application/json";
constexpr std::uint64_t kResponseBytesMax = 6'291'556;  // as AWS has it
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kMinutesOfLambda = 20;  // longer than any invocation takes
constexpr std::uint64_t kBytesPerMib = std::uint64_t{1} << 20;

ServerResponse json_response(unsigned status, const Json& body) {
  return {.status = status, .content_type = kJson, .body = to_text(body)};
}

ServerResponse accepted() { return json_response(202, {{"status", "OK"}}); }

ServerResponse invalid_request_id() {
  return json_response(400, {{"errorMessage", "Invalid request ID"}, {"errorType", "InvalidRequestID"}});
}

/// {"errorMessage", "errorType"} of a process, which may have sent anything.
Error reported_error(const std::string& body, std::string_view type_field, std::string_view otherwise) {
  std::string type(type_field.empty() ? otherwise : type_field);
  std::string message;
  if (const auto parsed = parse_json(body, "the error"); parsed && parsed->is_object()) {
    if (const auto named = optional_string(*parsed, "errorType"); named && *named) type = **named;
    if (const auto told = optional_string(*parsed, "errorMessage"); told && *told) message = **told;
  }
  return Error(Code::failed, std::move(message)).named(std::move(type));
}

Result<Json> parse_result(const std::string& body) {
  auto result = parse_json(body.empty() ? "null" : body, "the function's result");
  if (result) return result;
  return std::unexpected(result.error().named("Runtime.InvalidResponse"));
}

std::string ending_of(const SandboxEnd& end, const FunctionInfo& function) {
  if (end.has_filled_storage) return fmt::format("its files have more than {} MB", function.storage_mb);
  if (end.signal == SIGKILL) return "signal: killed";
  if (end.signal != 0) return fmt::format("signal: {}", end.signal);
  return fmt::format("exit status {}", end.exit_status);
}

/// As X-Ray has them: "Root=1-{seconds}-{24 digits};Parent={16 digits};Sampled=0".
std::string trace_header(Clock& clock, Random& random) {
  constexpr std::size_t kRootDigits = 24;
  constexpr std::size_t kParentDigits = 16;
  const auto digits = [&](std::size_t count) {
    std::string text = uuid4(random.bytes());
    std::erase(text, '-');
    return text.substr(0, count);
  };
  return fmt::format("Root=1-{:08x}-{};Parent={};Sampled=0", clock.now_ms() / kMsPerSecond, digits(kRootDigits),
                     digits(kParentDigits));
}

}  // namespace

// ------------------------------------------------------------------------------------------------------- the start

Result<std::unique_ptr<Sandbox>> Sandbox::start(const SandboxedFunction& function,
                                                const SandboxSurroundings& surroundings) {
  std::unique_ptr<Sandbox> sandbox(new Sandbox(function, surroundings));
  TRY(sandbox->start_process());
  return sandbox;
}

Result<void> Sandbox::start_process() {
  stream_id_ = uuid4(surroundings_.random.bytes());
  std::erase(stream_id_, '-');
  TRY(make_folders(surroundings_.scratch));
  folder_ = TRY(ScratchFolder::create(surroundings_.scratch));
  HttpServer::Limits limits;
  limits.threads = 1;
  limits.connections_max = 16;
  limits.body_bytes_max = kResponseBytesMax;
  limits.idle_ms_max = kMinutesOfLambda * 60 * kMsPerSecond;
  limits.farewell_ms_max = 0;
  server_ = TRY(HttpServer::listen(
      0, [this](const ServerRequest& request, ServerAnswer answer) { handle(request, std::move(answer)); }, limits));
  serving_ = std::jthread([this] { server_->run(server_stop_.get_token()); });
  started_at_ = std::chrono::steady_clock::now();
  process_ = TRY(SandboxProcess::start(
      {.words = function_.words,
       .environment = environment(),
       .folder = folder_->path(),
       .memory_bytes_max = static_cast<std::uint64_t>(function_.info.memory_mb) * kBytesPerMib,
       .storage_bytes_max = static_cast<std::uint64_t>(function_.info.storage_mb) * kBytesPerMib},
      [this](std::string_view line) { hear(line); }, [this](const SandboxEnd& end) { note_end(end); }));
  return {};
}

/// As Lambda sets them (AWS Lambda Developer Guide, "Defined runtime environment variables"). The function's own stand
/// above all others but those that name the function and its Runtime API.
std::map<std::string, std::string> Sandbox::environment() const {
  std::string day = iso_time(surroundings_.clock.now_ms()).substr(0, 10);
  std::ranges::replace(day, '-', '/');
  const Path program = function_.words.front();
  std::map<std::string, std::string> variables = {
      {"LANG", "en_US.UTF-8"},
      {"TZ", ":UTC"},
      {"PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"},
      {"TMPDIR", folder_->path().string()},
      {"AWS_REGION", surroundings_.place.region},
      {"AWS_DEFAULT_REGION", surroundings_.place.region},
      {"LAMBDA_TASK_ROOT", program.has_parent_path() ? program.parent_path().string() : "/var/task"},
      {"LAMBDA_RUNTIME_DIR", "/var/runtime"},
      {"_HANDLER", "bootstrap"},
  };
  for (const auto& given : {surroundings_.environment, function_.info.environment}) {
    for (const auto& [name, value] : given) variables[name] = value;
  }
  const std::map<std::string, std::string> own = {
      {"AWS_LAMBDA_RUNTIME_API", fmt::format("127.0.0.1:{}", server_->port())},
      {"AWS_LAMBDA_FUNCTION_NAME", function_.info.name},
      {"AWS_LAMBDA_FUNCTION_VERSION", kVersion},
      {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function_.info.memory_mb)},
      {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
      {"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + function_.info.name},
      {"AWS_LAMBDA_LOG_STREAM_NAME", fmt::format("{}/[{}]{}", day, kVersion, stream_id_)},
  };
  for (const auto& [name, value] : own) variables[name] = value;
  return variables;
}

Sandbox::~Sandbox() {
  process_.reset();
  server_stop_.request_stop();
  {
    const std::scoped_lock lock(mutex_);
    asking_.reset();
  }
  if (serving_.joinable()) serving_.join();
}

// ----------------------------------------------------------------------------------------------- the Runtime API

void Sandbox::handle(const ServerRequest& request, ServerAnswer answer) {
  const std::string_view target = request.target;
  if (!target.starts_with(kRuntime)) return answer(json_response(404, {{"errorType", "NotFound"}}));
  const std::string_view what = target.substr(kRuntime.size());
  if (request.method == "GET" && what == "invocation/next") {
    const std::scoped_lock lock(mutex_);
    if (!ready_at_) ready_at_ = std::chrono::steady_clock::now();
    asking_.emplace(std::move(answer));
    hand_out();
    changed_.notify_all();
    return;
  }
  if (request.method == "POST" && what == "init/error") return answer(take_init_error(request.body));
  constexpr std::string_view kInvocation = "invocation/";
  const std::size_t slash = what.rfind('/');
  if (request.method == "POST" && what.starts_with(kInvocation) && slash > kInvocation.size()) {
    const std::string id(what.substr(kInvocation.size(), slash - kInvocation.size()));
    const std::string_view kind = what.substr(slash + 1);
    if (kind == "response") return answer(take(id, parse_result(request.body)));
    if (kind == "error") {
      const std::string_view type = request.field("lambda-runtime-function-error-type");
      return answer(take(id, std::unexpected(reported_error(request.body, type, "Unhandled"))));
    }
  }
  answer(json_response(404, {{"errorType", "NotFound"}}));
}

/// Under the lock: gives the process its work, if it asks for some and there is some.
void Sandbox::hand_out() {
  if (!asking_ || !work_ || work_->is_handed_out || !asking_->is_wanted()) return;
  work_->is_handed_out = true;
  handed_out_at_ = std::chrono::steady_clock::now();
  work_->deadline_ms = surroundings_.clock.now_ms() + function_.info.timeout_s * kMsPerSecond;
  ServerResponse response{.content_type = kJson, .body = std::move(work_->event)};
  response.fields = {
      {"Lambda-Runtime-Aws-Request-Id", work_->request_id},
      {"Lambda-Runtime-Deadline-Ms", std::to_string(work_->deadline_ms)},
      {"Lambda-Runtime-Invoked-Function-Arn", function_arn(surroundings_.place, {.name = function_.info.name})},
      {"Lambda-Runtime-Trace-Id", trace_header(surroundings_.clock, surroundings_.random)}};
  ServerAnswer answer = *std::move(asking_);
  asking_.reset();
  answer(std::move(response));
}

ServerResponse Sandbox::take(const std::string& request_id, Result<Json> outcome) {
  const std::scoped_lock lock(mutex_);
  if (!work_ || work_->request_id != request_id || !work_->is_handed_out || work_->outcome) return invalid_request_id();
  work_->outcome = std::move(outcome);
  changed_.notify_all();
  return accepted();
}

ServerResponse Sandbox::take_init_error(const std::string& body) {
  const std::scoped_lock lock(mutex_);
  if (ready_at_) return json_response(403, {{"errorMessage", "the function is initialised"}, {"errorType", "State"}});
  init_error_ = reported_error(body, "", "Runtime.InitError");
  return accepted();  // the process ends by itself, which is waited for
}

void Sandbox::hear(std::string_view line) {
  surroundings_.on_line(line);
  const std::scoped_lock lock(log_mutex_);
  log_ += line;
  log_ += '\n';
  // A caller is shown the end only.
  if (log_.size() > 16 * LambdaService::kLogTailBytesMax) log_.erase(0, log_.size() / 2);
}

void Sandbox::note_end(const SandboxEnd& end) {
  const std::scoped_lock lock(mutex_);
  end_ = end;
  changed_.notify_all();
}

bool Sandbox::has_died_idle() {
  const std::scoped_lock lock(mutex_);
  return end_ && !is_ended_by_us_ && has_died_idle_;
}

bool Sandbox::is_usable() {
  const std::scoped_lock lock(mutex_);
  return !end_ && !is_ended_by_us_ && !init_error_;
}

// --------------------------------------------------------------------------------------------------- an invocation

EndedFunction Sandbox::invoke(const FunctionCall& call, const std::stop_token& stop) {
  hear(fmt::format("START RequestId: {} Version: {}", call.request_id, kVersion));
  const bool is_cold = !is_warm_;
  is_warm_ = true;
  {
    const std::scoped_lock lock(mutex_);
    handed_out_at_ = std::chrono::steady_clock::now();
    work_ = Work{.request_id = call.request_id, .event = to_text(call.event)};
    hand_out();
  }
  auto result = wait_for_outcome(stop);
  process_->hear();
  const std::scoped_lock lock(mutex_);
  has_died_idle_ = ready_at_ && !work_->is_handed_out;
  work_.reset();
  if (!result) hear(fmt::format("[ERROR] {}: {}", result.error().name(), result.error().message()));
  hear(fmt::format("END RequestId: {}", call.request_id));
  hear(fmt::format("REPORT RequestId: {}\t{}", call.request_id, report_of(result, handed_out_at_, is_cold)));
  const std::scoped_lock log_lock(log_mutex_);
  return {.result = std::move(result), .log = std::exchange(log_, {})};
}

Result<Json> Sandbox::wait_for_outcome(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const std::string request_id = work_->request_id;
  const auto named = [&](const char* name, const std::string& what) {
    return std::unexpected(Error(Code::failed, fmt::format("RequestId: {} Error: {}", request_id, what)).named(name));
  };
  while (!work_->outcome && !end_) {
    const std::int64_t limit_ms =
        work_->is_handed_out ? function_.info.timeout_s * kMsPerSecond : surroundings_.init_ms_max;
    if (wait_until(lock, handed_out_at_ + milliseconds(limit_ms), stop)) continue;
    if (stop.stop_requested()) {
      end_process(lock, surroundings_.grace_ms);
      if (work_->outcome) break;
      return fail(Code::cancelled, "the host stops");
    }
    end_process(lock, 0);
    return named("Sandbox.Timedout",
                 fmt::format("Task timed out after {:.2f} seconds", static_cast<double>(limit_ms) / kMsPerSecond));
  }
  if (work_->outcome) return *std::move(work_->outcome);
  if (init_error_) return std::unexpected(*init_error_);
  if (end_->signal == 0 && end_->exit_status == 0) {
    return named("Runtime.ExitError", "Runtime exited without providing a reason");
  }
  return named("Runtime.ExitError", fmt::format("Runtime exited with error: {}", ending_of(*end_, function_.info)));
}

/// Until something has changed: true. False when the time is over or `stop` is requested.
bool Sandbox::wait_until(std::unique_lock<std::mutex>& lock, Time time, const std::stop_token& stop) {
  const bool was_handed_out = work_->is_handed_out;
  return changed_.wait_until(lock, stop, time,
                             [&] { return work_->outcome || end_ || work_->is_handed_out != was_handed_out; });
}

/// Kills the process, after it was told to end and had `grace_ms` to answer and do so.
void Sandbox::end_process(std::unique_lock<std::mutex>& lock, std::int64_t grace_ms) {
  is_ended_by_us_ = true;
  if (grace_ms > 0) {
    lock.unlock();
    process_->signal(SIGTERM);
    lock.lock();
    changed_.wait_for(lock, milliseconds(grace_ms), [&] { return end_ || work_->outcome; });
  }
  lock.unlock();
  process_->signal(SIGKILL);
  lock.lock();
}

std::string Sandbox::report_of(const Result<Json>& result, Time handed_out_at, bool is_cold) const {
  const auto ms = [](auto duration) { return std::chrono::duration<double, std::milli>(duration).count(); };
  const double duration_ms = ms(std::chrono::steady_clock::now() - handed_out_at);
  std::string text =
      fmt::format("Duration: {:.2f} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
                  duration_ms, static_cast<std::int64_t>(std::ceil(duration_ms)), function_.info.memory_mb,
                  (process_->memory_bytes_peak() + kBytesPerMib - 1) / kBytesPerMib);
  if (is_cold && ready_at_) text += fmt::format("Init Duration: {:.2f} ms\t", ms(*ready_at_ - started_at_));
  if (result) return text;
  const std::string name = end_ && end_->was_too_large ? "Runtime.OutOfMemory" : result.error().name();
  if (name == "Sandbox.Timedout") return text + "Status: timeout";
  return text + fmt::format("Status: error\tError Type: {}", name);
}

}  // namespace tillite
