#include "base/process_identity.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace tillite {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("unknown");
}

/// The start time in /proc/{pid}/stat (field 22), "zombie" for one that has ended. Nothing if it cannot be read.
std::optional<std::string> start_time(const std::string& pid) {
  const std::string line = first_line("/proc/" + pid + "/stat");
  const std::size_t name_end = line.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return "zombie";
  }
  return field;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, '/');) parts.push_back(part);
  return parts;
}

/// Processes are only seen within one pid namespace.
std::string machine() {
  std::array<char, 64> space{};
  const ssize_t size = ::readlink("/proc/self/ns/pid", space.data(), space.size() - 1);
  return fmt::format("{}/{}.{}", host_name(), first_line("/proc/sys/kernel/random/boot_id"),
                     size > 0 ? std::string(space.data(), static_cast<std::size_t>(size)) : "");
}

}  // namespace

std::string process_identity() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}/{}/{}", machine(), pid, start_time(pid).value_or("unknown"));
}

bool is_gone(std::string_view identity) {
  const auto parts = split(identity);
  if (parts.size() < 4 || parts[0] + "/" + parts[1] != machine() || parts[3] == "unknown") return false;
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), pid);
  if (error != std::errc() || end != parts[2].data() + parts[2].size() || pid <= 0) return false;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
  // The number is in use; by the same process, if it started at the same time. /proc may hide that: then nothing is
  // sure.
  const auto started = start_time(parts[2]);
  return started && *started != parts[3];
}

}  // namespace tillite
