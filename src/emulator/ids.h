#pragma once

#include <string>

#include "ports/clock.h"

namespace tillite {

// Ids in OpenAI's form.
[[nodiscard]] std::string new_file_id(Random& random);     ///< "file-" and 22 letters and digits
[[nodiscard]] std::string new_batch_id(Random& random);    ///< "batch_" and 32 hexadecimal digits
[[nodiscard]] std::string new_request_id(Random& random);  ///< "req_" and 32 hexadecimal digits

}  // namespace tillite
