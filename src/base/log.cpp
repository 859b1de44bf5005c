#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "base/time.h"

namespace tillite {
namespace {

constexpr std::array kLevels = {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};

std::string as_text(std::string_view time, LogLevel level, std::string_view name, std::string_view message,
                    const Json& fields) {
  std::string line = fmt::format("{} {:<7} {}", time.substr(11, 12), log_level_name(level), message);
  for (const auto& [key, value] : fields.items()) {
    line += fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : to_text(value));
  }
  if (!name.empty()) line += fmt::format("  [{}]", name);
  return line;
}

std::string as_json(std::string_view time, LogLevel level, std::string_view name, std::string_view message,
                    const Json& fields) {
  Json line = fields;
  line["timestamp"] = time;
  line["level"] = log_level_name(level);
  line["logger"] = name;
  line["message"] = message;
  return to_text(line);
}

}  // namespace

struct Logger::Output {
  Sink sink;
  LogLevel least;
  Form form;
};

Result<LogLevel> parse_log_level(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const LogLevel level : kLevels) {
    if (log_level_name(level) == upper) return level;
  }
  return fail(Code::usage, "there is no log level '{}': use DEBUG, INFO, WARNING or ERROR", name);
}

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::warning:
      return "WARNING";
    case LogLevel::error:
      return "ERROR";
  }
  return "ERROR";
}

Logger Logger::to_stderr(LogLevel least, Form form) {
  auto target = std::make_shared<spdlog::logger>("tillite", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  target->set_pattern("%v");
  target->set_level(spdlog::level::trace);
  target->flush_on(spdlog::level::trace);
  return to([target](std::string_view line) { target->info("{}", line); }, least, form);
}

Logger Logger::to(Sink sink, LogLevel least, Form form) {
  return Logger(std::make_shared<const Output>(Output{std::move(sink), least, form}), "tillite", Json::object());
}

Logger Logger::none() { return Logger(nullptr, "", Json::object()); }

Logger Logger::named(std::string name) const { return Logger(output_, std::move(name), fields_); }

Logger Logger::with(const Json& fields) const {
  Json all = fields_;
  all.update(fields);
  return Logger(output_, name_, std::move(all));
}

void Logger::debug(std::string_view message, const Json& fields) const { write(LogLevel::debug, message, fields); }
void Logger::info(std::string_view message, const Json& fields) const { write(LogLevel::info, message, fields); }
void Logger::warning(std::string_view message, const Json& fields) const { write(LogLevel::warning, message, fields); }
void Logger::error(std::string_view message, const Json& fields) const { write(LogLevel::error, message, fields); }

void Logger::write(LogLevel level, std::string_view message, const Json& fields) const {
  if (!output_ || level < output_->least) return;
  Json all = fields_;
  all.update(fields);
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::string time = iso_time(now.count());
  output_->sink(output_->form == Form::json ? as_json(time, level, name_, message, all)
                                            : as_text(time, level, name_, message, all));
}

}  // namespace tillite
