#include "base/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"

namespace tillite {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using std::chrono::milliseconds;

constexpr unsigned kVersion = 11;  // HTTP/1.1
constexpr milliseconds kPauseWithoutSockets{100};
constexpr std::size_t kPieceBytes = 64 * 1024;  // of a body that is streamed
constexpr milliseconds kRestMax{2000};          // and so many bytes are read of what is not wanted any more
constexpr std::size_t kRestBytesMax = 16 * 1024 * 1024;

bool may_have_body(unsigned status) { return status >= 200 && status != 204 && status != 304; }

/// An answer on its way from whoever gives it to its connection. Belongs to the connection and its thread.
struct PendingAnswer {
  explicit PendingAnswer(asio::io_context& io) : arrived(io) {
    arrived.expires_at(asio::steady_timer::time_point::max());
  }
  asio::steady_timer arrived;  // cancelled when the response is there
  std::optional<ServerResponse> response;
  std::shared_ptr<std::atomic<bool>> is_wanted = std::make_shared<std::atomic<bool>>(true);
};

/// Who is to answer may outlive the server: it owns neither the connection's part nor `io`, which owns that. They would
/// keep each other for ever.
ServerAnswer answer_to(const std::shared_ptr<PendingAnswer>& answer, const std::shared_ptr<asio::io_context>& io) {
  return ServerAnswer(
      [there = std::weak_ptr(io), owed = std::weak_ptr(answer)](ServerResponse response) {
        const auto context = there.lock();
        if (!context) return;
        asio::post(*context, [owed, response = std::move(response)]() mutable {
          const auto pending = owed.lock();
          if (!pending) return;
          pending->response = std::move(response);
          pending->arrived.cancel();
        });
      },
      [is_wanted = answer->is_wanted] { return is_wanted->load(); });
}

/// Work on its way to one of the pool's threads and back. What it uses it owns: the connection may end before it.
struct PendingWork {
  explicit PendingWork(asio::io_context& io) : done(io) { done.expires_at(asio::steady_timer::time_point::max()); }
  asio::steady_timer done;  // cancelled when the work is done
  bool is_done = false;
};

/// A piece of a body, between the thread that moves bytes and the one that uses them.
struct Piece {
  std::vector<std::byte> bytes = std::vector<std::byte>(kPieceBytes);
  std::size_t size = 0;     ///< used of them
  bool is_taken = false;    ///< who takes a request's body in has done so
  bool is_wanted = true;    ///< by who takes a request's body in
  bool is_readable = true;  ///< what a response is read from could be read
};

struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;  ///< what was read beyond a request's end
  bool is_idle = true;        ///< no request is being read or answered
  bool has_rest = false;      ///< the last request was answered before it was read to its end
};

ServerRequest request_of(const http::request_header<>& header) {
  ServerRequest request{.method = std::string(header.method_string()), .target = std::string(header.target())};
  for (const auto& field : header) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    request.fields.push_back({std::move(name), std::string(field.value())});
  }
  return request;
}

/// The host of "host:port" or "[::1]:port".
std::string_view host_of(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return authority;
  return authority.substr(0, colon);
}

/// A name that leads to this machine and to no other, so that no page of elsewhere can have it. AWS's programs put
/// "sync-" before the name of the host for some calls.
bool is_name_of_loopback(std::string_view host) {
  constexpr std::string_view kSync = "sync-";
  if (host.starts_with(kSync)) host.remove_prefix(kSync.size());
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]" || host.ends_with(".localhost");
}

/// Why a request is refused before anybody looks at it.
std::optional<ServerResponse> refusal(const ServerRequest& request) {
  const std::string_view host = host_of(request.field("host"));
  if (!request.field("origin").empty()) {
    return ServerResponse{.status = 403, .body = "requests of web pages are refused\n"};
  }
  if (!is_name_of_loopback(host)) {
    return ServerResponse{.status = 403,
                          .body = fmt::format("this server answers to 127.0.0.1 and localhost, not to '{}'\n", host)};
  }
  return std::nullopt;
}

ServerResponse unreadable(const error_code& error, const HttpServer::Limits& limits) {
  if (error == http::error::header_limit) {
    return {.status = 431, .body = fmt::format("headers above {} bytes\n", limits.header_bytes_max)};
  }
  if (error == http::error::body_limit) {
    return {.status = 413, .body = fmt::format("a body above {} bytes\n", limits.body_bytes_max)};
  }
  return {.status = 400, .body = fmt::format("this is no request of HTTP/1.1: {}\n", error.message())};
}

}  // namespace

