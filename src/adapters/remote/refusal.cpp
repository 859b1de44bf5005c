#include "adapters/remote/refusal.h"

namespace tillite {

Result<HttpResponse> read_refusal(HttpStream& stream, std::size_t bytes_max) {
  HttpResponse response = stream.response();
  auto body = read_all(stream, bytes_max);
  if (!body && body.error().code() != Code::limit_exceeded) return std::unexpected(body.error());
  if (body) response.body = *std::move(body);
  return response;
}

}  // namespace tillite
