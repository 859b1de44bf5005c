#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "lambda/function_ports.h"
#include "lambda/invocation_watch.h"
#include "lambda/response_context.h"
#include "lambda/runtime_api.h"

namespace tillite {

/// What a function is made of.
struct FunctionParts {
  NamedStep step;
  std::string name;  ///< AWS_LAMBDA_FUNCTION_NAME
  OpenFunctionPorts open_ports;
  Path scratch;  ///< folder of the folders of single invocations; made when it is needed
  Logger log = Logger::none();
  std::function<void(std::string_view line)> metrics;  ///< takes lines of the embedded metric format
};

/// A step as a Lambda function: from an invocation to its answer. What it opened for one invocation the next ones use.
/// One thread at a time.
class Function {
 public:
  /// `watch` must outlive this object.
  Function(FunctionParts parts, InvocationWatch& watch) : parts_(std::move(parts)), watch_(watch) {}

  /// An invocation that was stopped before its end is Tillite.TimedOut (at its deadline) or Tillite.Unavailable (the
  /// process is taken away): both are worth another try, which goes on where this one ended.
  [[nodiscard]] FunctionAnswer handle(const RuntimeInvocation& invocation);

 private:
  struct Caller;
  [[nodiscard]] Result<Json> call(const Caller& caller, const Json& event, std::stop_token stop,
                                  std::optional<std::int64_t>& duration_ms);
  [[nodiscard]] Result<const FunctionPorts*> open(const Logger& log);
  void close();
  void measure(const Caller& caller, const Json& event, const Result<Json>& result, std::int64_t duration_ms);

  FunctionParts parts_;
  InvocationWatch& watch_;
  std::stop_source objects_stop_;  ///< of the ports
  std::stop_source rows_stop_;
  std::unique_ptr<FunctionPorts> ports_;
  std::shared_ptr<LockWatch> lock_watch_ = std::make_shared<LockWatch>();
  bool is_cold_ = true;
};

/// Asks for invocations and answers them, until the process is told to end. Returns an error if the Runtime API cannot
/// be reached any more, or hands out what is no invocation.
[[nodiscard]] Result<void> serve_invocations(RuntimeApi& api, Function& function, const InvocationWatch& watch,
                                             const Logger& log);

}  // namespace tillite
