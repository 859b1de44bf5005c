#include "base/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "support/raw_http_client.h"

namespace tillite::testing {
namespace {

/// A server whose handler is the test's, running until the test ends.
class HttpServerTest : public ::testing::Test {
 protected:
  void serve(HttpServer::Handler handler, HttpServer::Limits limits = {},
             HttpServer::ReceiverOf receiver_of = nullptr) {
    auto listening = HttpServer::listen(0, std::move(handler), limits, std::move(receiver_of));
    ASSERT_TRUE(listening) << listening.error().message();
    server_ = *std::move(listening);
    thread_ = std::jthread([this](const std::stop_token& stop) { server_->run(stop); });
  }
  void serve_echo(HttpServer::Limits limits = {}) {
    serve(
        [](const ServerRequest& request, ServerAnswer answer) {
          answer({.body = fmt::format("{} {} {}", request.method, request.target, request.body)});
        },
        limits);
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

 private:
  std::unique_ptr<HttpServer> server_;
  std::jthread thread_;
};

/// An answer that the test gives when it wants to.
class Owed {
 public:
  void take(ServerAnswer answer) {
    const std::scoped_lock lock(mutex_);
    answer_.emplace(std::move(answer));
    changed_.notify_all();
  }
  ServerAnswer& wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answer_.has_value(); });
    return *answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<ServerAnswer> answer_;
};

TEST_F(HttpServerTest, AnswersOneRequestAfterAnotherOnAConnection) {
  serve_echo();
  RawHttpClient client(port());
  client.post("/a?b=c", "one");
  EXPECT_EQ(client.response().body, "POST /a?b=c one");
  client.post("/", "two");
  EXPECT_EQ(client.response().body, "POST / two");
}

TEST_F(HttpServerTest, AnswersRequestsThatCameTogetherInTheirOrder) {
  serve_echo();
  RawHttpClient client(port());
  client.send(
      "POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na"
      "POST /2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n");
  EXPECT_EQ(client.response().body, "POST /1 a");
  EXPECT_EQ(client.response().body, "POST /2 b");
}

TEST_F(HttpServerTest, HangsUpAfterARequestThatAsksForIt) {
  serve_echo();
  RawHttpClient client(port());
  client.post("/", "last", "Connection: close\r\n");
  EXPECT_EQ(client.response().body, "POST / last");
  EXPECT_TRUE(client.is_hung_up());
}

TEST_F(HttpServerTest, InvitesABodyThatWaitsForIt) {
  serve_echo();
  RawHttpClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.response().status, 100U);
  client.send("late");
  EXPECT_EQ(client.response().body, "POST / late");
}

