#pragma once

#include "app/commands/aws_cost.h"
#include "app/output.h"

namespace tillite {

/// An estimate as a JSON value (docs/cost.md).
[[nodiscard]] Json to_json(const AwsCost& cost);

/// An estimate for people.
void print(const AwsCost& cost, const Output& output);

}  // namespace tillite
