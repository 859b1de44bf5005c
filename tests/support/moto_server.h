#pragma once

#include <map>
#include <memory>
#include <string>

#include "support/foreign_server.h"
#include "support/must.h"

namespace tillite::testing {

/// moto: a stand-in for DynamoDB, S3, SQS, Step Functions and others, on this machine. Its tables, buckets and queues
/// are of all tests that use one server: names must be a test's own (unique_name()).
class MotoServer {
 public:
  /// Whether it is installed. `if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();`
  [[nodiscard]] static bool available() { return !program_in_path("moto_server").empty(); }
  [[nodiscard]] static std::string how_to_get() { return "no moto_server in PATH: pip install 'moto[server]'"; }

  /// One for all tests of this program, started by the first that asks and ended with the program.
  [[nodiscard]] static const MotoServer& shared() {
    static const MotoServer server = must(start());
    return server;
  }
  /// One of the test's own. `environment`: INITIAL_NO_AUTH_ACTION_COUNT has it check signatures after so many actions.
  [[nodiscard]] static Result<MotoServer> start(std::map<std::string, std::string> environment = {}) {
    return MotoServer(TRY(ForeignServer::start({.words =
                                                    [](const std::string& port) {
                                                      return std::vector<std::string>{
                                                          "python3", TILLITE_SOURCE_DIR "/tests/support/moto_server.py",
                                                          port};
                                                    },
                                                .environment = std::move(environment),
                                                .ready_target = "/moto-api/data.json"})));
  }

  [[nodiscard]] const std::string& origin() const { return server_.origin(); }

 private:
  explicit MotoServer(ForeignServer server) : server_(std::move(server)) {}
  ForeignServer server_;
};

/// dynalite: a DynamoDB that keeps its limits more strictly, without transactions.
class DynaliteServer {
 public:
  [[nodiscard]] static bool available() {
    return std::filesystem::exists(program()) && std::filesystem::exists(tools_folder() / "bin/node");
  }
  [[nodiscard]] static std::string how_to_get() {
    return "no dynalite in " + tools_folder().string() + ": run scripts/setup test";
  }
  [[nodiscard]] static const DynaliteServer& shared() {
    static const DynaliteServer server = must(start());
    return server;
  }
  [[nodiscard]] static Result<DynaliteServer> start() {
    return DynaliteServer(TRY(ForeignServer::start({.words = [](const std::string& port) {
      return std::vector<std::string>{(tools_folder() / "bin/node").string(),
                                      program().string(),
                                      "--host",
                                      "127.0.0.1",
                                      "--port",
                                      port,
                                      "--createTableMs",
                                      "0",
                                      "--deleteTableMs",
                                      "0"};
    }})));
  }

  [[nodiscard]] const std::string& origin() const { return server_.origin(); }

 private:
  explicit DynaliteServer(ForeignServer server) : server_(std::move(server)) {}
  [[nodiscard]] static Path program() { return tools_folder() / "dynalite/node_modules/dynalite/cli.js"; }
  ForeignServer server_;
};

}  // namespace tillite::testing
