#pragma once

#include <memory>
#include <set>

#include "adapters/local/home.h"
#include "app/functions/invocation_log.h"
#include "app/progress.h"
#include "base/log.h"
#include "ports/function_log.h"
#include "steps/step.h"
#include "workflow/engine.h"

namespace tillite {

/// Everything that a command works with: a home, what the steps work with (pipeline_ports.h: the
/// embedded adapters of the home, or AWS's), the built-in engine.
class PipelineHost {
 public:
  struct Options {
    Path home;
    bool create = false;  ///< make the home if there is none
    Logger log = Logger::none();
    std::stop_token stop;
    Environment environment;
    bool runs_commands = true;                     ///< tasks may be programs (`command:`); else they are refused
    bool keeps_history = true;                     ///< of executions; one without is as durable
    std::shared_ptr<Spending> spending = nullptr;  ///< what submits of this process may spend; nothing: any amount
  };
  [[nodiscard]] static Result<std::unique_ptr<PipelineHost>> open(const Options& options);
  virtual ~PipelineHost() = default;

  [[nodiscard]] virtual const Home& home() const = 0;
  [[nodiscard]] virtual const Ports& ports() const = 0;
  /// The variables of the parts that lie on AWS, not in the home.
  [[nodiscard]] virtual const std::set<std::string>& on_aws() const = 0;
  [[nodiscard]] virtual const StepContext& context() const = 0;
  [[nodiscard]] virtual ExecutionStore& executions() = 0;
  /// What the functions that ran here logged.
  [[nodiscard]] virtual FunctionLog& function_log() = 0;
  /// Where functions that run here log.
  [[nodiscard]] virtual InvocationLog& invocations() = 0;
  /// What runs a task outside of an execution, as an engine's would. It lives as long as this host.
  [[nodiscard]] virtual TaskRunner& tasks() = 0;
  /// An engine whose tasks are the steps; `progress` (may be nullptr) hears of them. Must not outlive this host.
  [[nodiscard]] virtual std::unique_ptr<Engine> engine(Progress* progress) = 0;
};

}  // namespace tillite
