#include "base/process_identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
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

/// The start time in /proc/{pid}/stat (field 22); "zombie" counts as gone. Nothing if there is no such process.
std::optional<std::string> start_time(const std::string& pid) {
  const std::string line = first_line("/proc/" + pid + "/stat");
  const std::size_t name_end = line.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return std::nullopt;
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
  if (first_line("/proc/self/stat").empty()) return false;  // no /proc: nothing can be told
  return start_time(parts[2]) != parts[3];
}

}  // namespace tillite
