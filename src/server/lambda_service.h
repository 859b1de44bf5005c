#pragma once

#include <vector>

#include "server/arn.h"
#include "server/aws_service.h"
#include "server/function_backend.h"
#include "server/function_reference.h"
#include "server/invocation_queue.h"
#include "server/lambda_protocol.h"

namespace tillite {

/// Lambda over a backend's functions: Invoke (RequestResponse, Event, DryRun), ListFunctions, GetFunction and
/// GetFunctionConfiguration. There is one version of each, $LATEST. An Event is run once; one that waits when the
/// service is stopped is not run.
class LambdaService final : public AwsService {
 public:
  static constexpr std::size_t kPayloadBytesMax = std::size_t{6} << 20;       ///< of an event, and of a result
  static constexpr std::size_t kEventPayloadBytesMax = std::size_t{1} << 20;  ///< with InvocationType Event
  static constexpr std::size_t kLogTailBytesMax = 4096;

  /// `functions` must outlive the service.
  LambdaService(FunctionBackend& functions, AwsPlace place, const InvocationQueue::Limits& limits = {})
      : functions_(functions), place_(std::move(place)), queue_(limits) {}

  [[nodiscard]] std::string_view target() const override { return kServiceOfLambdaProtocol; }
  void handle(AwsCall call) override;
  /// Calls that wait for their turn, and all that come later, are refused by ServiceException.
  void stop() { queue_.stop(); }

 private:
  struct Invocation;
  [[nodiscard]] Result<const FunctionInfo*> function_of(const Json& parameters) const;
  [[nodiscard]] Result<Invocation> parse_invocation(const Json& parameters) const;
  void invoke(AwsCall call);

  Result<Json> list_functions(const Json& parameters);
  Result<Json> get_function(const Json& parameters);
  Result<Json> get_function_configuration(const Json& parameters);
  [[nodiscard]] Json configuration_of(const FunctionInfo& function) const;

  FunctionBackend& functions_;
  AwsPlace place_;
  InvocationQueue queue_;  // the last member: its calls use the others
};

}  // namespace tillite
