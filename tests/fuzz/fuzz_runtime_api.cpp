#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "base/check.h"
#include "lambda/runtime_api.h"

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// A Runtime API that answers one question with these bytes and hangs up.
class Api {
 public:
  explicit Api(std::string_view answer) : thread_([this, answer] { serve(answer); }) {}
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  ~Api() {  // nobody may have asked
    ErrorCode ignored;
    asio::io_context io(1);
    tcp::socket(io).connect(acceptor_.local_endpoint(), ignored);
  }

  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port()); }

 private:
  void serve(std::string_view answer) {
    ErrorCode error;
    tcp::socket socket(io_);
    acceptor_.accept(socket, error);
    asio::streambuf question;
    if (!error) asio::read_until(socket, question, "\r\n\r\n", error);
    if (!error) asio::write(socket, asio::buffer(answer), error);
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace

/// Whatever the Runtime API answers, it is an invocation whose result can be sent, or an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::RuntimeApi;
  const Api api(std::string_view(reinterpret_cast<const char*>(data), size));
  auto runtime = RuntimeApi::at(api.address());
  tillite::check(runtime.has_value(), "an address is one");
  const auto invocation = runtime->next();
  if (!invocation) return 0;
  tillite::check(!invocation->request_id.empty() && invocation->request_id.find_first_of("/?# ") == std::string::npos,
                 "a request id is part of a path");
  tillite::check(invocation->event.size() <= RuntimeApi::kPayloadBytesMax, "an event has its limit");
  return 0;
}