std::string_view ServerRequest::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &HttpField::name);
  return found == fields.end() ? std::string_view() : found->value;
}

ServerAnswer::ServerAnswer(Send send, IsWanted is_wanted) : send_(std::move(send)), is_wanted_(std::move(is_wanted)) {}

ServerAnswer::ServerAnswer(ServerAnswer&& other) noexcept
    : send_(std::exchange(other.send_, nullptr)), is_wanted_(other.is_wanted_) {}

ServerAnswer::~ServerAnswer() {
  if (send_) send_({.status = 500, .body = "the request was not answered\n"});
}

void ServerAnswer::operator()(ServerResponse response) {
  check(static_cast<bool>(send_), "a request is answered once");
  std::exchange(send_, nullptr)(std::move(response));
}

/// One thread moves bytes; it alone touches the connections. The pool's threads run the handlers.
///
/// What is passed to a coroutine here is a name, never a temporary or a choice between two: g++ 12 destroys those
/// twice.
class HttpServer::Implementation {
 public:
  Implementation(std::shared_ptr<asio::io_context> io, tcp::acceptor acceptor, Handler handler, Limits limits,
                 ReceiverOf receiver_of)
      : io_(std::move(io)),
        acceptor_(std::move(acceptor)),
        farewell_(*io_),
        handler_(std::move(handler)),
        receiver_of_(std::move(receiver_of)),
        limits_(limits),
        port_(acceptor_.local_endpoint().port()),
        pool_(limits.threads) {}

  [[nodiscard]] std::uint16_t port() const { return port_; }

  void run(const std::stop_token& stop) {
    asio::co_spawn(*io_, accept(), asio::detached);
    {
      const std::stop_callback on_stop(stop, [this] { asio::post(*io_, [this] { begin_to_stop(); }); });
      io_->run();
    }
    pool_.join();
  }

 private:
  using HeaderParser = http::request_parser<http::empty_body>;

  void begin_to_stop() {
    stopping_ = true;
    acceptor_.close();
    for (const auto& connection : connections_) {
      if (connection->is_idle) connection->stream.close();
    }
    farewell_.expires_after(milliseconds(limits_.farewell_ms_max));
    farewell_.async_wait([this](const error_code& error) {
      if (!error) io_->stop();
    });
    end_when_alone();
  }

  void end_when_alone() {
    if (stopping_ && connections_.empty()) farewell_.cancel();
  }

