// Against real servers on the loopback: one of the test's own, and OpenSSL's for certificates.
#include "base/http_client.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <future>

#include "support/http_server.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "support/tls_server.h"

namespace tillite::testing {
namespace {

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() {
    for (const char* proxy : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(proxy);
  }
  HttpClient client;
};

HttpServer::Answer fine(const HttpServer::Request&) { return {.body = "fine"}; }

TEST_F(HttpClientTest, SendsMethodHeadersAndBodyAsTheyAre) {
  HttpServer server(&fine);
  const std::string body("\0binary \xff", 9);
  const auto response = must(client.send(
      {.method = "PATCH", .url = server.url("/a?b=c"), .headers = {{"X-One", "1"}, {"X-Empty", ""}}, .body = body}));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "fine");
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.target, "/a?b=c");
  EXPECT_EQ(request.body, body);
  EXPECT_EQ(request.headers.at("x-one"), "1");
  EXPECT_EQ(request.headers.at("x-empty"), "");
  EXPECT_EQ(request.headers.at("user-agent"), "tillite");
  EXPECT_FALSE(request.headers.contains("content-type")) << "nothing is guessed";
  EXPECT_FALSE(request.headers.contains("expect"));
}

TEST_F(HttpClientTest, KnowsTheUsualMethodsWithAndWithoutABody) {
  HttpServer server(&fine);
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}) {
    const auto response = must(client.send({.method = method, .url = server.url()}));
    EXPECT_EQ(response.body, std::string_view(method) == "HEAD" ? "" : "fine");
    EXPECT_EQ(server.requests().back().method, method);
    EXPECT_EQ(server.requests().back().body, "");
  }
  EXPECT_EQ(server.requests().at(2).headers.at("content-length"), "0");
}

TEST_F(HttpClientTest, AnyAnswerIsAnAnswer) {
  HttpServer server([](const HttpServer::Request& request) -> HttpServer::Answer {
    return {.status = std::stoi(request.target.substr(1)),
            .headers = {"Location: /elsewhere", "X-Twice: one", "X-Twice: two "},
            .body = "text"};
  });
  for (const int status : {200, 204, 302, 404, 429, 503}) {
    const auto response = must(client.send({.url = server.url(fmt::format("/{}", status))}));
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.is_success(), status < 300);
    EXPECT_EQ(response.header("location"), "/elsewhere");
    EXPECT_EQ(response.header("x-twice"), "one");
    EXPECT_EQ(response.header("x-none"), std::nullopt);
  }
  EXPECT_EQ(server.requests().size(), 6U) << "a redirect is not followed";
}

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  HttpServer server(&fine);
  for (int i = 0; i < 5; ++i) must(client.send({.url = server.url()}));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, SendsFromManyThreadsAtOnceOnConnectionsOfTheirOwn) {
  constexpr int kThreads = 8;
  std::atomic<int> arrived = 0;
  HttpServer server([&](const HttpServer::Request& request) -> HttpServer::Answer {
    ++arrived;
    while (arrived < kThreads) std::this_thread::yield();  // none is answered before all are there
    return {.body = request.body};
  });
  std::vector<std::future<std::string>> bodies;
  for (int i = 0; i < kThreads; ++i) {
    bodies.push_back(std::async(std::launch::async, [&, i] {
      return must(client.send({.method = "POST", .url = server.url(), .body = std::to_string(i)})).body;
    }));
  }
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(bodies[static_cast<std::size_t>(i)].get(), std::to_string(i));
}

TEST_F(HttpClientTest, RefusesALargerAnswerThanWasAskedFor) {
  HttpServer server([](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(1001, 'x')}; });
  EXPECT_EQ(must(client.send({.url = server.url(), .response_bytes_max = 1001})).body.size(), 1001U);
  const auto refused = client.send({.url = server.url(), .response_bytes_max = 1000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::limit_exceeded);
  EXPECT_EQ(must(client.send({.url = server.url()})).status, 200) << "the client goes on";
}

TEST_F(HttpClientTest, RefusesEndlessHeaders) {
  HttpServer server([](const HttpServer::Request&) -> HttpServer::Answer {
    std::string raw = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10'000; ++i) raw += fmt::format("X-{}: {}\r\n", i, std::string(50, 'x'));
    return {.raw = raw + "\r\n"};
  });
  EXPECT_EQ(client.send({.url = server.url()}).error().code(), Code::limit_exceeded);
}

/// A handler that answers nothing until the test ends.
class Silence {
 public:
  ~Silence() { end(); }
  void end() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  HttpServer::Handler handler() {
    return [this](const HttpServer::Request&) -> HttpServer::Answer {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return ended_; });
      return {};
    };
  }
  void wait_for_request() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool ended_ = false;
};

