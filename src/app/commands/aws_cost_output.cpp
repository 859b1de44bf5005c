#include "app/commands/aws_cost_output.h"

#include <algorithm>

#include "app/commands/plan_output.h"

namespace tillite {
namespace {

constexpr double kBytesAMb = 1024.0 * 1024.0;

/// "function_gb_seconds" as it is read.
std::string words_of(const std::string& name) {
  std::string words = name;
  std::ranges::replace(words, '_', ' ');
  const std::size_t unit = words.find("gb seconds");
  return unit == std::string::npos ? words : words.replace(unit, 2, "GB");
}

}  // namespace

Json to_json(const AwsCost& cost) {
  Json charges = Json::array();
  for (const AwsCharge& charge : cost.charges) {
    charges.push_back({{"name", charge.name}, {"units", charge.units}, {"cost_usd", amount_json(charge.cost)}});
  }
  return {{"region", cost.region},
          {"prices_as_of", cost.prices_as_of},
          {"charges", std::move(charges)},
          {"cost_usd", amount_json(cost.total)},
          {"stored_bytes", cost.stored_bytes},
          {"stored_usd_a_month", amount_json(cost.stored_a_month)}};
}

void print(const AwsCost& cost, const Output& output) {
  output.line("on AWS       about {} USD besides, by prices of {} ({})", dollars_text(cost.total), cost.region,
              cost.prices_as_of);
  for (const AwsCharge& charge : cost.charges) {
    output.line("  {:<19} {:>12} {:>12} USD", words_of(charge.name), charge.units, dollars_text(charge.cost));
  }
  output.line("  stored {:.1f} MB more, {} USD a month", static_cast<double>(cost.stored_bytes) / kBytesAMb,
              dollars_text(cost.stored_a_month));
}

}  // namespace tillite
