#include "server/step_functions_arn.h"

#include "server/aws_error.h"
#include "workflow/execution_names.h"

namespace tillite {
namespace {

struct Typed {
  AwsPlace place;
  std::string type;  ///< "stateMachine"
  std::string rest;  ///< all behind it
};

Result<Typed> parse_typed(std::string_view text) {
  const Arn arn = TRY(parse_arn(text));
  const std::size_t colon = arn.resource.find(':');
  if (arn.service != "states" || colon == std::string::npos || colon + 1 == arn.resource.size()) {
    return aws_error("InvalidArn", fmt::format("Invalid Arn: '{}'", text.substr(0, 256)));
  }
  return Typed{.place = {.region = arn.region, .account = arn.account},
               .type = arn.resource.substr(0, colon),
               .rest = arn.resource.substr(colon + 1)};
}

std::unexpected<Error> wrong_type(std::string_view type) {
  return aws_error("InvalidArn",
                   fmt::format("Invalid Arn: 'Resource type not valid in this context: {}'", type.substr(0, 80)));
}

Result<NameArn> parse_named(std::string_view text, std::string_view type) {
  Typed typed = TRY(parse_typed(text));
  if (typed.type != type) return wrong_type(typed.type);
  return NameArn{.place = std::move(typed.place), .name = std::move(typed.rest)};
}

}  // namespace

Result<NameArn> parse_machine_arn(std::string_view text) { return parse_named(text, "stateMachine"); }
Result<NameArn> parse_activity_arn(std::string_view text) { return parse_named(text, "activity"); }
Result<NameArn> parse_map_run_arn(std::string_view text) { return parse_named(text, "mapRun"); }

Result<ExecutionArn> parse_execution_arn(std::string_view text) {
  Typed typed = TRY(parse_typed(text));
  if (typed.type != "execution" && typed.type != "express") return wrong_type(typed.type);
  const std::size_t colon = typed.rest.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == typed.rest.size()) {
    return aws_error("InvalidArn", fmt::format("Invalid Arn: '{}'", text.substr(0, 256)));
  }
  return ExecutionArn{.place = std::move(typed.place),
                      .id = {.machine = typed.rest.substr(0, colon), .name = typed.rest.substr(colon + 1)},
                      .is_express = typed.type == "express"};
}

std::string machine_arn(const AwsPlace& place, std::string_view name) {
  return place.arn("states", fmt::format("stateMachine:{}", name));
}
std::string activity_arn(const AwsPlace& place, std::string_view name) {
  return place.arn("states", fmt::format("activity:{}", name));
}
std::string map_run_arn(const AwsPlace& place, std::string_view id) {
  return place.arn("states", fmt::format("mapRun:{}", id));
}
std::string execution_arn(const AwsPlace& place, const ExecutionName& id, bool is_express) {
  return place.arn("states", fmt::format("{}:{}:{}", is_express ? "express" : "execution", id.machine, id.name));
}

Result<void> check_states_name(std::string_view name) {
  if (is_states_name(name)) return {};
  return aws_error("InvalidName", fmt::format("Invalid Name: '{}'", name.substr(0, 256)));
}

}  // namespace tillite
