#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tillite {

enum class LogLevel { debug, info, warning, error };

[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view name);  ///< DEBUG, INFO, WARNING, ERROR in any case
[[nodiscard]] std::string_view log_level_name(LogLevel level);

/// Writes one JSON object a line: timestamp, level, logger, message and the fields given
/// (request_id, execution, batch_id, collection, duration_ms, error). A value: copies share the sink.
/// Threads: any. Never fails: a log that cannot be written is dropped.
class Logger {
 public:
  enum class Form { json, text };

  /// Where finished lines go (without their line end).
  using Sink = std::function<void(std::string_view line)>;

  /// To standard error, through spdlog.
  [[nodiscard]] static Logger to_stderr(LogLevel least, Form form);
  /// To a function: tests, and hosts with a log of their own.
  [[nodiscard]] static Logger to(Sink sink, LogLevel least, Form form = Form::json);
  /// Drops everything.
  [[nodiscard]] static Logger none();

  /// The same log under another logger's name ("steps.final_merge").
  [[nodiscard]] Logger named(std::string name) const;
  /// The same log with fields that every line carries from here on.
  [[nodiscard]] Logger with(const Json& fields) const;

  void debug(std::string_view message, const Json& fields = Json::object()) const;
  void info(std::string_view message, const Json& fields = Json::object()) const;
  void warning(std::string_view message, const Json& fields = Json::object()) const;
  void error(std::string_view message, const Json& fields = Json::object()) const;

 private:
  struct Output;
  Logger(std::shared_ptr<const Output> output, std::string name, Json fields)
      : output_(std::move(output)), name_(std::move(name)), fields_(std::move(fields)) {}
  void write(LogLevel level, std::string_view message, const Json& fields) const;

  std::shared_ptr<const Output> output_;
  std::string name_;
  Json fields_;
};

}  // namespace tillite
