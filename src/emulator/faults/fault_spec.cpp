#include "emulator/faults/fault_spec.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>

#include "emulator/duration.h"

namespace tillite {
namespace {

template <typename Event>
struct Named {
  std::string_view name;
  Event event;
};

constexpr std::array kRequestFaults = {
    Named{"429", RequestFault::rate_limited},    Named{"quota", RequestFault::no_quota},
    Named{"5xx", RequestFault::server_error},    Named{"cut-before", RequestFault::cut_before},
    Named{"cut-after", RequestFault::cut_after}, Named{"slow", RequestFault::slow},
    Named{"cut-body", RequestFault::cut_body},
};
constexpr std::array kBatchFaults = {
    Named{"expire", BatchFault::expires},
    Named{"fail", BatchFault::fails},
    Named{"token-limit", BatchFault::hits_token_limit},
    Named{"cancel", BatchFault::is_cancelled},
    Named{"no-output", BatchFault::has_no_output},
    Named{"truncate", BatchFault::is_truncated},
};
constexpr std::array kLineFaults = {
    Named{"duplicate-id", LineFault::duplicate_id}, Named{"missing-id", LineFault::missing_id},
    Named{"foreign-id", LineFault::foreign_id},     Named{"wrong-dimensions", LineFault::wrong_dimensions},
    Named{"nan", LineFault::not_a_number},          Named{"line-400", LineFault::bad_request},
    Named{"line-500", LineFault::server_error},     Named{"line-error", LineFault::error_only},
    Named{"line-null", LineFault::nothing},
};
constexpr std::string_view kCut = "cut";  // one half before, one half after

template <typename Event, std::size_t size>
std::optional<Event> named(const std::array<Named<Event>, size>& events, std::string_view name) {
  const auto found = std::ranges::find(events, name, &Named<Event>::name);
  return found == events.end() ? std::nullopt : std::optional(found->event);
}

template <typename Event, std::size_t size>
void add_names(std::vector<std::string_view>& names, const std::array<Named<Event>, size>& events) {
  std::ranges::transform(events, std::back_inserter(names), &Named<Event>::name);
}

std::string all_names() {
  std::vector<std::string_view> names;
  add_names(names, kRequestFaults);
  names.push_back(kCut);
  add_names(names, kBatchFaults);
  add_names(names, kLineFaults);
  return fmt::format("{}, list-lag, retry-after, slow-for", fmt::join(names, ", "));
}

Result<double> parse_probability(std::string_view name, std::string_view text) {
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
    return fail(Code::invalid_input, "the fault '{}' needs a probability from 0 to 1, but has '{}'", name,
                text.substr(0, 40));
  }
  return value;
}

Result<void> set(FaultSpec& spec, std::string_view name, std::string_view value) {
  const std::array durations = {std::pair("list-lag", &spec.list_lag_ms),
                                std::pair("retry-after", &spec.retry_after_ms), std::pair("slow-for", &spec.slow_ms)};
  for (const auto& [duration, place] : durations) {
    if (name != duration) continue;
    *place = TRY(duration_ms_of(value));
    return {};
  }
  const double probability = TRY(parse_probability(name, value));
  if (name == kCut) {
    spec.requests.add(RequestFault::cut_before, probability / 2);
    spec.requests.add(RequestFault::cut_after, probability / 2);
  } else if (const auto of_request = named(kRequestFaults, name)) {
    spec.requests.add(*of_request, probability);
  } else if (const auto of_batch = named(kBatchFaults, name)) {
    spec.batches.add(*of_batch, probability);
  } else if (const auto of_line = named(kLineFaults, name)) {
    spec.lines.add(*of_line, probability);
  } else {
    return fail(Code::invalid_input, "there is no fault '{}': there are {}", name.substr(0, 40), all_names());
  }
  return {};
}

Result<void> check_sum(std::string_view of, double sum) {
  constexpr double kRounding = 1e-9;
  if (sum <= 1 + kRounding) return {};
  return fail(Code::invalid_input, "the probabilities of faults of {} sum up to {}; at most 1 is possible", of, sum);
}

}  // namespace

Result<FaultSpec> FaultSpec::parse(std::string_view text) {
  FaultSpec spec;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return fail(Code::invalid_input, "'{}' is no fault: write NAME=VALUE, as in 429=0.05", part.substr(0, 40));
    }
    TRY(set(spec, part.substr(0, equals), part.substr(equals + 1)));
  }
  TRY(check_sum("requests", spec.requests.sum()));
  TRY(check_sum("batches", spec.batches.sum()));
  TRY(check_sum("lines", spec.lines.sum()));
  return spec;
}

Result<Chances<LineFault>> FaultSpec::parse_lines(const Json& object) {
  Chances<LineFault> chances;
  if (!object.is_object()) return fail(Code::invalid_input, "faults of lines are an object {{\"nan\": 0.5, ...}}");
  for (const auto& [name, value] : object.items()) {
    const auto fault = named(kLineFaults, name);
    if (!fault) return fail(Code::invalid_input, "there is no fault of lines '{}'", name.substr(0, 40));
    const double probability = value.is_number() ? value.get<double>() : -1;
    if (!(probability >= 0 && probability <= 1)) {
      return fail(Code::invalid_input, "the fault '{}' needs a probability from 0 to 1", name);
    }
    chances.add(*fault, probability);
  }
  TRY(check_sum("lines", chances.sum()));
  return chances;
}

Result<RequestFault> request_fault_named(std::string_view name) {
  if (const auto fault = named(kRequestFaults, name)) return *fault;
  std::vector<std::string_view> names;
  add_names(names, kRequestFaults);
  return fail(Code::invalid_input, "there is no fault of requests '{}': there are {}", name.substr(0, 40),
              fmt::join(names, ", "));
}

std::string_view request_fault_name(RequestFault fault) {
  return std::ranges::find(kRequestFaults, fault, &Named<RequestFault>::event)->name;
}

}  // namespace tillite
