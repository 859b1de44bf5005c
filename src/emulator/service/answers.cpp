#include "emulator/service/answers.h"

#include <array>
#include <charconv>

#include "base/percent_coding.h"
#include "base/text.h"

namespace tillite {
namespace {

ApiError limit_out_of_range(bool is_above, std::size_t bound, std::int64_t got) {
  return ApiError(400, fmt::format("Invalid 'limit': integer {} value. Expected a value {} {}, but got {} instead.",
                                   is_above ? "above maximum" : "below minimum", is_above ? "<=" : ">=", bound, got))
      .at("limit")
      .coded(is_above ? "integer_above_max_value" : "integer_below_min_value");
}

}  // namespace

ServerResponse json_response(unsigned status, const Json& body) {
  ServerResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = to_text(body);
  return response;
}

ServerResponse error_response(const ApiError& error) { return json_response(error.status(), error.body()); }

std::optional<ServerResponse> response_to_fault(RequestFault fault, double unit, std::int64_t retry_after_ms) {
  switch (fault) {
    case RequestFault::rate_limited: {
      ServerResponse response = error_response(ApiError(429, "Rate limit reached for requests. Please try again later.")
                                                   .of_type("requests")
                                                   .coded("rate_limit_exceeded"));
      response.fields.push_back({"retry-after", std::to_string((retry_after_ms + 999) / 1000)});
      response.fields.push_back({"retry-after-ms", std::to_string(retry_after_ms)});
      return response;
    }
    case RequestFault::no_quota:
      return error_response(
          ApiError(429, "You exceeded your current quota, please check your plan and billing details.")
              .of_type("insufficient_quota")
              .coded("insufficient_quota"));
    case RequestFault::server_error: {
      constexpr std::array kStatuses = {500U, 502U, 503U, 504U};
      const auto chosen = static_cast<std::size_t>(unit * kStatuses.size());
      return error_response(ApiError(kStatuses.at(std::min(chosen, kStatuses.size() - 1)),
                                     "The server had an error while processing your request. Sorry about that!")
                                .of_type("server_error"));
    }
    case RequestFault::cut_before: {
      ServerResponse response;
      response.delivery.hangs_up = true;
      return response;
    }
    case RequestFault::cut_after:
    case RequestFault::slow:
    case RequestFault::cut_body:
      break;
  }
  return std::nullopt;
}

ServerResponse scripted_response(const ScriptedAnswer& answer) {
  ServerResponse response{.content_type = ""};
  if (answer.body) response = json_response(answer.status, *answer.body);
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.fields.push_back({name, value});
  return response;
}

Json list_object(Json data, bool has_more) {
  const Json first = data.empty() ? Json(nullptr) : data.front().at("id");
  const Json last = data.empty() ? Json(nullptr) : data.back().at("id");
  return {
      {"object", "list"}, {"data", std::move(data)}, {"first_id", first}, {"last_id", last}, {"has_more", has_more}};
}

ApiResult<Json> json_body(const ServerRequest& request) {
  auto body = parse_json(request.body, "the body");
  if (!body || !body->is_object()) {
    return std::unexpected(
        ApiError(400,
                 "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
                 "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not "
                 "valid JSON.)"));
  }
  return *std::move(body);
}

std::map<std::string, std::string> query_of(std::string_view target) {
  std::map<std::string, std::string> query;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  for (const auto& [name, value] : split_query(target.substr(mark + 1))) {
    const auto decoded_name = percent_decode(name, true);
    const auto decoded_value = percent_decode(value, true);
    if (!decoded_name || !decoded_value || !is_utf8(*decoded_name) || !is_utf8(*decoded_value)) continue;
    query[*decoded_name] = *decoded_value;
  }
  return query;
}

ApiResult<std::size_t> limit_in(const std::map<std::string, std::string>& query, std::size_t otherwise,
                                std::size_t most) {
  const auto found = query.find("limit");
  if (found == query.end()) return otherwise;
  const std::string& text = found->second;
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected(invalid_type("limit", "an integer", Json(text)));
  }
  if (limit < 1) return std::unexpected(limit_out_of_range(false, 1, limit));
  if (limit > static_cast<std::int64_t>(most)) return std::unexpected(limit_out_of_range(true, most, limit));
  return static_cast<std::size_t>(limit);
}

}  // namespace tillite
