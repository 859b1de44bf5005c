#include "base/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kIdleConnectionsMax = 16;
constexpr std::size_t kHeaderBytesMax = 256 * 1024;
constexpr std::size_t kUrlBytesMax = 64 * 1024;
constexpr std::int64_t kTimeoutMsMax = 1'000'000'000;
constexpr std::size_t kStreamBytes =
    std::size_t{256} * 1024;   // that wait for a reader; libcurl adds a block of its own
constexpr int kPollMs = 1000;  // only a fallback: libcurl knows when to wake up, and a stop wakes it

void initialise_curl() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(initialised == CURLE_OK, "libcurl can be initialised");
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return lower;
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// For messages: a URL may hold secrets in its query and before its host.
std::string without_secrets(std::string_view url) {
  std::string shown(url.substr(0, std::min(url.find_first_of("?#"), std::size_t{256})));
  const auto scheme = shown.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const auto at = std::string_view(shown).substr(host).substr(0, shown.find('/', host) - host).rfind('@');
  if (at != std::string_view::npos) shown.erase(host, at + 1);
  return shown;
}

Result<void> check_request(const HttpRequest& request) {
  if (!is_token(request.method))
    return fail(Code::invalid_input, "'{}' is no HTTP method", request.method.substr(0, 32));
  if (request.url.size() > kUrlBytesMax) return fail(Code::invalid_input, "a URL of {} bytes", request.url.size());
  if (request.timeout_ms < 0 || request.connect_timeout_ms < 0 || request.idle_timeout_ms < 0) {
    return fail(Code::invalid_input, "a time-out cannot be negative");
  }
  if (has_control_characters(request.url)) return fail(Code::invalid_input, "a URL with control characters");
  const std::string scheme = lower_case(request.url.substr(0, 8));
  if (!scheme.starts_with("http://") && scheme != "https://") {
    return fail(Code::invalid_input, "'{}' is no URL of http or https", without_secrets(request.url));
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return fail(Code::invalid_input, "'{}' is no name of an HTTP header", name.substr(0, 64));
    if (has_control_characters(value)) {
      return fail(Code::invalid_input, "the HTTP header {} has control characters", name.substr(0, 64));
    }
  }
  if (request.bearer != nullptr && has_control_characters(request.bearer->reveal())) {
    return fail(Code::invalid_input, "the key has control characters or line ends in it");
  }
  return {};
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// A list of libcurl's, overwritten when it goes.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { clear(); }
  void add(std::string line) {
    curl_slist* const longer = curl_slist_append(list_, line.c_str());
    check(longer != nullptr, "there is memory for a header");
    list_ = longer;
    wipe(line);
  }
  void clear() {
    for (const curl_slist* entry = list_; entry != nullptr; entry = entry->next) {
      ::explicit_bzero(entry->data, std::strlen(entry->data));
    }
    curl_slist_free_all(std::exchange(list_, nullptr));
  }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

using Time = std::chrono::steady_clock::time_point;

/// What goes and what comes, as libcurl's callbacks take it and put it together.
struct Traffic {
  HttpResponse response;  ///< the body too, as far as it was not handed out
  std::uint64_t body_bytes_max = 0;
  std::uint64_t body_bytes = 0;  ///< received so far
  std::size_t header_bytes = 0;
  bool has_whole_header = false;  ///< to the empty line at its end; libcurl takes half of one for all of it
  bool too_large = false;
  bool streams = false;  ///< the body waits for its reader, and libcurl with it if it is much
  bool is_paused = false;
  ByteSource* source = nullptr;
  std::uint64_t source_bytes = 0;  ///< that are still to be sent
  std::optional<Error> source_error;
  Time last_byte = std::chrono::steady_clock::now();

  void note_byte() { last_byte = std::chrono::steady_clock::now(); }
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  Traffic& traffic = *static_cast<Traffic*>(user);
  const std::size_t bytes = size * count;
  traffic.note_byte();
  traffic.too_large = traffic.body_bytes + bytes > traffic.body_bytes_max;
  if (traffic.too_large) return CURL_WRITEFUNC_ERROR;
  traffic.is_paused = traffic.streams && traffic.response.body.size() >= kStreamBytes;
  if (traffic.is_paused) return CURL_WRITEFUNC_PAUSE;
  traffic.body_bytes += bytes;
  traffic.response.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  Traffic& traffic = *static_cast<Traffic*>(user);
  const std::string_view line(data, size * count);
  traffic.note_byte();
  traffic.header_bytes += line.size();
  traffic.too_large = traffic.header_bytes > kHeaderBytesMax;
  if (traffic.too_large) return CURL_WRITEFUNC_ERROR;
  const auto colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    traffic.response.headers.clear();  // what came before belonged to an interim answer, or a proxy's
    traffic.has_whole_header = false;
  } else if (colon != std::string_view::npos) {
    traffic.response.headers.emplace_back(lower_case(line.substr(0, colon)), without_blanks(line.substr(colon + 1)));
  } else if (line == "\r\n" || line == "\n") {
    traffic.has_whole_header = true;
  }
  return line.size();
}

