#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/foreign_server.h"

namespace tillite::testing {

/// Which server: the newest that runs on Debian 12 as it is, or a newer one, which needs Debian 13's C library beside
/// it.
enum class ChromaRelease { debian12, newer };

/// A real Chroma server over a directory, and Chroma's official client to ask it (tests/chroma/client.mjs).
/// Both are installed by scripts/setup test, into build/tools or the folder that TILLITE_TOOLS names.
class ChromaServer {
 public:
  /// Whether server and client are installed. A test that needs them says so when it is skipped:
  /// `if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();`
  [[nodiscard]] static bool available(ChromaRelease release = ChromaRelease::debian12) {
    return std::filesystem::exists(node()) && std::filesystem::exists(server_program(release)) &&
           std::filesystem::exists(tools_folder() / "chroma-client/node_modules/chromadb") &&
           (release == ChromaRelease::debian12 || std::filesystem::exists(newer_loader()));
  }
  [[nodiscard]] static std::string how_to_get() {
    return "no Chroma server in " + tools_folder().string() + ": run scripts/setup test";
  }

  /// Serves `directory` on a free port of 127.0.0.1; ready when this returns.
  [[nodiscard]] static Result<ChromaServer> start(const Path& directory,
                                                  ChromaRelease release = ChromaRelease::debian12) {
    const auto words = [&](const std::string& port) { return server_words(directory, release, port); };
    auto server = ForeignServer::start({.words = words, .ready_target = "/api/v2/heartbeat"});
    if (!server) return std::unexpected(server.error().in("Chroma over " + directory.string()));
    auto client =
        TRY(ChildProcess::start({.words = {node().string(), Path(TILLITE_SOURCE_DIR) / "tests/chroma/client.mjs",
                                           std::to_string(server->port())},
                                 .environment = {{"TILLITE_TOOLS", tools_folder().string()}},
                                 .log = server->log()}));
    ChromaServer chroma(*std::move(server), std::move(client));
    TRY(chroma.ask({{"op", "wait"}, {"seconds", 60}}));
    return chroma;
  }

  ChromaServer(ChromaServer&&) = default;
  ~ChromaServer() { stop(); }

  [[nodiscard]] int port() const { return server_.port(); }

  /// The answer to one command of the client: {"op": "count", "collection": "receipt_lines"}. Operations: list, create
  /// (space), describe, count, get, query, add, upsert, update, delete; their arguments are those of Chroma's client
  /// (ids, embeddings, documents, metadatas, where, whereDocument, queryEmbeddings, nResults, limit, include).
  [[nodiscard]] Result<Json> ask(const Json& command) {
    TRY(client_.write_line(to_text(command)));
    const Json answer = TRY(parse_json(TRY(client_.read_line(std::chrono::minutes(5))), "the client's answer"));
    if (const Json* error = find_field(answer, "error")) {
      return fail(Code::failed, "Chroma answered {} with {}", to_text(command).substr(0, 200), to_text(*error));
    }
    return answer.at("value");
  }

  /// Ends the server as Ctrl-C does, after which the directory is whole. Repeating it does nothing.
  void stop() { server_.stop(SIGINT); }
  /// Ends the server as a power failure does.
  void kill() { server_.stop(SIGKILL); }

 private:
  ChromaServer(ForeignServer server, ChildProcess client) : server_(std::move(server)), client_(std::move(client)) {}

  [[nodiscard]] static std::vector<std::string> server_words(const Path& directory, ChromaRelease release,
                                                             const std::string& port) {
    std::vector<std::string> words = {node().string(),
                                      server_program(release).string(),
                                      "run",
                                      "--path",
                                      directory.string(),
                                      "--host",
                                      "127.0.0.1",
                                      "--port",
                                      port};
    if (release == ChromaRelease::newer) {
      const Path libraries = tools_folder() / "newer-libc/usr/lib/x86_64-linux-gnu";
      words.front() = std::filesystem::canonical(node()).string();
      words.insert(words.begin(), {newer_loader().string(), "--library-path", libraries.string()});
    }
    return words;
  }

  [[nodiscard]] static Path node() { return tools_folder() / "bin/node"; }
  [[nodiscard]] static Path server_program(ChromaRelease release) {
    const char* const folder = release == ChromaRelease::newer ? "chroma-newer-server" : "chroma-server";
    return tools_folder() / folder / "node_modules/chromadb/dist/cli.mjs";
  }
  /// Starts a program with the newer C library.
  [[nodiscard]] static Path newer_loader() { return tools_folder() / "newer-libc/usr/lib64/ld-linux-x86-64.so.2"; }

  ForeignServer server_;
  ChildProcess client_;
};

}  // namespace tillite::testing
