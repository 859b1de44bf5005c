#pragma once

#include <string_view>

#include "expressions/jsonata/names.h"
#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

/// The tree of an expression as it is written, with the parser's kinds of nodes; linking makes paths of them.
/// Errors: `invalid_input`.
[[nodiscard]] Result<NodePtr> parse_tree(std::string_view source, Names& names);

}  // namespace tillite::jsonata