TEST_F(HttpServerTest, GivesFieldsByTheirNamesInLowerCase) {
  serve([](const ServerRequest& request, ServerAnswer answer) {
    answer({.status = 418, .fields = {{"X-More", "yes"}}, .body = std::string(request.field("x-amz-target"))});
  });
  RawHttpClient client(port());
  client.post("/", "", "X-AMZ-Target: AmazonSQS.ListQueues\r\n");
  const ServerResponse response = client.response();
  EXPECT_EQ(response.status, 418U);
  EXPECT_EQ(response.body, "AmazonSQS.ListQueues");
  EXPECT_NE(response.fields.front().value.find("X-More: yes\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, ARequestThatWaitsHoldsNoThread) {
  Owed owed;
  serve(
      [&](const ServerRequest& request, ServerAnswer answer) {
        if (request.target == "/wait") return owed.take(std::move(answer));
        answer({.body = "at once"});
      },
      {.threads = 1});
  RawHttpClient waiting(port());
  waiting.post("/wait", "");
  ServerAnswer& answer = owed.wait();
  RawHttpClient other(port());
  other.post("/", "");
  EXPECT_EQ(other.response().body, "at once");
  answer({.body = "at last"});
  EXPECT_EQ(waiting.response().body, "at last");
}

TEST_F(HttpServerTest, KnowsWhenNobodyWaitsForAnAnswerAnyMore) {
  Owed owed;
  serve([&](const ServerRequest&, ServerAnswer answer) { owed.take(std::move(answer)); });
  RawHttpClient client(port());
  client.post("/", "");
  ServerAnswer& answer = owed.wait();
  EXPECT_TRUE(answer.is_wanted());
  client.hang_up();
  while (answer.is_wanted()) std::this_thread::yield();
  answer({.body = "to nobody"});
}

TEST_F(HttpServerTest, AnswersForAHandlerThatForgets) {
  serve([](const ServerRequest&, const ServerAnswer&) {});
  RawHttpClient client(port());
  client.post("/", "");
  EXPECT_EQ(client.response().status, 500U);
}

TEST_F(HttpServerTest, RefusesWhatIsTooLarge) {
  serve_echo({.header_bytes_max = 1000, .body_bytes_max = 10});
  RawHttpClient long_body(port());
  long_body.post("/", "eleven long");
  EXPECT_EQ(long_body.response().status, 413U);
  EXPECT_TRUE(long_body.is_hung_up());
  RawHttpClient long_header(port());
  long_header.post("/", "", fmt::format("X: {}\r\n", std::string(1000, 'x')));
  EXPECT_EQ(long_header.response().status, 431U);
}

TEST_F(HttpServerTest, RefusesWhatIsNoHttp) {
  serve_echo();
  RawHttpClient client(port());
  client.send("hello\r\n\r\n");
  const ServerResponse response = client.response();
  EXPECT_EQ(response.status, 400U);
  EXPECT_NE(response.body.find("this is no request of HTTP/1.1"), std::string::npos) << response.body;
}

TEST_F(HttpServerTest, RefusesRequestsOfWebPages) {
  serve_echo();
  RawHttpClient cross_site(port());
  cross_site.post("/", "", "Origin: http://example.com\r\n");
  EXPECT_EQ(cross_site.response().status, 403U);
  RawHttpClient rebound(port());
  rebound.send("GET / HTTP/1.1\r\nHost: example.com:8765\r\n\r\n");
  EXPECT_EQ(rebound.response().status, 403U);
  for (const char* host : {"127.0.0.1:8765", "localhost", "[::1]:1", "sync-localhost:2"}) {
    RawHttpClient local(port());
    local.send(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host));
    EXPECT_EQ(local.response().status, 200U) << host;
  }
}

TEST_F(HttpServerTest, RefusesConnectionsAboveTheirLimit) {
  serve_echo({.connections_max = 1});
  RawHttpClient first(port());
  first.post("/", "");
  EXPECT_EQ(first.response().status, 200U);
  RawHttpClient second(port());
  EXPECT_EQ(second.response().status, 503U);
  EXPECT_TRUE(second.is_hung_up());
  first.hang_up();
  for (unsigned status = 503; status != 200;) {
    RawHttpClient later(port());
    later.post("/", "");
    status = later.response().status;
  }
}

TEST_F(HttpServerTest, GivesTheAnswersThatItOwesBeforeItStops) {
  Owed owed;
  serve([&](const ServerRequest&, ServerAnswer answer) { owed.take(std::move(answer)); });
  RawHttpClient idle(port());
  RawHttpClient waiting(port());
  waiting.post("/", "");
  ServerAnswer& answer = owed.wait();
  std::jthread stopping([this] { stop(); });
  EXPECT_TRUE(idle.is_hung_up());
  answer({.body = "farewell"});
  EXPECT_EQ(waiting.response().body, "farewell");
  EXPECT_TRUE(waiting.is_hung_up());
  stopping.join();
  EXPECT_FALSE(RawHttpClient(port()).is_connected());
}

TEST_F(HttpServerTest, AnswersThatComeAfterItsEndAreForgotten) {
  Owed owed;
  serve([&](const ServerRequest&, ServerAnswer answer) { owed.take(std::move(answer)); }, {.farewell_ms_max = 1});
  RawHttpClient client(port());
  client.post("/", "");
  ServerAnswer& answer = owed.wait();
  stop();
  answer({.body = "too late"});
}

/// Counts the bytes of a body, up to a limit of its own.
class CountingReceiver final : public BodyReceiver {
 public:
  CountingReceiver(std::size_t bytes_max, std::atomic<int>& alive) : bytes_max_(bytes_max), alive_(alive) { ++alive_; }
  ~CountingReceiver() override { --alive_; }
  bool take(std::span<const std::byte> piece) override {
    bytes_ += piece.size();
    largest_ = std::max(largest_, piece.size());
    return bytes_ <= bytes_max_;
  }
  void finish(ServerAnswer answer) override {
    answer({.body = fmt::format("{} in pieces {}", bytes_, largest_ < 1'000'000)});
  }

 private:
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::size_t largest_ = 0;
  std::atomic<int>& alive_;
};

class ReceivingServerTest : public HttpServerTest {
 protected:
  void serve_counting(std::size_t bytes_max = std::size_t{1} << 30) {
    serve([](const ServerRequest& request, ServerAnswer answer) { answer({.body = request.body}); },
          {.body_bytes_max = 10},
          [this, bytes_max](const ServerRequest& head) -> std::unique_ptr<BodyReceiver> {
            if (head.target != "/upload") return nullptr;
            return std::make_unique<CountingReceiver>(bytes_max, alive_);
          });
  }
  std::atomic<int> alive_ = 0;
};

TEST_F(ReceivingServerTest, HandsABodyOverInPieces) {
  serve_counting();
  RawHttpClient client(port());
  client.post("/upload", std::string(3'000'000, 'x'));
  EXPECT_EQ(client.response().body, "3000000 in pieces true");
  client.post("/other", "gathered");
  EXPECT_EQ(client.response().body, "gathered");
  client.post("/upload", "");
  EXPECT_EQ(client.response().body, "0 in pieces true");
  client.send(
      "POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.response().body, "5 in pieces true");
}

TEST_F(ReceivingServerTest, ABodyThatIsNotWantedAnyMoreIsAnsweredAtOnce) {
  serve_counting(100);
  RawHttpClient client(port());
  client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n" + std::string(200, 'x'));
  EXPECT_EQ(client.response().body, "200 in pieces true");
  EXPECT_TRUE(client.is_hung_up());
}

TEST_F(ReceivingServerTest, ARefusalReachesWhoIsStillSending) {
  serve_counting(100);
  for (const char* target : {"/upload", "/other"}) {
    RawHttpClient client(port());
    EXPECT_TRUE(client.post(target, std::string(6'000'000, 'x'))) << target << ": the server has reset the connection";
    EXPECT_EQ(client.response().status, std::string_view(target) == "/upload" ? 200U : 413U);
    EXPECT_TRUE(client.is_hung_up());
  }
}

TEST_F(HttpServerTest, APieceThatCannotBeTakenInEndsTheUpload) {
  struct Forgetful final : BodyReceiver {
    bool take(std::span<const std::byte>) override { throw std::bad_alloc(); }
    void finish(ServerAnswer answer) override { answer({.body = "all of it"}); }
  };
  serve([](const ServerRequest&, ServerAnswer answer) { answer({}); }, {},
        [](const ServerRequest&) { return std::make_unique<Forgetful>(); });
  RawHttpClient client(port());
  client.post("/", "x");
  EXPECT_EQ(client.response().status, 0U);
}

TEST_F(HttpServerTest, AStatusThatHasNoBodyIsSentWithoutOne) {
  serve([](const ServerRequest& request, ServerAnswer answer) {
    answer({.status = request.target == "/204" ? 204U : 304U, .body = "null"});
  });
  RawHttpClient client(port());
  for (const unsigned status : {204U, 304U}) {
    client.post(fmt::format("/{}", status), "");
    EXPECT_EQ(client.response().status, status);
  }
}

TEST_F(ReceivingServerTest, ABodyThatBreaksOffIsForgotten) {
  serve_counting();
  RawHttpClient client(port());
  client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nxx");
  while (alive_ == 0) std::this_thread::yield();
  client.hang_up();
  while (alive_ > 0) std::this_thread::yield();
}

TEST_F(ReceivingServerTest, WebPagesReachNoReceiver) {
  serve_counting();
  RawHttpClient client(port());
  client.post("/upload", "x", "Origin: http://example.com\r\n");
  EXPECT_EQ(client.response().status, 403U);
  EXPECT_EQ(alive_, 0);
}

/// As many bytes as there are said to be, or fewer.
class Letters final : public ByteSource {
 public:
  explicit Letters(std::size_t bytes) : left_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min(buffer.size(), left_);
    std::ranges::fill(buffer.first(size), std::byte{'x'});
    left_ -= size;
    return size;
  }

 private:
  std::size_t left_;
};

TEST_F(HttpServerTest, SendsABodyFromASource) {
  serve([](const ServerRequest& request, ServerAnswer answer) {
    ServerResponse response;
    if (request.target == "/stream") {
      response.stream.emplace(StreamedBody{.source = std::make_unique<Letters>(3'000'000), .bytes = 3'000'000});
    }
    answer(std::move(response));
  });
  RawHttpClient client(port());
  client.post("/stream", "");
  EXPECT_EQ(client.response().body, std::string(3'000'000, 'x'));
  client.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.response().status, 200U);
  client.post("/other", "");
  EXPECT_EQ(client.response().body, "");
}

