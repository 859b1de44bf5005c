// Bodies that are read while they are sent, and answers that are read while they arrive.
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "base/http_client.h"
#include "support/http_server.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

/// Bytes that are made while they are read, and counted.
class MadeUpSource final : public ByteSource {
 public:
  explicit MadeUpSource(std::uint64_t bytes, std::optional<Error> at_end = {})
      : left_(bytes), at_end_(std::move(at_end)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (left_ == 0 && at_end_) return std::unexpected(*at_end_);
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    for (std::size_t i = 0; i < bytes; ++i) buffer[i] = static_cast<std::byte>('a' + (read_ + i) % 26);
    left_ -= bytes;
    read_ += bytes;
    return bytes;
  }

 private:
  std::uint64_t left_;
  std::uint64_t read_ = 0;
  std::optional<Error> at_end_;
};

class HttpStreamTest : public ::testing::Test {
 protected:
  HttpStreamTest() {
    for (const char* proxy : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(proxy);
  }
  static HttpServer::Answer echo(const HttpServer::Request& request) { return {.body = request.body}; }
  static std::string all_of(HttpStream& stream) { return must(read_all(stream, std::size_t{1} << 30)); }

  HttpClient client;
};

TEST_F(HttpStreamTest, SendsABodyWhileItIsRead) {
  HttpServer server(&echo);
  MadeUpSource source(3'000'000);
  const auto response =
      must(client.send({.method = "POST", .url = server.url(), .body_source = &source, .body_bytes = 3'000'000}));
  MadeUpSource same(3'000'000);
  EXPECT_EQ(response.body, must(read_all(same, 4'000'000)));
  EXPECT_EQ(server.requests().at(0).headers.at("content-length"), "3000000");
  EXPECT_FALSE(server.requests().at(0).headers.contains("expect"));
}

TEST_F(HttpStreamTest, SendsAnEmptyBodyOfASource) {
  HttpServer server(&echo);
  MadeUpSource source(0);
  EXPECT_EQ(must(client.send({.method = "POST", .url = server.url(), .body_source = &source})).body, "");
}

TEST_F(HttpStreamTest, ABodyThatCannotBeReadIsTheError) {
  HttpServer server(&echo);
  MadeUpSource broken(100'000, Error(Code::no_space, "the disk is gone"));
  const auto response =
      client.send({.method = "POST", .url = server.url(), .body_source = &broken, .body_bytes = 200'000});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::no_space);
  MadeUpSource short_one(100'000);
  const auto too_short =
      client.send({.method = "POST", .url = server.url(), .body_source = &short_one, .body_bytes = 200'000});
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().code(), Code::corrupt) << too_short.error().message();
}

TEST_F(HttpStreamTest, HandsAnAnswerOutInPieces) {
  const std::string body = [] {
    MadeUpSource source(5'000'000);
    return must(read_all(source, 6'000'000));
  }();
  HttpServer server([&](const HttpServer::Request&) -> HttpServer::Answer {
    return {.status = 206, .headers = {"X-One: 1"}, .body = body};
  });
  const auto stream = must(client.open({.url = server.url()}));
  EXPECT_EQ(stream->response().status, 206);
  EXPECT_EQ(stream->response().header("x-one"), "1");
  EXPECT_EQ(stream->response().header("content-length"), "5000000");
  EXPECT_EQ(all_of(*stream), body);
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(must(stream->read(buffer)), 0U) << "the end stays the end";
}

TEST_F(HttpStreamTest, AnEmptyAnswerHasAHead) {
  HttpServer server([](const HttpServer::Request&) -> HttpServer::Answer { return {.status = 404}; });
  const auto stream = must(client.open({.url = server.url()}));
  EXPECT_EQ(stream->response().status, 404);
  EXPECT_EQ(all_of(*stream), "");
}

TEST_F(HttpStreamTest, AReaderThatWaitsHoldsTheServerUp) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  HttpServer server(
      [&](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(kBytes, 'x')}; });
  const auto stream = must(client.open({.url = server.url(), .idle_timeout_ms = 60'000}));
  std::array<std::byte, 1000> buffer{};
  std::size_t bytes = 0;
  while (const auto got = must(stream->read(buffer))) bytes += got;
  EXPECT_EQ(bytes, kBytes);
}

TEST_F(HttpStreamTest, UsesAConnectionAgainOnceItsAnswerIsRead) {
  HttpServer server(
      [](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(2'000'000, 'x')}; });
  for (int i = 0; i < 3; ++i) all_of(*must(client.open({.url = server.url()})));
  EXPECT_EQ(server.connections(), 1);
  must(client.open({.url = server.url()}));  // dropped in the middle
  all_of(*must(client.open({.url = server.url()})));
  EXPECT_EQ(server.connections(), 2) << "a connection with the rest of an answer in it is closed";
}

TEST_F(HttpStreamTest, MayOutliveItsClient) {
  HttpServer server(
      [](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(2'000'000, 'x')}; });
  const auto stream = [&] {
    HttpClient passing;
    return must(passing.open({.url = server.url()}));
  }();
  EXPECT_EQ(all_of(*stream).size(), 2'000'000U);
}

TEST_F(HttpStreamTest, WhatCameBeforeABreakIsHandedOutAndThenTheError) {
  HttpServer server([](const HttpServer::Request&) -> HttpServer::Answer {
    return {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"};
  });
  const auto stream = must(client.open({.url = server.url()}));
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(must(stream->read(buffer)), 3U);
  const auto broken = stream->read(buffer);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Code::unavailable) << broken.error().message();
}

TEST_F(HttpStreamTest, BoundsTheWholeAnswer) {
  HttpServer server(
      [](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(100'000, 'x')}; });
  const auto refused = client.open({.url = server.url(), .response_bytes_max = 1000});
  const auto error = refused ? read_all(**refused, 200'000).error() : refused.error();
  EXPECT_EQ(error.code(), Code::limit_exceeded);
}

TEST_F(HttpStreamTest, EndsWhenNoByteComes) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  HttpServer silent([&](const HttpServer::Request&) -> HttpServer::Answer {
    ended.wait();
    return {};
  });
  const auto response = client.send({.url = silent.url(), .idle_timeout_ms = 50, .timeout_ms = 60'000});
  const auto stream = client.open({.url = silent.url(), .idle_timeout_ms = 50, .timeout_ms = 0});
  end.set_value();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::timed_out);
  EXPECT_NE(response.error().message().find("no byte for 50 ms"), std::string::npos) << response.error().message();
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::timed_out);
}

TEST_F(HttpStreamTest, AReadersOwnTimeIsNotIdle) {
  HttpServer server(
      [](const HttpServer::Request&) -> HttpServer::Answer { return {.body = std::string(3'000'000, 'x')}; });
  const auto stream = must(client.open({.url = server.url(), .idle_timeout_ms = 100, .timeout_ms = 0}));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(all_of(*stream).size(), 3'000'000U);
}

TEST_F(HttpStreamTest, AStopIsHeardWhileReading) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::stop_source stop;
  std::promise<void> asked;
  HttpServer silent([&](const HttpServer::Request&) -> HttpServer::Answer {
    asked.set_value();
    ended.wait();
    return {};
  });
  auto opened = std::async(std::launch::async, [&] { return client.open({.url = silent.url()}, stop.get_token()); });
  asked.get_future().wait();
  stop.request_stop();
  EXPECT_EQ(opened.get().error().code(), Code::cancelled);
  end.set_value();
}

TEST_F(HttpStreamTest, ARequestOnAFreshConnectionIsSentOnce) {
  // A server that closes a kept connection when the next request comes on it: libcurl would send that again elsewhere.
  std::atomic<int> posts = 0;
  HttpServer server([&](const HttpServer::Request& request) -> HttpServer::Answer {
    if (request.method == "GET") return {.body = "fine"};
    ++posts;
    return {.raw = ""};
  });
  must(client.send({.url = server.url()}));
  EXPECT_FALSE(client.send({.method = "POST", .url = server.url(), .body = "x", .fresh_connection = true}));
  EXPECT_EQ(posts, 1);
  must(client.send({.url = server.url()}));
  EXPECT_FALSE(client.send({.method = "POST", .url = server.url(), .body = "x"}));
  EXPECT_EQ(posts, 3) << "this is why: without it one request is two";
}

TEST_F(HttpStreamTest, SendsAKeyAsBearer) {
  HttpServer server(&echo);
  const Secret key(std::string("sk-abc"));
  must(client.send({.url = server.url(), .bearer = &key}));
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer sk-abc");
  const Secret broken(std::string("sk-abc\r\nX: y"));
  const auto refused = client.send({.url = server.url(), .bearer = &broken});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::invalid_input);
  EXPECT_EQ(refused.error().message().find("sk-abc"), std::string::npos);
}

TEST_F(HttpStreamTest, AProxyOfHttpsSeesNoKey) {
  HttpServer proxy([](const HttpServer::Request&) -> HttpServer::Answer { return {.status = 502}; });
  ::setenv("https_proxy", proxy.url("").c_str(), 1);
  const Secret key(std::string("sk-abc"));
  const auto response = client.send({.url = "https://somewhere.invalid/path", .bearer = &key});
  ::unsetenv("https_proxy");
  EXPECT_FALSE(response);
  ASSERT_EQ(proxy.requests().size(), 1U);
  EXPECT_EQ(proxy.requests().at(0).method, "CONNECT");
  EXPECT_EQ(proxy.requests().at(0).target, "somewhere.invalid:443");
  EXPECT_FALSE(proxy.requests().at(0).headers.contains("authorization"));
}

}  // namespace
}  // namespace tillite::testing