TEST_F(HttpClientTest, EndsWhenItsTimeIsUp) {
  Silence silence;
  HttpServer server(silence.handler());
  const auto response = client.send({.url = server.url("/slow?secret=1"), .timeout_ms = 50});
  silence.end();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::timed_out);
  EXPECT_NE(response.error().message().find("GET " + server.url("/slow")), std::string::npos);
  EXPECT_EQ(response.error().message().find("secret"), std::string::npos);
}

TEST_F(HttpClientTest, EndsAtOnceWhenItIsStopped) {
  Silence silence;
  HttpServer server(silence.handler());
  std::stop_source stop;
  auto response = std::async(std::launch::async, [&] { return client.send({.url = server.url()}, stop.get_token()); });
  silence.wait_for_request();
  stop.request_stop();
  EXPECT_EQ(response.get().error().code(), Code::cancelled);
  silence.end();
  EXPECT_EQ(client.send({.url = server.url()}, stop.get_token()).error().code(), Code::cancelled);
  EXPECT_EQ(must(client.send({.url = server.url()})).status, 200);
}

TEST_F(HttpClientTest, AServerThatBreaksOffIsUnavailable) {
  for (const char* raw : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "not HTTP\r\n\r\n",
                          "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag"}) {
    HttpServer server([&](const HttpServer::Request&) -> HttpServer::Answer { return {.raw = raw}; });
    EXPECT_EQ(client.send({.url = server.url()}).error().code(), Code::unavailable) << raw;
  }
}

TEST_F(HttpClientTest, AServerThatIsNotThereIsUnavailable) {
  std::string url;
  {
    const HttpServer server(&fine);
    url = server.url();
  }
  const auto response = client.send({.url = url});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::unavailable);
  EXPECT_TRUE(response.error().retryable());
}

TEST_F(HttpClientTest, RefusesWhatIsNoRequest) {
  const std::vector<HttpRequest> requests = {
      {.url = ""},
      {.url = "no url"},
      {.url = "file:///etc/hostname"},
      {.url = "http://127.0.0.1/\r\nX: y"},
      {.url = "http://127.0.0.1/" + std::string(100'000, 'x')},
      {.method = "", .url = "http://127.0.0.1/"},
      {.method = "GET /\r\nX:", .url = "http://127.0.0.1/"},
      {.url = "http://127.0.0.1/", .headers = {{"X", "a\r\nY: b"}}},
      {.url = "http://127.0.0.1/", .headers = {{"X: y", "a"}}},
      {.url = "http://127.0.0.1/", .timeout_ms = -1},
  };
  for (const HttpRequest& request : requests) {
    const auto response = client.send(request);
    ASSERT_FALSE(response) << request.url;
    EXPECT_EQ(response.error().code(), Code::invalid_input) << response.error().message();
  }
}

TEST_F(HttpClientTest, ItsMessagesHoldNoPassword) {
  const auto response = client.send({.url = "file://user:hidden@127.0.0.1/path?key=hidden"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message().find("hidden"), std::string::npos) << response.error().message();
  EXPECT_NE(response.error().message().find("127.0.0.1/path"), std::string::npos) << response.error().message();
}

TEST_F(HttpClientTest, AProxyThatCannotBeUsedKeepsItsPassword) {
  for (const char* proxy : {"http://user:hidden@127.0.0.1:99999", "unknown://user:hidden@127.0.0.1:1"}) {
    ::setenv("http_proxy", proxy, 1);
    const auto response = client.send({.url = "http://somewhere.invalid/path"});
    ::unsetenv("http_proxy");
    ASSERT_FALSE(response) << proxy;
    EXPECT_EQ(response.error().message().find("hidden"), std::string::npos) << response.error().message();
  }
}

TEST_F(HttpClientTest, GoesThroughTheProxyOfTheEnvironment) {
  HttpServer proxy(&fine);
  ::setenv("http_proxy", proxy.url("").c_str(), 1);
  const auto response = client.send({.url = "http://somewhere.invalid/path"});
  ::unsetenv("http_proxy");
  EXPECT_EQ(must(response).body, "fine");
  EXPECT_EQ(proxy.requests().at(0).target, "http://somewhere.invalid/path");
}

TEST_F(HttpClientTest, TrustsTheCertificatesThatItIsGivenAndNoOther) {
  const TempFolder folder;
  const TlsServer server(folder);
  const auto refused = client.send({.url = server.url()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::permission) << refused.error().message();
  EXPECT_NE(refused.error().message().find("SSL_CERT_FILE"), std::string::npos);

  HttpClient trusting({.certificates_file = server.certificate()});
  EXPECT_EQ(must(trusting.send({.url = server.url()})).status, 200);
}

}  // namespace
}  // namespace tillite::testing