std::size_t give_body(char* buffer, std::size_t size, std::size_t count, void* user) {
  Traffic& traffic = *static_cast<Traffic*>(user);
  traffic.note_byte();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size * count, traffic.source_bytes));
  if (wanted == 0) return 0;
  const auto got = traffic.source->read(std::as_writable_bytes(std::span(buffer, wanted)));
  if (!got) {
    traffic.source_error = got.error();
  } else if (*got == 0) {
    traffic.source_error =
        Error(Code::corrupt, fmt::format("the body ended {} bytes before its length", traffic.source_bytes));
  }
  if (traffic.source_error) return CURL_READFUNC_ABORT;
  traffic.source_bytes -= *got;
  return *got;
}

Code code_of(CURLcode result) {
  switch (result) {
    case CURLE_URL_MALFORMAT:
      return Code::invalid_input;
    case CURLE_OPERATION_TIMEDOUT:
      return Code::timed_out;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Code::permission;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
      return Code::internal;
    default:
      return Code::unavailable;
  }
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

/// One request at a time, and the connections that earlier ones left open. Only wake_up() may come from another thread.
class Line {
 public:
  Line() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    check(multi_ != nullptr && easy_ != nullptr, "there is memory for a connection");
  }

  void wake_up() { curl_multi_wakeup(multi_.get()); }

  /// Begins a request, which must outlive its end().
  void begin(const HttpRequest& request, const HttpClient::Settings& settings, bool streams) {
    request_ = &request;
    traffic_ = Traffic{.body_bytes_max = request.response_bytes_max,
                       .streams = streams,
                       .source = request.body_source,
                       .source_bytes = request.body_bytes};
    result_.reset();
    set_up(settings);
    check(curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK, "a request can begin");
  }
  /// Whatever state the request is in, it goes on no more.
  void end() {
    curl_multi_remove_handle(multi_.get(), easy_.get());
    headers_.clear();
  }

  /// Goes on until `is_enough`, or the request has come to its end.
  Result<void> go_on(const std::stop_token& stop, const std::function<bool(const Traffic&)>& is_enough) {
    traffic_.note_byte();  // what passed since the last call was the caller's time
    while (!result_ && !is_enough(traffic_)) {
      if (stop.stop_requested()) return std::unexpected(error_of(CURLE_ABORTED_BY_CALLBACK, stop));
      int running = 1;
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) result_ = CURLE_ABORTED_BY_CALLBACK;
      if (running == 0) take_result();
      if (result_ || is_enough(traffic_)) break;
      const std::int64_t rest_ms = idle_rest_ms();
      if (rest_ms <= 0) return fail(Code::timed_out, "{}: no byte for {} ms", what(), request_->idle_timeout_ms);
      const auto wait_ms = static_cast<int>(std::min<std::int64_t>(rest_ms, kPollMs));
      if (curl_multi_poll(multi_.get(), nullptr, 0, wait_ms, nullptr) != CURLM_OK) result_ = CURLE_ABORTED_BY_CALLBACK;
    }
    if (result_ == CURLE_OK && !traffic_.has_whole_header) {
      return fail(Code::unavailable, "{}: the answer broke off in its header", what());
    }
    if (!result_ || *result_ == CURLE_OK || is_enough(traffic_)) return {};  // what came before an error is good
    return std::unexpected(error_of(*result_, stop));
  }
  [[nodiscard]] bool has_ended() const { return result_.has_value(); }

  /// What has arrived, with its status.
  HttpResponse& response() {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    traffic_.response.status = static_cast<int>(status);
    return traffic_.response;
  }
  /// The reader has taken what waited for it.
  void unpause() {
    if (!std::exchange(traffic_.is_paused, false)) return;
    curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode result = curl_easy_setopt(easy_.get(), option, value);
    check(result == CURLE_OK, "libcurl knows its options");
  }

  void set_up(const HttpClient::Settings& settings) {
    CURL* const easy = easy_.get();
    curl_easy_reset(easy);  // keeps the connections
    error_[0] = '\0';
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_URL, request_->url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);  // a key of a store may be "../a", and a signature is of what was asked for
    if (!settings.uses_proxies) set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_USERAGENT, settings.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(request_->connect_timeout_ms, kTimeoutMsMax)));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(request_->timeout_ms, kTimeoutMsMax)));
    // A connection has one request at a time: HTTP/2 would add nothing but buffers for what is not read yet.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_FRESH_CONNECT, request_->fresh_connection ? 1L : 0L);
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&traffic_));
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&traffic_));
    if (!settings.certificates_file.empty()) set(CURLOPT_CAINFO, settings.certificates_file.c_str());
    set_body();
    set_headers();
  }

  void set_body() {
    const std::string& method = request_->method;
    if (method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
      return;
    }
    if (request_->body_source != nullptr) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_->body_bytes));
      set(CURLOPT_READFUNCTION, &give_body);
      set(CURLOPT_READDATA, static_cast<void*>(&traffic_));
    } else if (!request_->body.empty() || method == "POST" || method == "PUT") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_->body.size()));
      set(CURLOPT_POSTFIELDS, request_->body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  void set_headers() {
    headers_.clear();
    for (const auto& [name, value] : request_->headers) {
      headers_.add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    if (request_->bearer != nullptr) headers_.add(fmt::format("Authorization: Bearer {}", request_->bearer->reveal()));
    const bool says_type = std::ranges::any_of(
        request_->headers, [](const auto& header) { return lower_case(header.first) == "content-type"; });
    if (!says_type) headers_.add("Content-Type:");  // libcurl's guess would be a form's
    headers_.add("Expect:");                        // no round trip before a body
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // a proxy that hands on bytes sees none of them
  }

  void take_result() {
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left);
    result_ = message != nullptr ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
  }

  [[nodiscard]] std::int64_t idle_rest_ms() const {
    if (request_->idle_timeout_ms == 0) return kPollMs;
    const auto idle = std::chrono::steady_clock::now() - traffic_.last_byte;
    return request_->idle_timeout_ms - std::chrono::duration_cast<std::chrono::milliseconds>(idle).count();
  }

  [[nodiscard]] std::string what() const {
    return fmt::format("{} {}", request_->method, without_secrets(request_->url));
  }

  [[nodiscard]] Error error_of(CURLcode result, const std::stop_token& stop) const {
    if (stop.stop_requested()) return {Code::cancelled, what() + ": stopped"};
    if (traffic_.source_error) return traffic_.source_error->in(what());
    if (traffic_.too_large) {
      return {Code::limit_exceeded,
              fmt::format("{}: the answer is larger than {} bytes", what(), request_->response_bytes_max)};
    }
    // libcurl's own words on a proxy that it cannot use have the proxy's address in them, with its password.
    const std::string_view words(error_);
    const bool is_of_proxy = result == CURLE_COULDNT_RESOLVE_PROXY || words.starts_with("Unsupported proxy");
    const std::string_view reason = words.empty() || is_of_proxy ? curl_easy_strerror(result) : words;
    const std::string_view remedy =
        code_of(result) == Code::permission ? " (SSL_CERT_FILE names a file of certificates to trust)" : "";
    return {code_of(result), fmt::format("{}: {}{}", what(), reason, remedy)};
  }

  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  HeaderList headers_;
  const HttpRequest* request_ = nullptr;
  Traffic traffic_;
  std::optional<CURLcode> result_;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HttpHeaders::value_type::first);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

