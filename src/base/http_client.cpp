#include "base/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <mutex>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kIdleConnectionsMax = 16;
constexpr std::size_t kHeaderBytesMax = 256 * 1024;
constexpr std::size_t kUrlBytesMax = 64 * 1024;
constexpr std::int64_t kTimeoutMsMax = 1'000'000'000;
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
  if (request.timeout_ms < 0 || request.connect_timeout_ms < 0) {
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
  return {};
}

/// A list of libcurl's.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* const longer = curl_slist_append(list_, line.c_str());
    check(longer != nullptr, "there is memory for a header");
    list_ = longer;
  }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

/// What arrives, as libcurl's callbacks put it together.
struct Arrival {
  HttpResponse response;
  std::uint64_t body_bytes_max = 0;
  std::size_t header_bytes = 0;
  bool too_large = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  Arrival& arrival = *static_cast<Arrival*>(user);
  const std::size_t bytes = size * count;
  arrival.too_large = arrival.response.body.size() + bytes > arrival.body_bytes_max;
  if (arrival.too_large) return CURL_WRITEFUNC_ERROR;
  arrival.response.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  Arrival& arrival = *static_cast<Arrival*>(user);
  const std::string_view line(data, size * count);
  arrival.header_bytes += line.size();
  arrival.too_large = arrival.header_bytes > kHeaderBytesMax;
  if (arrival.too_large) return CURL_WRITEFUNC_ERROR;
  const auto colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    arrival.response.headers.clear();  // what came before belonged to an interim answer, or a proxy's
  } else if (colon != std::string_view::npos) {
    arrival.response.headers.emplace_back(lower_case(line.substr(0, colon)), without_blanks(line.substr(colon + 1)));
  }
  return line.size();
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

  Result<HttpResponse> send(const HttpRequest& request, const HttpClient::Settings& settings,
                            const std::stop_token& stop) {
    Arrival arrival;
    arrival.body_bytes_max = request.response_bytes_max;
    HeaderList headers;
    set_up(request, settings, headers, arrival);
    const CURLcode result = transfer(stop);
    if (result == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
      arrival.response.status = static_cast<int>(status);
      return std::move(arrival.response);
    }
    const std::string what = fmt::format("{} {}", request.method, without_secrets(request.url));
    if (stop.stop_requested()) return fail(Code::cancelled, "{}: stopped", what);
    if (arrival.too_large) {
      return fail(Code::limit_exceeded, "{}: the answer is larger than {} bytes", what, request.response_bytes_max);
    }
    const char* const reason = error_[0] != '\0' ? error_ : curl_easy_strerror(result);
    const std::string_view remedy =
        code_of(result) == Code::permission ? " (SSL_CERT_FILE names a file of certificates to trust)" : "";
    return fail(code_of(result), "{}: {}{}", what, reason, remedy);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode result = curl_easy_setopt(easy_.get(), option, value);
    check(result == CURLE_OK, "libcurl knows its options");
  }

  void set_up(const HttpRequest& request, const HttpClient::Settings& settings, HeaderList& headers, Arrival& arrival) {
    CURL* const easy = easy_.get();
    curl_easy_reset(easy);  // keeps the connections
    error_[0] = '\0';
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_USERAGENT, settings.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(request.connect_timeout_ms, kTimeoutMsMax)));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(request.timeout_ms, kTimeoutMsMax)));
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&arrival));
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&arrival));
    if (!settings.certificates_file.empty()) set(CURLOPT_CAINFO, settings.certificates_file.c_str());
    set_body(request);
    for (const auto& [name, value] : request.headers) {
      headers.add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    const bool says_type = std::ranges::any_of(
        request.headers, [](const auto& header) { return lower_case(header.first) == "content-type"; });
    if (!says_type) headers.add("Content-Type:");  // libcurl's guess would be a form's
    headers.add("Expect:");                        // no round trip before a body
    set(CURLOPT_HTTPHEADER, headers.get());
  }

  void set_body(const HttpRequest& request) {
    const bool sends = !request.body.empty() || request.method == "POST" || request.method == "PUT";
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (sends) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    }
    if (request.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  CURLcode transfer(const std::stop_token& stop) {
    check(curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK, "a request can begin");
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;
    while (!stop.stop_requested()) {
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running == 0) {
        int left = 0;
        const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left);
        if (message != nullptr) result = message->data.result;
        break;
      }
      if (curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr) != CURLM_OK) break;
    }
    curl_multi_remove_handle(multi_.get(), easy_.get());
    return result;
  }

  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HttpHeaders::value_type::first);
  if (found == headers.end()) return std::nullopt;
  return found->second;
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

HttpClient::HttpClient(Settings settings) {
  initialise_curl();
  parts_ = std::unique_ptr<Parts>(new Parts{.settings = std::move(settings), .mutex = {}, .idle = {}});
}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const std::stop_token& stop) {
  TRY(check_request(request));
  auto line = parts_->take_line();
  auto response = [&] {
    const std::stop_callback wake_up(stop, [&] { line->wake_up(); });
    return line->send(request, parts_->settings, stop);
  }();
  parts_->give_back(std::move(line));
  return response;
}

}  // namespace tillite
