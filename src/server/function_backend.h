#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A function as Lambda describes it.
struct FunctionInfo {
  std::string name;           ///< "embedding-line-find"
  bool is_container = false;  ///< an image, else a zip file
  std::int64_t memory_mb = 0;
  std::int64_t timeout_s = 0;
  std::int64_t storage_mb = 0;
  std::map<std::string, std::string> environment;
};

struct FunctionCall {
  std::string function_name;  ///< of one of functions()
  Json event;
  std::string request_id;  ///< of this call, in its log
  bool may_wait = false;   ///< nobody waits for the answer: it need not be refused when too much runs
};

struct EndedFunction {
  Result<Json> result;  ///< an error's name() is its errorType; `cancelled`: it was stopped, and may be called again
  std::string log;      ///< the lines that the call logged
  bool is_throttled = false;  ///< it was not called: too much runs already
};

/// What Lambda's operations stand on. Threads: any, several calls at once.
class FunctionBackend {
 public:
  virtual ~FunctionBackend() = default;
  /// By name; the same as long as the backend lives.
  [[nodiscard]] virtual const std::vector<FunctionInfo>& functions() const = 0;
  /// Returns when the function has ended.
  [[nodiscard]] virtual EndedFunction invoke(FunctionCall call) = 0;
};

}  // namespace tillite