  asio::awaitable<void> accept() {
    while (!stopping_) {
      error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (stopping_) break;
      if (error) {  // out of descriptors, most likely: some come back
        asio::steady_timer pause(*io_, kPauseWithoutSockets);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      asio::co_spawn(*io_, keep(std::make_shared<Connection>(std::move(socket))), asio::detached);
    }
  }

  /// A connection from its first to its last byte.
  asio::awaitable<void> keep(std::shared_ptr<Connection> connection) {
    const bool is_one_too_many = connections_.size() >= limits_.connections_max;
    connections_.insert(connection);
    try {
      co_await converse(connection, is_one_too_many);
    } catch (const std::exception&) {
      // Only a library's: this connection ends, and the others go on.
    }
    connections_.erase(connection);
    end_when_alone();
  }

  asio::awaitable<void> converse(const std::shared_ptr<Connection>& connection, bool is_one_too_many) {
    if (is_one_too_many) {
      connection->is_idle = false;
      ServerResponse busy = {.status = 503, .body = "too many connections\n"};
      co_await write(*connection, busy, kVersion, false, false);
    } else {
      bool goes_on = true;
      while (goes_on && !stopping_) goes_on = co_await serve_request(connection);
    }
    error_code ignored;
    connection->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (connection->has_rest) co_await read_rest(*connection);
  }

  /// Reads on for a while, for nobody: the kernel resets a connection that is closed with something unread, and the
  /// answer is lost where the other side was still sending.
  asio::awaitable<void> read_rest(Connection& connection) {
    connection.is_idle = true;  // a server that stops does not wait for it
    std::vector<std::byte> bytes(kPieceBytes);
    error_code error;
    connection.stream.expires_after(kRestMax);
    for (std::size_t rest = 0; !error && !stopping_ && rest < kRestBytesMax;) {
      rest += co_await connection.stream.async_read_some(asio::buffer(bytes),
                                                         asio::redirect_error(asio::use_awaitable, error));
    }
  }

  /// Whether the connection can have another request.
  asio::awaitable<bool> serve_request(const std::shared_ptr<Connection>& kept) {
    Connection& connection = *kept;
    HeaderParser parser;
    parser.header_limit(limits_.header_bytes_max);
    parser.body_limit(boost::none);  // it is asked for below: who takes a body in has limits of its own
    error_code error;
    connection.is_idle = true;
    connection.stream.expires_after(milliseconds(limits_.idle_ms_max));
    co_await http::async_read_header(connection.stream, connection.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    connection.is_idle = false;
    if (error) {
      connection.has_rest = true;
      co_await refuse_unreadable(connection, error);
      co_return false;
    }
    const unsigned version = parser.get().version();
    const bool is_head = parser.get().method() == http::verb::head;
    const bool stays = parser.keep_alive();
    ServerRequest request = request_of(parser.get());
    auto refused = refusal(request);
    std::shared_ptr<BodyReceiver> receiver;
    if (!refused && receiver_of_) receiver = co_await receiver_of(request);

    if (beast::iequals(request.field("expect"), "100-continue")) {
      error = co_await invite_body(connection, version);
      if (error) co_return false;
    }
    bool is_read = true;  // to its end: another request can follow
    if (receiver) {
      const Reception reception = co_await feed(connection, parser, receiver);
      if (reception == Reception::broken) co_return false;
      is_read = reception == Reception::whole;
    } else {
      error = co_await gather(connection, parser, request.body);
      if (error) {
        connection.has_rest = true;
        co_await refuse_unreadable(connection, error);
        co_return false;
      }
    }
    connection.has_rest = !is_read;
    ServerResponse response;
    if (refused) {
      response = *std::move(refused);
    } else if (receiver) {
      response = co_await received(kept, receiver);
    } else {
      response = co_await handled(kept, request);
    }
    const bool goes_on = stays && is_read && !stopping_;
    const bool written = co_await deliver(connection, response, version, is_head, goes_on);
    co_return written&& goes_on;
  }

  /// Answers what cannot be read, unless the other side has gone, or was silent for too long.
  asio::awaitable<void> refuse_unreadable(Connection& connection, error_code error) {
    const bool is_ended = error == http::error::end_of_stream || error == http::error::partial_message;
    if (is_ended || error.category() != http::make_error_code(http::error::bad_method).category()) co_return;
    ServerResponse refused = unreadable(error, limits_);
    co_await write(connection, refused, kVersion, false, false);
  }

  /// The whole body, within the server's limit.
  asio::awaitable<error_code> gather(Connection& connection, HeaderParser& header, std::string& body) {
    error_code error;
    const auto length = header.content_length();
    if (length && *length > limits_.body_bytes_max) {
      error = http::error::body_limit;
      co_return error;
    }
    http::request_parser<http::string_body> parser(std::move(header));
    parser.body_limit(limits_.body_bytes_max);
    connection.stream.expires_after(milliseconds(limits_.request_ms_max));
    co_await http::async_read(connection.stream, connection.buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (!error) body = std::move(parser.get().body());
    co_return error;
  }

  enum class Reception { whole, not_wanted, broken };

  /// The body to who takes it in, piece by piece.
  asio::awaitable<Reception> feed(Connection& connection, HeaderParser& header,
                                  const std::shared_ptr<BodyReceiver>& receiver) {
    http::request_parser<http::buffer_body> parser(std::move(header));
    const auto piece = std::make_shared<Piece>();
    const std::function<void()> take = [receiver, piece] {
      piece->is_taken = false;
      piece->is_wanted = receiver->take(std::span(piece->bytes).first(piece->size));
      piece->is_taken = true;
    };
    error_code error;
    while (!parser.is_done()) {
      parser.get().body().data = piece->bytes.data();
      parser.get().body().size = piece->bytes.size();
      connection.stream.expires_after(milliseconds(limits_.request_ms_max));
      co_await http::async_read_some(connection.stream, connection.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
      if (error == http::error::need_buffer) error = {};
      if (error) co_return Reception::broken;
      piece->size = piece->bytes.size() - parser.get().body().size;
      if (piece->size == 0) continue;
      co_await on_pool(take);
      if (!piece->is_taken) co_return Reception::broken;  // what follows would close the gap
      if (!piece->is_wanted) co_return Reception::not_wanted;
    }
    co_return Reception::whole;
  }

  asio::awaitable<error_code> invite_body(Connection& connection, unsigned version) {
    http::response<http::empty_body> go_on(http::status::continue_, version);
    error_code error;
    co_await http::async_write(connection.stream, go_on, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  /// Does work on one of the pool's threads. An exception is a library's, for lack of memory: what the work would have
  /// changed stays as it is.
  asio::awaitable<void> on_pool(const std::function<void()>& work) {
    const auto pending = std::make_shared<PendingWork>(*io_);
    asio::post(pool_, [this, waiting = std::weak_ptr(pending), work] {
      try {
        work();
      } catch (const std::exception&) {
      }
      asio::post(*io_, [waiting] {
        const auto waits = waiting.lock();
        if (!waits) return;
        waits->is_done = true;
        waits->done.cancel();
      });
    });
    error_code ignored;
    while (!pending->is_done) co_await pending->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  asio::awaitable<std::shared_ptr<BodyReceiver>> receiver_of(const ServerRequest& request) {
    struct Question {
      ServerRequest head;
      std::shared_ptr<BodyReceiver> receiver;
    };
    const auto question = std::make_shared<Question>();
    question->head = request;
    const std::function<void()> ask = [this, question] { question->receiver = receiver_of_(question->head); };
    co_await on_pool(ask);
    co_return question->receiver;
  }

  /// The handler's answer, whenever it comes. Takes the request away.
  asio::awaitable<ServerResponse> handled(const std::shared_ptr<Connection>& connection, ServerRequest& request) {
    const auto pending = std::make_shared<PendingAnswer>(*io_);
    asio::post(pool_, [this, request = std::move(request), answer = answer_to(pending, io_)]() mutable {
      try {
        handler_(std::move(request), std::move(answer));
      } catch (const std::exception&) {
        // Only a library's, for lack of memory: the dropped answer is a status 500, and the others go on.
      }
    });
    ServerResponse response = co_await answered(connection, pending);
    co_return response;
  }

  asio::awaitable<ServerResponse> received(const std::shared_ptr<Connection>& connection,
                                           const std::shared_ptr<BodyReceiver>& receiver) {
    const auto pending = std::make_shared<PendingAnswer>(*io_);
    asio::post(pool_, [receiver, answer = answer_to(pending, io_)]() mutable {
      try {
        receiver->finish(std::move(answer));
      } catch (const std::exception&) {  // as above
      }
    });
    ServerResponse response = co_await answered(connection, pending);
    co_return response;
  }

  /// What is given to `pending`, whenever it comes; sees to it that it is known whether the other side still waits.
  asio::awaitable<ServerResponse> answered(const std::shared_ptr<Connection>& connection,
                                           const std::shared_ptr<PendingAnswer>& pending) {
    connection->stream.expires_never();
    tcp::socket& socket = connection->stream.socket();
    if (connection->buffer.size() == 0) {
      socket.async_wait(tcp::socket::wait_read, [pending, connection](const error_code& error) {
        if (error) return;  // the answer came first
        std::array<char, 1> byte{};
        error_code peeked;
        const std::size_t read =
            connection->stream.socket().receive(asio::buffer(byte), tcp::socket::message_peek, peeked);
        if (peeked || read == 0) *pending->is_wanted = false;
      });
    }
    error_code ignored;
    while (!pending->response) co_await pending->arrived.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    socket.cancel(ignored);
    co_return *std::move(pending->response);
  }

  /// Whether it went out whole.
  asio::awaitable<bool> deliver(Connection& connection, ServerResponse& response, unsigned version, bool is_head,
                                bool stays) {
    const Delivery delivery = response.delivery;
    if (delivery.delay_ms > 0) co_await pause(delivery.delay_ms);
    if (delivery.hangs_up) co_return false;
    bool written = false;
    if (response.stream && !is_head && may_have_body(response.status)) {
      written = co_await write_stream(connection, response, version, stays);
    } else {
      written = co_await write(connection, response, version, is_head, stays);
    }
    co_return written;
  }

  /// Or for as long as the server runs.
  asio::awaitable<void> pause(std::int64_t duration_ms) {
    constexpr std::int64_t kStepMs = 50;
    const auto end = std::chrono::steady_clock::now() + milliseconds(duration_ms);
    error_code ignored;
    while (!stopping_ && std::chrono::steady_clock::now() < end) {
      asio::steady_timer timer(*io_);
      timer.expires_at(std::min(end, std::chrono::steady_clock::now() + milliseconds(kStepMs)));
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  template <typename Body>
  static void set_header(http::response<Body>& message, const ServerResponse& response, bool stays) {
    if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
    for (const HttpField& field : response.fields) message.insert(field.name, field.value);
    message.keep_alive(stays);
  }

  /// Whether it could be written.
  asio::awaitable<bool> write(Connection& connection, const ServerResponse& response, unsigned version, bool is_head,
                              bool stays) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), version);
    set_header(message, response, stays);
    if (may_have_body(response.status)) {
      if (!is_head) message.body() = response.body;
      message.prepare_payload();
    }
    error_code error;
    connection.stream.expires_after(milliseconds(limits_.request_ms_max));
    co_await http::async_write(connection.stream, message, asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  /// Whether it could be read and written to its end.
  asio::awaitable<bool> write_stream(Connection& connection, ServerResponse& response, unsigned version, bool stays) {
    const Delivery delivery = response.delivery;
    const std::uint64_t bytes = response.stream->bytes;
    http::response<http::buffer_body> message(static_cast<http::status>(response.status), version);
    set_header(message, response, stays);
    message.content_length(bytes);
    message.body().data = nullptr;
    message.body().more = true;
    http::response_serializer<http::buffer_body> serializer(message);
    error_code error;
    connection.stream.expires_after(milliseconds(limits_.request_ms_max));
    co_await http::async_write_header(connection.stream, serializer, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;

    const auto piece = std::make_shared<Piece>();
    const std::shared_ptr<ByteSource> source = std::move(response.stream->source);
    const std::uint64_t end = std::min(bytes, delivery.body_bytes_max.value_or(bytes));
    std::uint64_t written = 0;
    const std::function<void()> read = [source, piece] {
      const auto got = source->read(std::span(piece->bytes).first(piece->size));
      piece->is_readable = got.has_value() && *got > 0;
      piece->size = got.value_or(0);
    };
    while (written < end) {
      if (delivery.pause_ms > 0) co_await pause(delivery.pause_ms);
      piece->size = static_cast<std::size_t>(std::min<std::uint64_t>(piece->bytes.size(), end - written));
      piece->is_readable = false;
      co_await on_pool(read);
      if (!piece->is_readable) co_return false;
      message.body().data = piece->bytes.data();
      message.body().size = piece->size;
      message.body().more = true;
      connection.stream.expires_after(milliseconds(limits_.request_ms_max));
      co_await http::async_write(connection.stream, serializer, asio::redirect_error(asio::use_awaitable, error));
      if (error && error != http::error::need_buffer) co_return false;
      written += piece->size;
    }
    if (end < bytes) co_return false;
    message.body().data = nullptr;
    message.body().size = 0;
    message.body().more = false;
    co_await http::async_write(connection.stream, serializer, asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  std::shared_ptr<asio::io_context> io_;
  tcp::acceptor acceptor_;
  asio::steady_timer farewell_;
  Handler handler_;
  ReceiverOf receiver_of_;
  Limits limits_;
  std::uint16_t port_;
  bool stopping_ = false;
  std::set<std::shared_ptr<Connection>> connections_;
  asio::thread_pool pool_;  // last: its threads use the others
};

Result<std::unique_ptr<HttpServer>> HttpServer::listen(std::uint16_t port, Handler handler, Limits limits,
                                                       ReceiverOf receiver_of) {
  auto io = std::make_shared<asio::io_context>(1);
  tcp::acceptor acceptor(*io);
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error == boost::system::errc::permission_denied) {
    return fail(Code::permission, "port {} of 127.0.0.1 is reserved: name one above 1023, or 0 for any", port);
  }
  if (error) {
    return fail(Code::unavailable, "port {} of 127.0.0.1 cannot be used ({}): name another, or 0 for any that is free",
                port, error.message());
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::make_unique<Implementation>(
      std::move(io), std::move(acceptor), std::move(handler), limits, std::move(receiver_of))));
}

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const { return implementation_->port(); }
void HttpServer::run(const std::stop_token& stop) { implementation_->run(stop); }

}  // namespace tillite
