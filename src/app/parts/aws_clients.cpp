#include "app/parts/aws_clients.h"

#include <utility>

namespace tillite {

AwsClients::AwsClients(AwsSettings settings, const Environment& environment, Clock& clock, Random& random, Logger log)
    : settings_(std::move(settings)),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      credentials_(std::make_shared<Credentials>(default_credential_source(settings_, environment, clock, random, log_),
                                                 clock, log_)) {}

Result<AwsClients> AwsClients::open(const Environment& environment, Clock& clock, Random& random, const Logger& log) {
  AwsSettings settings = TRY(read_aws_settings(environment));
  return AwsClients(std::move(settings), environment, clock, random, log.named("aws"));
}

}  // namespace tillite
