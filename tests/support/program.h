#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace tillite::testing {

/// The program itself, as a user runs it: started with its arguments, its output in files of the test's folder.
class Program {
 public:
  Program(Path folder, Path home, std::map<std::string, std::string> environment = {})
      : folder_(std::move(folder)), home_(std::move(home)), environment_(std::move(environment)) {}

  struct Outcome {
    int status = -1;  ///< the exit status; 128 + the signal if one ended it
    std::string out;
    std::string err;
    std::int64_t cpu_ms = 0;      ///< of all its threads, in the program and in the system for it
    bool left_core = false;       ///< the system wrote down its memory
    std::int64_t peak_bytes = 0;  ///< resident; at least what the test itself held when it started the program
    [[nodiscard]] Json json() const { return Json::parse(out, nullptr, false); }
  };

  [[nodiscard]] pid_t start(std::vector<std::string> arguments, const std::string& name = "run") const {
    arguments.insert(arguments.begin(), {TILLITE_PROGRAM, "--home", home_.string()});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      redirect(folder_ / (name + ".out"), STDOUT_FILENO);
      redirect(folder_ / (name + ".err"), STDERR_FILENO);
      for (const auto& [variable, value] : environment_) ::setenv(variable.c_str(), value.c_str(), 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    return child;
  }

  [[nodiscard]] Outcome wait(pid_t child, const std::string& name = "run") const {
    int status = 0;
    rusage used{};
    ::wait4(child, &status, 0, &used);
    const auto ms = [](const timeval& time) { return time.tv_sec * std::int64_t{1000} + time.tv_usec / 1000; };
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = read_file(folder_ / (name + ".out")).value_or(""),
            .err = read_file(folder_ / (name + ".err")).value_or(""),
            .cpu_ms = ms(used.ru_utime) + ms(used.ru_stime),
            .left_core = WIFSIGNALED(status) && WCOREDUMP(status),
            .peak_bytes = used.ru_maxrss * 1024};
  }

  /// Runs it `times`, each killed after up to 700 ms, the same for the same seed; how often it was not at its end yet.
  int run_and_kill(const std::vector<std::string>& arguments, int times, std::uint32_t seed) const {
    std::mt19937 random(seed);
    int killed = 0;
    for (int i = 0; i < times; ++i) {
      const pid_t child = start(arguments);
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 700));
      ::kill(child, SIGKILL);
      killed += wait(child).status == 128 + SIGKILL ? 1 : 0;
    }
    return killed;
  }

  [[nodiscard]] Outcome run(std::vector<std::string> arguments) const {
    return wait(start(std::move(arguments), "command"), "command");
  }

 private:
  static void redirect(const Path& file, int descriptor) {
    const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(opened, descriptor);
  }

  Path folder_;
  Path home_;
  std::map<std::string, std::string> environment_;  ///< in addition to the test's own
};

}  // namespace tillite::testing
