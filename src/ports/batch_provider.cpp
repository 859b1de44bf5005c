#include "ports/batch_provider.h"

#include <array>

namespace tillite {
namespace {

constexpr std::array<std::pair<ProviderStatus, std::string_view>, 8> kStatuses = {{
    {ProviderStatus::validating, "validating"},
    {ProviderStatus::failed, "failed"},
    {ProviderStatus::in_progress, "in_progress"},
    {ProviderStatus::finalizing, "finalizing"},
    {ProviderStatus::completed, "completed"},
    {ProviderStatus::expired, "expired"},
    {ProviderStatus::cancelling, "cancelling"},
    {ProviderStatus::cancelled, "cancelled"},
}};

}  // namespace

std::string_view provider_status_name(ProviderStatus status) {
  return kStatuses.at(static_cast<std::size_t>(status)).second;
}

Result<ProviderStatus> parse_provider_status(std::string_view name) {
  for (const auto& [status, text] : kStatuses) {
    if (text == name) return status;
  }
  return fail(Code::invalid_input, "the provider reports a batch status that is not documented: '{}'",
              name.substr(0, 64));
}

bool has_ended(ProviderStatus status) {
  return status == ProviderStatus::completed || status == ProviderStatus::failed || status == ProviderStatus::expired ||
         status == ProviderStatus::cancelled;
}

}  // namespace tillite
