#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tillite {

/// A variable's value, or nothing: the process's environment, or whatever stands for it in a test.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

}  // namespace tillite
