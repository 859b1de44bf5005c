#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

#include "base/json.h"
#include "support/child_process.h"

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
           std::filesystem::exists(tools() / "chroma-client/node_modules/chromadb") &&
           (release == ChromaRelease::debian12 || std::filesystem::exists(newer_loader()));
  }
  [[nodiscard]] static std::string how_to_get() {
    return "no Chroma server in " + tools().string() + ": run scripts/setup test";
  }

  /// Serves `directory` on a free port of 127.0.0.1; ready when this returns.
  [[nodiscard]] static Result<ChromaServer> start(const Path& directory,
                                                  ChromaRelease release = ChromaRelease::debian12) {
    // Somebody else may take the port between its choice and its use.
    for (int tries = 1;; ++tries) {
      auto server = try_start(directory, release);
      if (server || tries == 3) return server;
    }
  }

  ChromaServer(ChromaServer&&) = default;
  ~ChromaServer() { stop(); }

  [[nodiscard]] int port() const { return port_; }

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
  void stop() { process_.stop(SIGINT, std::chrono::seconds(20)); }
  /// Ends the server as a power failure does.
  void kill() { process_.stop(SIGKILL, std::chrono::seconds(20)); }

 private:
  ChromaServer(int port, ScratchFolder folder, ChildProcess process, ChildProcess client)
      : port_(port), folder_(std::move(folder)), process_(std::move(process)), client_(std::move(client)) {}

  [[nodiscard]] static Result<ChromaServer> try_start(const Path& directory, ChromaRelease release) {
    const int port = TRY(free_port());
    auto folder = TRY(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-tests"));
    const Path log = folder.path() / "log";
    std::vector<std::string> words = {node().string(),
                                      server_program(release).string(),
                                      "run",
                                      "--path",
                                      directory.string(),
                                      "--host",
                                      "127.0.0.1",
                                      "--port",
                                      std::to_string(port)};
    if (release == ChromaRelease::newer) {
      const Path libraries = tools() / "newer-libc/usr/lib/x86_64-linux-gnu";
      words.front() = std::filesystem::canonical(node()).string();
      words.insert(words.begin(), {newer_loader().string(), "--library-path", libraries.string()});
    }
    auto process =
        TRY(ChildProcess::start({.words = std::move(words), .environment = {}, .log = log, .log_output = true}));
    auto client = TRY(ChildProcess::start(
        {.words = {node().string(), Path(TILLITE_SOURCE_DIR) / "tests/chroma/client.mjs", std::to_string(port)},
         .environment = {{"TILLITE_TOOLS", tools().string()}},
         .log = log}));
    ChromaServer server(port, std::move(folder), std::move(process), std::move(client));
    const auto ready = server.ask({{"op", "wait"}, {"seconds", 60}});
    if (ready && !server.process_.wait(std::chrono::milliseconds(0))) return server;
    return fail(Code::unavailable, "the Chroma server over {} did not start: {}", directory.string(),
                read_file(log).value_or("it wrote no log"));
  }

  [[nodiscard]] static Path tools() {
    const char* named = std::getenv("TILLITE_TOOLS");
    return std::filesystem::absolute(named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "build/tools");
  }
  [[nodiscard]] static Path node() { return tools() / "bin/node"; }
  [[nodiscard]] static Path server_program(ChromaRelease release) {
    const char* const folder = release == ChromaRelease::newer ? "chroma-newer-server" : "chroma-server";
    return tools() / folder / "node_modules/chromadb/dist/cli.mjs";
  }
  /// Starts a program with the newer C library.
  [[nodiscard]] static Path newer_loader() { return tools() / "newer-libc/usr/lib64/ld-linux-x86-64.so.2"; }

  [[nodiscard]] static Result<int> free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return std::unexpected(system_error(errno, "making a socket", {}));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(address);
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    const int error = errno;
    ::close(socket);
    if (!bound) return std::unexpected(system_error(error, "looking for a free port", {}));
    return ntohs(address.sin_port);
  }

  int port_;
  ScratchFolder folder_;
  ChildProcess process_;
  ChildProcess client_;
};

}  // namespace tillite::testing
