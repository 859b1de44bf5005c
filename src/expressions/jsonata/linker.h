#pragma once

#include "expressions/jsonata/names.h"
#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

/// Makes of the parser's tree what is evaluated: paths with steps, filters and bindings; steps that remember the
/// parents that somebody asks for; calls in the last place of a lambda, which need no stack. Errors: `invalid_input`.
[[nodiscard]] Result<NodePtr> link(NodePtr tree, Names& names);

}  // namespace tillite::jsonata
