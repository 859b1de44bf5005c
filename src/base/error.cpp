#include "base/error.h"

#include <array>

namespace tillite {
namespace {

struct CodeFacts {
  Code code;
  std::string_view name;
  int exit_status;
  bool retryable;
};

// Exit statuses 0 (done) and 3 (partly done) are no errors; 130 is what shells use for Ctrl-C.
constexpr std::array kCodes = {
    CodeFacts{Code::invalid_input, "Tillite.InvalidInput", 4, false},
    CodeFacts{Code::usage, "Tillite.Usage", 2, false},
    CodeFacts{Code::not_found, "Tillite.NotFound", 5, false},
    CodeFacts{Code::conflict, "Tillite.Conflict", 6, true},
    CodeFacts{Code::unavailable, "Tillite.Unavailable", 7, true},
    CodeFacts{Code::lock_held, "Tillite.LockHeld", 8, true},
    CodeFacts{Code::lost_lease, "Tillite.LostLease", 9, true},
    CodeFacts{Code::corrupt, "Tillite.Corrupt", 10, false},
    CodeFacts{Code::limit_exceeded, "Tillite.LimitExceeded", 11, false},
    CodeFacts{Code::no_space, "Tillite.NoSpace", 12, false},
    CodeFacts{Code::unsupported, "Tillite.Unsupported", 13, false},
    CodeFacts{Code::permission, "Tillite.Permission", 14, false},
    CodeFacts{Code::cancelled, "Tillite.Cancelled", 130, false},
    CodeFacts{Code::timed_out, "Tillite.TimedOut", 15, true},
    CodeFacts{Code::failed, "Tillite.Failed", 16, false},
    CodeFacts{Code::internal, "Tillite.Internal", 17, false},
};

const CodeFacts& facts(Code code) {
  for (const auto& entry : kCodes) {
    if (entry.code == code) return entry;
  }
  return kCodes.back();
}

}  // namespace

bool Error::retryable() const { return facts(code_).retryable; }

Error Error::in(std::string_view context) const {
  Error outer = *this;
  outer.message_ = std::string(context) + ": " + message_;
  return outer;
}

Error Error::named(std::string name) const {
  Error renamed = *this;
  renamed.name_ = std::move(name);
  return renamed;
}

std::string Error::name() const { return name_.empty() ? std::string(error_name(code_)) : name_; }

std::string_view error_name(Code code) { return facts(code).name; }

Code code_named(std::string_view name) {
  for (const auto& entry : kCodes) {
    if (entry.name == name) return entry.code;
  }
  return Code::failed;
}

int exit_status(Code code) { return facts(code).exit_status; }

}  // namespace tillite
