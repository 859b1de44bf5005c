#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "adapters/aws/aws_client.h"
#include "adapters/local/system_clock.h"
#include "support/must.h"

namespace tillite::testing {

template <typename T>
T must(AwsResult<T> result) {
  if (!result) return must(Result<T>(std::unexpected(result.error().error)));
  return *std::move(result);
}

/// A credential that does not end.
class FixedCredential final : public CredentialSource {
 public:
  explicit FixedCredential(std::string id = "AKIDEXAMPLE", std::string secret = "wJalrXUtnFEMI/K7MDENG/EXAMPLEKEY")
      : id_(std::move(id)), secret_(std::move(secret)) {}
  Result<std::optional<IssuedCredential>> fetch(const std::stop_token& /*stop*/) override {
    return IssuedCredential{
        .credential = {.access_key_id = id_, .secret_access_key = Secret(std::string(secret_)), .session_token = {}},
        .expires_ms = {}};
  }

 private:
  std::string id_;
  std::string secret_;
};

/// What clients of a stand-in for AWS at an address need: "http://127.0.0.1:5000".
class AwsPlace {
 public:
  explicit AwsPlace(std::string origin, std::unique_ptr<CredentialSource> source = std::make_unique<FixedCredential>())
      : credentials_(std::make_shared<Credentials>(std::move(source), clock_, Logger::none())) {
    settings_.region = "us-east-1";
    settings_.endpoint_url = std::move(origin);
  }
  [[nodiscard]] AwsSettings& settings() { return settings_; }
  [[nodiscard]] std::shared_ptr<AwsClient> client(AwsApi api) {
    return std::make_shared<AwsClient>(api, settings_, credentials_, clock_, random_, Logger::none());
  }
  [[nodiscard]] const std::shared_ptr<Credentials>& credentials() { return credentials_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] Random& random() { return random_; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  AwsSettings settings_;
  std::shared_ptr<Credentials> credentials_;
};

/// A name that no other test has, on a server that tests share: "tillite-4711-3".
[[nodiscard]] inline std::string unique_name() {
  static std::atomic<int> names = 0;
  return fmt::format("tillite-{}-{}", ::getpid(), ++names);
}

}  // namespace tillite::testing