bool is_http_url(const std::string& url) {
  initialise_curl();
  const std::unique_ptr<CURLU, UrlDeleter> parsed(curl_url());
  check(parsed != nullptr, "there is memory for a URL");
  const std::string scheme = lower_case(std::string_view(url).substr(0, 8));
  // libcurl is lenient with slashes: the host of "https:///v1" would be "v1".
  return (scheme.starts_with("http://") || scheme == "https://") && url.find(":///") == std::string::npos &&
         curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
}

struct HttpClient::Parts {
  Settings settings;
  std::mutex mutex;
  std::vector<std::unique_ptr<Line>> idle;

  std::unique_ptr<Line> take_line() {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) return std::make_unique<Line>();
    auto line = std::move(idle.back());  // the one that was used last: its connection is most likely still open
    idle.pop_back();
    return line;
  }
  void give_back(std::unique_ptr<Line> line) {
    const std::scoped_lock lock(mutex);
    if (idle.size() < kIdleConnectionsMax) idle.push_back(std::move(line));
  }
};

/// A line that is taken for one request, and given back.
class HttpStream::Exchange {
 public:
  Exchange(std::shared_ptr<HttpClient::Parts> parts, HttpRequest request, std::stop_token stop, bool streams)
      : parts_(std::move(parts)), request_(std::move(request)), stop_(std::move(stop)), line_(parts_->take_line()) {
    line_->begin(request_, parts_->settings, streams);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    line_->end();
    parts_->give_back(std::move(line_));
  }

