#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace tillite {

/// Whether a batch may carry this metadata: UTF-8, within BatchProvider's limits of pairs and characters.
/// `invalid_input` says what is wrong.
[[nodiscard]] Result<void> check_batch_metadata(const std::map<std::string, std::string>& metadata);

}  // namespace tillite
