#include "app/functions/hosted_functions.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "app/functions/function_catalog.h"
#include "steps/step.h"

namespace tillite {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr std::size_t kFunctionsMax = 1000;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::int64_t kMemoryMbStandard = 128;  // as in Lambda, and the next ones
constexpr std::int64_t kMemoryMbMin = 32;
constexpr std::int64_t kMemoryMbMax = 10'240;
constexpr std::int64_t kTimeoutSecondsStandard = 3;
constexpr std::int64_t kTimeoutSecondsMax = 900;
constexpr std::int64_t kStorageMbStandard = 512;
constexpr std::int64_t kStorageMbMax = 10'240;

Result<std::int64_t> number_field(const Json& function, std::string_view name, std::int64_t standard,
                                  std::int64_t least, std::int64_t most) {
  const std::int64_t value = TRY(optional_int(function, name)).value_or(standard);
  if (value >= least && value <= most) return value;
  return fail(Code::invalid_input, "'{}' must be from {} to {}, but is {}", name, least, most, value);
}

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// A program and its arguments.
bool is_command(const Json& list) {
  return !list.empty() && std::ranges::all_of(list, [](const Json& word) {
    return word.is_string() && !has_zero(word.get_ref<const std::string&>());
  }) && !list.front().get_ref<const std::string&>().empty();
}

Result<std::map<std::string, std::string>> parse_environment(const Json& environment) {
  std::map<std::string, std::string> variables;
  for (const auto& entry : environment.items()) {
    const std::string& name = entry.key();
    std::string value = TRY(string_field(environment, name));
    if (name.empty() || name.find('=') != std::string::npos || has_zero(name) || has_zero(value)) {
      return fail(Code::invalid_input, "'environment' has '{}', which is no environment variable", name.substr(0, 128));
    }
    variables[name] = std::move(value);
  }
  return variables;
}

/// A path is seen from the file's folder; a plain name is looked up in PATH.
std::string program_of(const std::string& word, const Path& folder) {
  return word.find('/') == std::string::npos ? word
                                             : std::filesystem::absolute(folder / word).lexically_normal().string();
}

Result<SandboxedFunction> parse_function(const Json& json, const Path& folder) {
  SandboxedFunction function;
  function.info.name = TRY(string_field(json, "name"));
  if (!is_function_name(function.info.name)) {
    return fail(Code::invalid_input, "'name' must be 1 to {} letters, digits, '-' and '_'", kNameBytesMax);
  }
  const Json command = TRY(array_field(json, "command"));
  if (!is_command(command)) return fail(Code::invalid_input, "'command' must be a list of texts, the program first");
  function.words = command.get<std::vector<std::string>>();
  function.words.front() = program_of(function.words.front(), folder);
  function.info.memory_mb = TRY(number_field(json, "memory_mb", kMemoryMbStandard, kMemoryMbMin, kMemoryMbMax));
  function.info.timeout_s = TRY(number_field(json, "timeout_s", kTimeoutSecondsStandard, 1, kTimeoutSecondsMax));
  function.info.storage_mb =
      TRY(number_field(json, "storage_mb", kStorageMbStandard, kStorageMbStandard, kStorageMbMax));
  if (find_field(json, "environment") != nullptr) {
    function.info.environment = TRY(parse_environment(TRY(object_field(json, "environment"))));
  }
  return function;
}

}  // namespace

Result<std::vector<SandboxedFunction>> functions_of_steps(const Path& bootstrap) {
  std::vector<SandboxedFunction> functions;
  for (FunctionInfo& info : TRY(function_catalog())) {
    info.environment["HANDLER_TYPE"] = TRY(step_of_function(info.name)).handler_type;
    functions.push_back({.info = std::move(info), .words = {bootstrap.string()}});
  }
  return functions;
}

Result<std::vector<SandboxedFunction>> parse_functions(std::string_view text, const Path& folder) {
  const Json list = TRY(array_field(TRY(parse_json(text, "the functions")), "functions"));
  if (list.size() > kFunctionsMax) return fail(Code::limit_exceeded, "more than {} functions", kFunctionsMax);
  std::vector<SandboxedFunction> functions;
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto function = parse_function(list[i], folder);
    if (!function) return pass_on(function, fmt::format("function {}", i + 1));
    if (!names.insert(function->info.name).second) {
      return fail(Code::invalid_input, "function {}: '{}' is there twice", i + 1, function->info.name);
    }
    functions.push_back(*std::move(function));
  }
  return functions;
}

Result<std::vector<SandboxedFunction>> functions_of_file(const Path& file) {
  auto functions = parse_functions(TRY(read_file(file, kFileBytesMax)), file.parent_path());
  if (!functions) return pass_on(functions, file.string());
  return functions;
}

Result<std::map<std::string, std::string>> parse_variables(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> variables;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return fail(Code::usage, "--env takes NAME=VALUE, not '{}'", text.substr(0, 128));
    }
    variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

}  // namespace tillite