  Result<void> finish() {
    return go_on([](const Traffic&) { return false; });
  }
  Result<void> wait_for_body() {
    TRY(go_on([](const Traffic& traffic) { return !traffic.response.body.empty(); }));
    body_ = std::exchange(line_->response().body, {});
    response_ = line_->response();
    return {};
  }
  Result<std::size_t> read(std::span<std::byte> buffer) {
    if (taken_ == body_.size()) {
      body_.clear();
      taken_ = 0;
      line_->unpause();
      TRY(go_on([](const Traffic& traffic) { return !traffic.response.body.empty(); }));
      std::swap(body_, line_->response().body);  // both keep their memory
    }
    const std::size_t bytes = std::min(buffer.size(), body_.size() - taken_);
    std::ranges::copy(as_bytes(std::string_view(body_).substr(taken_, bytes)), buffer.begin());
    taken_ += bytes;
    return bytes;
  }
  HttpResponse take_response() { return std::move(line_->response()); }
  [[nodiscard]] const HttpResponse& head() const { return response_; }

 private:
  Result<void> go_on(const std::function<bool(const Traffic&)>& is_enough) {
    const std::stop_callback wake_up(stop_, [this] { line_->wake_up(); });
    return line_->go_on(stop_, is_enough);
  }

  std::shared_ptr<HttpClient::Parts> parts_;
  HttpRequest request_;
  std::stop_token stop_;
  std::unique_ptr<Line> line_;
  HttpResponse response_;
  std::string body_;  ///< what the reader takes from
  std::size_t taken_ = 0;
};

HttpStream::HttpStream(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
HttpStream::~HttpStream() = default;
const HttpResponse& HttpStream::response() const { return exchange_->head(); }
Result<std::size_t> HttpStream::read(std::span<std::byte> buffer) { return exchange_->read(buffer); }

HttpClient::HttpClient(Settings settings) {
  initialise_curl();
  parts_ = std::shared_ptr<Parts>(new Parts{.settings = std::move(settings), .mutex = {}, .idle = {}});
}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const std::stop_token& stop) {
  TRY(check_request(request));
  HttpStream::Exchange exchange(parts_, request, stop, /*streams=*/false);
  TRY(exchange.finish());
  return exchange.take_response();
}

Result<std::unique_ptr<HttpStream>> HttpClient::open(HttpRequest request, std::stop_token stop) {
  TRY(check_request(request));
  check(request.body_source == nullptr, "a streamed answer belongs to a request whose body is at hand");
  auto exchange = std::make_unique<HttpStream::Exchange>(parts_, std::move(request), std::move(stop), /*streams=*/true);
  TRY(exchange->wait_for_body());
  return std::make_unique<HttpStream>(std::move(exchange));
}

}  // namespace tillite