TEST_F(HttpServerTest, ASourceThatEndsTooEarlyCutsTheConnection) {
  serve([](const ServerRequest&, ServerAnswer answer) {
    ServerResponse response;
    response.stream.emplace(StreamedBody{.source = std::make_unique<Letters>(10), .bytes = 11});
    answer(std::move(response));
  });
  RawHttpClient client(port());
  client.post("/", "");
  EXPECT_EQ(client.response().status, 0U);
}

TEST_F(HttpServerTest, MisbehavesIfItIsToldTo) {
  serve([](const ServerRequest& request, ServerAnswer answer) {
    ServerResponse response{.body = "whole"};
    if (request.target == "/silent") response.delivery.hangs_up = true;
    if (request.target == "/half") {
      response.stream.emplace(StreamedBody{.source = std::make_unique<Letters>(100), .bytes = 100});
      response.delivery.body_bytes_max = 50;
    }
    if (request.target == "/late") response.delivery.delay_ms = 1;
    answer(std::move(response));
  });
  RawHttpClient silent(port());
  silent.post("/silent", "");
  EXPECT_TRUE(silent.is_hung_up());
  RawHttpClient half(port());
  half.post("/half", "");
  EXPECT_EQ(half.response().status, 0U);
  RawHttpClient late(port());
  late.post("/late", "");
  EXPECT_EQ(late.response().body, "whole");
}

TEST_F(HttpServerTest, HoldsWhatAResponseHoldsUntilItIsOut) {
  const auto held = std::make_shared<int>(0);
  serve([&](const ServerRequest&, ServerAnswer answer) {
    ServerResponse response;
    response.held = held;
    answer(std::move(response));
  });
  RawHttpClient client(port());
  client.post("/", "");
  EXPECT_EQ(client.response().status, 200U);
  while (held.use_count() > 1) std::this_thread::yield();
}

TEST_F(HttpServerTest, NamesAPortThatIsTaken) {
  serve_echo();
  const auto second = HttpServer::listen(port(), [](const ServerRequest&, const ServerAnswer&) {}, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::unavailable);
  EXPECT_NE(second.error().message().find(std::to_string(port())), std::string::npos) << second.error().message();
}

}  // namespace
}  // namespace tillite::testing
