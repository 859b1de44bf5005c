#pragma once

#include "base/http_server.h"
#include "emulator/api_error.h"
#include "emulator/faults/answer_script.h"

namespace tillite {

[[nodiscard]] ServerResponse json_response(unsigned status, const Json& body);
[[nodiscard]] ServerResponse error_response(const ApiError& error);
/// What a fault answers in place of the service; nothing for those that let it act.
[[nodiscard]] std::optional<ServerResponse> response_to_fault(RequestFault fault, double unit,
                                                              std::int64_t retry_after_ms);
[[nodiscard]] ServerResponse scripted_response(const ScriptedAnswer& answer);

/// {"object": "list", "data": [...], "first_id", "last_id", "has_more"}
[[nodiscard]] Json list_object(Json data, bool has_more);

/// The body of a request, which must be a JSON object.
[[nodiscard]] ApiResult<Json> json_body(const ServerRequest& request);

/// The names and values behind a target's '?', decoded; of a name that is there twice the last counts.
[[nodiscard]] std::map<std::string, std::string> query_of(std::string_view target);
/// The parameter `limit` of a list.
[[nodiscard]] ApiResult<std::size_t> limit_in(const std::map<std::string, std::string>& query, std::size_t otherwise,
                                              std::size_t most);

}  // namespace tillite
