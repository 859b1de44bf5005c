#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace tillite {

/// A header of a request (its name in lower case) or of a response.
struct HttpField {
  std::string name;
  std::string value;
};

struct ServerRequest {
  std::string method;             ///< "POST"
  std::string target;             ///< path and query as they were sent: "/a%20b?c=d"
  std::vector<HttpField> fields;  ///< in the order in which they came
  std::string body;

  /// The first field of that name (in lower case); empty if there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

/// A body that is read while it is sent: it is never in memory as a whole.
struct StreamedBody {
  std::unique_ptr<ByteSource> source;  ///< read on one of the server's threads, a piece at a time
  std::uint64_t bytes = 0;             ///< what the source holds; if it ends before that the connection is cut
};

/// How a response goes out, for servers that behave badly on purpose. As it stands: at once, at full speed, and whole.
struct Delivery {
  std::int64_t delay_ms = 0;                    ///< before the first byte
  std::int64_t pause_ms = 0;                    ///< before every piece of a streamed body
  std::optional<std::uint64_t> body_bytes_max;  ///< the connection is cut after so much of a streamed body
  bool hangs_up = false;                        ///< the connection is cut without a byte
};

struct ServerResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";  ///< empty: none, for an answer without a body
  std::vector<HttpField> fields;
  std::string body;
  std::optional<StreamedBody> stream;  ///< in place of `body`
  Delivery delivery;
  std::shared_ptr<const void> held;  ///< let go when the response is out, or the connection broken
};

/// The answer that is owed to one request. Whoever holds it gives it once, at any time and from any thread; if it is
/// dropped the other side gets status 500.
class ServerAnswer {
 public:
  using Send = std::move_only_function<void(ServerResponse)>;
  using IsWanted = std::function<bool()>;

  explicit ServerAnswer(Send send, IsWanted is_wanted = [] { return true; });
  ServerAnswer(ServerAnswer&& other) noexcept;
  ServerAnswer& operator=(ServerAnswer&&) = delete;
  ~ServerAnswer();

  void operator()(ServerResponse response);
  /// False once the other side has hung up: what is handed out only once should not be given then.
  [[nodiscard]] bool is_wanted() const { return is_wanted_(); }

 private:
  Send send_;
  IsWanted is_wanted_;
};

/// Takes in the body of one request while it arrives. The calls come one after the other, on the server's threads; if
/// the other side hangs up before its end nothing but the destructor follows.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  /// The next piece. False: no more is wanted, the answer is given now and the connection ends with it.
  [[nodiscard]] virtual bool take(std::span<const std::byte> piece) = 0;
  /// There is no more of it, or no more is wanted.
  virtual void finish(ServerAnswer answer) = 0;
};

/// HTTP/1.1 on 127.0.0.1, with connections that are kept. Requests are handled by a few threads; one that waits for
/// something holds its ServerAnswer and no thread. Requests that a web page sent (an Origin, or another host's name)
/// are refused: a browser on this machine would carry them here.
class HttpServer {
 public:
  struct Limits {
    std::uint32_t header_bytes_max = 64 * 1024;
    std::uint64_t body_bytes_max = 8 * 1024 * 1024;  ///< of what is gathered; a BodyReceiver has limits of its own
    std::int64_t request_ms_max = 30'000;  ///< to read a body, and to write an answer; of a stream, each piece
    std::int64_t idle_ms_max = 60'000;     ///< between requests, and to read a header
    std::int64_t farewell_ms_max = 5'000;  ///< for the answers that are still owed when it stops
    std::size_t connections_max = 512;     ///< more are answered with status 503
    std::size_t threads = 4;
  };
  /// Called on one of the server's threads. It may answer later; it should not block for long.
  using Handler = std::function<void(ServerRequest request, ServerAnswer answer)>;
  /// Asked once a request's header is there (its body is empty still): who takes in the body and answers. Nobody
  /// (nullptr): the body is gathered for the Handler. Called as that is.
  using ReceiverOf = std::function<std::unique_ptr<BodyReceiver>(const ServerRequest& head)>;

  /// Takes the port (0: any that is free). `unavailable` if another program has it, `permission` if it may not be used.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(std::uint16_t port, Handler handler, Limits limits,
                                                                  ReceiverOf receiver_of = nullptr);
  ~HttpServer();

  [[nodiscard]] std::uint16_t port() const;

  /// Serves until `stop` is requested: then it takes no more requests, and returns as soon as those that it has are
  /// answered. Once.
  void run(const std::stop_token& stop);

 private:
  class Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tillite
