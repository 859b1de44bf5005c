#include "lambda/runtime_api.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/number_text.h"

namespace tillite {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using ErrorCode = boost::system::error_code;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr const char* kBase = "/2018-06-01/runtime/";
constexpr const char* kErrorTypeField = "Lambda-Runtime-Function-Error-Type";
constexpr std::uint32_t kHeaderBytesMax = 64 * 1024;
constexpr int kPortMax = 65'535;
constexpr unsigned kHttp11 = 11;
constexpr unsigned kTooLarge = 413;

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    std::string_view host = text.substr(0, colon);
    if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto port = parse_whole_number(text.substr(colon + 1));
    if (port && *port > 0 && *port <= kPortMax) {
      return Address{.host = std::string(host), .port = static_cast<std::uint16_t>(*port)};
    }
  }
  return fail(Code::invalid_input, "the variable AWS_LAMBDA_RUNTIME_API must be host:port, but is '{}'",
              text.substr(0, 128));
}

/// The text of a header; empty if there is none.
std::string field_of(const Response& response, std::string_view name) {
  const auto found = response.find(name);
  return found == response.end() ? std::string() : std::string(found->value());
}

std::string text_of(const RuntimeFailure& failure) {
  return to_text({{"errorMessage", failure.message}, {"errorType", failure.type}, {"stackTrace", Json::array()}});
}

std::unexpected<Error> refused(std::string_view what, const Response& response) {
  return fail(Code::unavailable, "the Runtime API answered {} with status {}: {}", what, response.result_int(),
              std::string_view(response.body()).substr(0, 256));
}

std::unexpected<Error> too_large(std::size_t bytes) {
  return fail(Code::limit_exceeded, "the result has {} bytes; Lambda takes at most {}", bytes,
              RuntimeApi::kPayloadBytesMax);
}

}  // namespace

class RuntimeApi::Connection {
 public:
  explicit Connection(Address address) : address_(std::move(address)) {}

  Result<Response> post(const std::string& path, std::string_view body, std::string_view error_type = {}) {
    Request request(http::verb::post, kBase + path, kHttp11, std::string(body));
    request.set(http::field::content_type, "application/json");
    if (!error_type.empty()) request.set(kErrorTypeField, error_type);
    return send(std::move(request));
  }
  Result<Response> get(const std::string& path) { return send(Request(http::verb::get, kBase + path, kHttp11)); }

 private:
  /// On the connection that was kept; on a new one if the other side has closed that.
  Result<Response> send(Request request) {
    request.set(http::field::host, fmt::format("{}:{}", address_.host, address_.port));
    request.set(http::field::user_agent, "tillite");
    request.prepare_payload();
    const bool was_open = socket_.is_open();
    auto response = exchange(request);
    if (!response && was_open && response.error().code() == Code::unavailable) return exchange(request);
    return response;
  }

  Result<Response> exchange(const Request& request) {
    ErrorCode error;
    if (!socket_.is_open()) TRY(connect());
    http::write(socket_, request, error);
    if (error) return broken(error);
    http::response_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kPayloadBytesMax);
    http::read(socket_, buffer_, parser, error);
    if (error == http::error::body_limit) {
      close();
      return ::tillite::fail(Code::limit_exceeded, "the Runtime API sent more than {} bytes", kPayloadBytesMax);
    }
    if (error) return broken(error);
    Response response = parser.release();
    if (!response.keep_alive()) close();
    return response;
  }

  Result<void> connect() {
    ErrorCode error;
    const auto ip = asio::ip::make_address(address_.host, error);
    if (!error) {
      socket_.connect({ip, address_.port}, error);
    } else {
      asio::ip::tcp::resolver resolver(io_);
      const auto found = resolver.resolve(address_.host, std::to_string(address_.port), error);
      if (!error) socket_.connect(found.begin()->endpoint(), error);
    }
    if (error) return broken(error);
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    return {};
  }

  std::unexpected<Error> broken(const ErrorCode& error) {
    close();
    return ::tillite::fail(Code::unavailable, "the Runtime API at {}:{} cannot be reached: {}", address_.host,
                           address_.port, error.message());
  }

  void close() {
    ErrorCode ignored;
    socket_.close(ignored);
    buffer_.clear();
  }

  Address address_;
  asio::io_context io_{1};
  asio::ip::tcp::socket socket_{io_};
  beast::flat_buffer buffer_;
};

RuntimeApi::RuntimeApi(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
RuntimeApi::RuntimeApi(RuntimeApi&&) noexcept = default;
RuntimeApi& RuntimeApi::operator=(RuntimeApi&&) noexcept = default;
RuntimeApi::~RuntimeApi() = default;

Result<RuntimeApi> RuntimeApi::at(std::string_view address) {
  return RuntimeApi(std::make_unique<Connection>(TRY(parse_address(address))));
}

Result<RuntimeInvocation> RuntimeApi::next() {
  Response response = TRY(connection_->get("invocation/next"));
  if (response.result() != http::status::ok) return refused("the question for an invocation", response);
  RuntimeInvocation invocation{
      .request_id = field_of(response, "Lambda-Runtime-Aws-Request-Id"),
      .deadline_ms = parse_whole_number(field_of(response, "Lambda-Runtime-Deadline-Ms")).value_or(0),
      .function_arn = field_of(response, "Lambda-Runtime-Invoked-Function-Arn"),
      .trace_header = field_of(response, "Lambda-Runtime-Trace-Id"),
      .event = std::move(response.body())};
  if (invocation.request_id.empty() || invocation.request_id.find_first_of("/?# ") != std::string::npos) {
    return ::tillite::fail(Code::unavailable, "the Runtime API handed out an invocation without a request id");
  }
  return invocation;
}

Result<void> RuntimeApi::respond(std::string_view request_id, std::string_view result) {
  if (result.size() > kPayloadBytesMax) return too_large(result.size());
  const Response response = TRY(connection_->post(fmt::format("invocation/{}/response", request_id), result));
  if (response.result_int() == kTooLarge) return too_large(result.size());
  if (http::to_status_class(response.result()) == http::status_class::successful) return {};
  return refused("a result", response);
}

Result<void> RuntimeApi::fail(std::string_view request_id, const RuntimeFailure& failure) {
  const Response response =
      TRY(connection_->post(fmt::format("invocation/{}/error", request_id), text_of(failure), failure.type));
  if (http::to_status_class(response.result()) == http::status_class::successful) return {};
  return refused("an error", response);
}

Result<void> RuntimeApi::fail_init(const RuntimeFailure& failure) {
  const Response response = TRY(connection_->post("init/error", text_of(failure), failure.type));
  if (http::to_status_class(response.result()) == http::status_class::successful) return {};
  return refused("an error", response);
}

}  // namespace tillite
