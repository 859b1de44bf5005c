#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/json.h"
#include "ports/clock.h"

namespace tillite {

/// The counts of a run as they grow: one line that is rewritten on a terminal, plain lines at most once a second
/// elsewhere. Threads: any.
class Progress {
 public:
  enum class Form { terminal, lines, silent };
  Progress(Form form, Clock& clock) : form_(form), clock_(clock) {}
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// How many items are to be embedded, as it was planned when the run began: what the count of those that are is shown
  /// against.
  void expect(std::int64_t items);
  /// Takes note of a step's result.
  void step_ended(std::string_view function_name, const Result<Json>& result);
  /// Ends the line, so that other output can follow.
  void finish();

  /// Tokens that were sent to a model.
  struct Sent {
    std::uint64_t batched = 0;  ///< in batches
    std::uint64_t called = 0;   ///< by the synchronous call
    bool operator==(const Sent&) const = default;
  };
  struct Counts {
    std::int64_t expected = 0;
    std::int64_t found = 0;
    std::int64_t batched = 0;
    std::int64_t submitted = 0;
    std::int64_t embedded = 0;
    std::int64_t merged = 0;
    std::map<std::string, Sent> sent;  ///< by the model
    bool operator==(const Counts&) const = default;
    [[nodiscard]] std::uint64_t tokens_sent() const;
  };
  [[nodiscard]] Counts counts();
  /// The error of the first step that met what is everybody's: a full disk, a provider that refuses the credentials or
  /// cannot do what is asked. A state machine may go on past it, as it does past a batch that fails; trying again would
  /// not end before somebody has mended it.
  [[nodiscard]] std::optional<Error> common_error();

 private:
  void count(std::string_view function_name, const Json& result);
  void show(bool last);

  Form form_;
  Clock& clock_;
  std::mutex mutex_;
  Counts counts_;
  Counts shown_;
  std::int64_t shown_ms_ = 0;
  bool line_open_ = false;
  std::optional<Error> common_error_;
};

}  // namespace tillite
