#pragma once

#include <string>
#include <string_view>

namespace tillite {

/// Names this process for others on the same machine: "{host}/{boot id}/{pid}/{start time}". No other process ever has
/// the same.
[[nodiscard]] std::string process_identity();

/// Whether the process that process_identity() named runs no more, for certain: it was on this host since this boot,
/// and no process with that number and start time exists. False whenever that cannot be told.
[[nodiscard]] bool is_gone(std::string_view identity);

}  // namespace tillite
