#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {

/// OpenSSL's own server, with a certificate that it signed itself.
class TlsServer {
 public:
  explicit TlsServer(const TempFolder& folder) : certificate_(folder / "certificate.pem") {
    const Path key = folder / "key.pem";
    const std::vector<std::string> make = {"openssl",
                                           "req",
                                           "-x509",
                                           "-newkey",
                                           "ec",
                                           "-pkeyopt",
                                           "ec_paramgen_curve:prime256v1",
                                           "-nodes",
                                           "-keyout",
                                           key,
                                           "-out",
                                           certificate_,
                                           "-subj",
                                           "/CN=localhost",
                                           "-addext",
                                           "subjectAltName=IP:127.0.0.1"};
    auto made = must(ChildProcess::start({.words = make, .environment = {}, .log = folder / "req.log"}));
    EXPECT_EQ(made.wait(std::chrono::seconds(30)), 0);
    server_.emplace(must(ChildProcess::start(
        {.words = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate_, "-key", key, "-www"},
         .environment = {},
         .log = folder / "server.log"})));
    for (std::string line; !line.starts_with("ACCEPT 127.0.0.1:");) {
      line = must(server_->read_line(std::chrono::seconds(30)));
      if (line.starts_with("ACCEPT")) port_ = line.substr(line.rfind(':') + 1);
    }
  }
  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + port_ + "/"; }
  [[nodiscard]] const Path& certificate() const { return certificate_; }

 private:
  Path certificate_;
  std::optional<ChildProcess> server_;
  std::string port_;
};

}  // namespace tillite::testing
