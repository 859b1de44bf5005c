#include "emulator/service/service.h"

#include "emulator/ids.h"
#include "emulator/service/answers.h"
#include "emulator/service/upload.h"

namespace tillite {
namespace {

constexpr std::string_view kBearer = "Bearer ";

/// A key as OpenAI shows it in a message: its ends.
std::string shown_key(std::string_view key) {
  constexpr std::size_t kShown = 4;
  if (key.size() <= 3 * kShown) return std::string(key.size(), '*');
  return fmt::format("{}********{}", key.substr(0, kShown), key.substr(key.size() - kShown));
}

}  // namespace

class EmulatorService::UploadReceiver final : public BodyReceiver {
 public:
  UploadReceiver(EmulatorService& service, Call call, const ServerRequest& head)
      : service_(service), call_(std::move(call)), upload_(service.files_, head.field("content-type")) {}

  bool take(std::span<const std::byte> piece) override { return call_.decided ? true : upload_.take(piece); }

  void finish(ServerAnswer answer) override {
    if (call_.decided) return answer(service_.complete(call_, *std::move(call_.decided)));
    const auto file = upload_.finish();
    answer(service_.complete(call_, file ? json_response(200, file->object()) : error_response(file.error())));
  }

 private:
  EmulatorService& service_;
  Call call_;
  Upload upload_;
};

ApiResult<void> EmulatorService::check_credentials(const ServerRequest& head) const {
  const std::string_view authorization = head.field("authorization");
  if (authorization.empty()) {
    return std::unexpected(ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
        "auth (i.e. Authorization: Bearer YOUR_KEY)."));
  }
  const std::string_view key = authorization.starts_with(kBearer) ? authorization.substr(kBearer.size()) : "";
  if (key.empty() || (!settings_.api_key.empty() && key != settings_.api_key)) {
    return std::unexpected(
        ApiError(401, fmt::format("Incorrect API key provided: {}.", shown_key(key))).coded("invalid_api_key"));
  }
  return {};
}

EmulatorService::Call EmulatorService::begin(const ServerRequest& head) {
  Call call;
  call.route = route_of(head.method, head.target);
  call.request_id = new_request_id(random_);
  call.began_ms = clock_.steady_ms();
  call.in_flight = statistics_.enter(call.route.operation);
  if (const auto allowed = check_credentials(head); !allowed) {
    call.decided = error_response(allowed.error());
    return call;
  }
  if (auto scripted = script_.take(call.route.operation)) {
    call.fault = scripted->fault;
    if (!call.fault) {
      statistics_.count_fault("scripted");
      call.decided = scripted_response(*scripted);
      return call;
    }
  }
  const std::uint64_t number = ++requests_;
  if (!call.fault) call.fault = settings_.faults.requests.pick(seeded_unit(settings_.seed, "request", number));
  if (call.fault == RequestFault::cut_body && call.route.call != Route::Call::file_content) call.fault.reset();
  if (!call.fault) return call;
  statistics_.count_fault(request_fault_name(*call.fault));
  call.decided =
      response_to_fault(*call.fault, seeded_unit(settings_.seed, "answer", number), settings_.faults.retry_after_ms);
  return call;
}

void EmulatorService::handle(const ServerRequest& request, ServerAnswer answer) {
  if (ControlApi::serves(request.target)) return answer(control_.handle(request));
  Call call = begin(request);
  if (call.decided) return answer(complete(call, *std::move(call.decided)));
  auto response = api_.handle(call.route, request);
  answer(complete(call, response ? *std::move(response) : error_response(response.error())));
}

std::unique_ptr<BodyReceiver> EmulatorService::receiver_of(const ServerRequest& head) {
  if (route_of(head.method, head.target).call != Route::Call::create_file) return nullptr;
  return std::make_unique<UploadReceiver>(*this, begin(head), head);
}

ServerResponse EmulatorService::complete(Call& call, ServerResponse response) {
  response.delivery.delay_ms += settings_.request_ms;
  if (call.fault == RequestFault::cut_after) response.delivery.hangs_up = true;
  if (call.fault == RequestFault::slow) {
    response.delivery.delay_ms += settings_.faults.slow_ms;
    response.delivery.pause_ms = settings_.faults.slow_ms;
  }
  if (call.fault == RequestFault::cut_body && response.stream) {
    response.delivery.body_bytes_max = response.stream->bytes / 2;
  }
  response.fields.push_back({"x-request-id", call.request_id});
  response.fields.push_back({"openai-processing-ms", std::to_string(clock_.steady_ms() - call.began_ms)});
  response.fields.push_back({"openai-version", "2020-10-01"});
  response.fields.push_back({"openai-organization", "tillite"});
  response.held = std::move(call.in_flight);
  statistics_.count_status(call.route.operation, response.delivery.hangs_up ? 0 : response.status);
  log_.debug("request answered", {{"operation", call.route.operation},
                                  {"status", response.status},
                                  {"request_id", call.request_id},
                                  {"cut", response.delivery.hangs_up}});
  return response;
}

}  // namespace tillite
