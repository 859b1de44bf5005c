#pragma once

#include <cstddef>

#include "base/http_client.h"

namespace tillite {

/// The whole of an answer that is an error. A body above `bytes_max` is left out: it is no word of a service's.
[[nodiscard]] Result<HttpResponse> read_refusal(HttpStream& stream, std::size_t bytes_max);

}  // namespace tillite
