#include "emulator/batches/input_check.h"

#include <unordered_set>

#include "base/hash.h"
#include "emulator/embeddings/token_count.h"

namespace tillite {
namespace {

constexpr std::size_t kProblemsMax = 100;

BatchProblem missing(std::string_view name) {
  return {.code = "missing_required_parameter",
          .message = fmt::format("Missing required parameter: '{}'.", name),
          .param = std::string(name)};
}

BatchProblem wrong(std::string_view code, std::string message, std::string_view param) {
  return {.code = std::string(code), .message = std::move(message), .param = std::string(param)};
}

/// A required field of a line that is a text.
std::expected<std::string, BatchProblem> text_of(const Json& line, std::string_view name) {
  const Json* const field = find_field(line, name);
  if (field == nullptr) return std::unexpected(missing(name));
  if (!field->is_string()) {
    return std::unexpected(wrong("invalid_type", fmt::format("Invalid type for '{}': expected a string.", name), name));
  }
  return field->get<std::string>();
}

struct HashOfSum {
  std::size_t operator()(const Sum128& sum) const { return static_cast<std::size_t>(sum.low); }
};

/// The look at a batch's lines, one after the other.
class InputCheck {
 public:
  InputCheck(std::string_view endpoint, const ModelCatalog& models) : endpoint_(endpoint), models_(models) {}

  void take(std::string_view text, std::uint64_t number) {
    auto request = parse_input_request(text, endpoint_);
    if (!request) return add(std::move(request).error(), number);
    Sha256 hash;
    hash.update(request->custom_id);
    if (!custom_ids_.insert(Sum128::from_digest(hash.digest())).second) {
      return add(wrong("duplicate_custom_id",
                       fmt::format("The custom_id '{}' for this request is a duplicate of another request. The "
                                   "custom_id parameter must be unique for each request in a batch.",
                                   request->custom_id.substr(0, 200)),
                       "custom_id"),
                 number);
    }
    if (auto problem = problem_with_model(request->body)) return add(*std::move(problem), number);
    ++facts_.requests;
    inputs_ += count_inputs(request->body);
    if (const Json* const input = find_field(request->body, "input")) facts_.tokens += count_input_tokens(*input);
  }

  void add(BatchProblem problem, std::optional<std::uint64_t> line = std::nullopt) {
    if (facts_.problems.size() >= kProblemsMax) return;
    problem.line = line;
    facts_.problems.push_back(std::move(problem));
  }

  InputFacts finish() {
    if (facts_.problems.empty() && inputs_ > kBatchInputsMax) {
      add(wrong("too_many_inputs",
                fmt::format("The batch has {} embedding inputs across all of its requests; at most {} are allowed.",
                            inputs_, kBatchInputsMax),
                "input"));
    }
    return std::move(facts_);
  }

 private:
  std::optional<BatchProblem> problem_with_model(const Json& body) {
    const Json* const model = find_field(body, "model");
    if (model == nullptr || !model->is_string()) return missing("body.model");
    const auto& name = model->get_ref<const std::string&>();
    if (models_.find(name) == nullptr) {
      return wrong("model_not_found",
                   fmt::format("The provided model '{}' is not supported by the Batch API.", name.substr(0, 100)),
                   "body.model");
    }
    if (facts_.model.empty()) facts_.model = name;
    if (facts_.model == name) return std::nullopt;
    return wrong("mismatched_model",
                 fmt::format("The provided model '{}' does not match the model '{}' of the batch's other requests. "
                             "Each batch must use one model.",
                             name, facts_.model),
                 "body.model");
  }

  std::string_view endpoint_;
  const ModelCatalog& models_;
  std::unordered_set<Sum128, HashOfSum> custom_ids_;
  std::uint64_t inputs_ = 0;
  InputFacts facts_;
};

}  // namespace

std::expected<InputRequest, BatchProblem> parse_input_request(std::string_view line, std::string_view endpoint) {
  const BatchProblem unreadable = {.code = "invalid_json_line", .message = "This line is not parseable as valid JSON."};
  if (line.size() > InputLines::kLineBytesMax) return std::unexpected(unreadable);
  auto json = parse_json(line, "the line");
  if (!json || !json->is_object()) return std::unexpected(unreadable);
  auto custom_id = text_of(*json, "custom_id");
  if (!custom_id) return std::unexpected(std::move(custom_id).error());
  if (custom_id->empty()) return std::unexpected(missing("custom_id"));
  const auto method = text_of(*json, "method");
  if (!method) return std::unexpected(method.error());
  if (*method != "POST") {
    return std::unexpected(
        wrong("invalid_method",
              fmt::format("Invalid value: '{}'. Supported values are: 'POST'.", method->substr(0, 40)), "method"));
  }
  const auto url = text_of(*json, "url");
  if (!url) return std::unexpected(url.error());
  if (*url != endpoint) {
    return std::unexpected(
        wrong("invalid_url", "The URL provided for this request does not match the batch endpoint.", "url"));
  }
  const auto body = json->find("body");
  if (body == json->end() || body->is_null()) return std::unexpected(missing("body"));
  if (!body->is_object()) {
    return std::unexpected(wrong("invalid_type", "Invalid type for 'body': expected an object.", "body"));
  }
  return InputRequest{.custom_id = *std::move(custom_id), .body = std::move(*body)};
}

Result<InputFacts> check_input(InputLines& lines, std::uint64_t file_bytes, std::string_view endpoint,
                               const ModelCatalog& models) {
  InputCheck check(endpoint, models);
  if (lines.places().empty()) {
    check.add(wrong("empty_file",
                    "The input file is empty. Please ensure that your batch contains at least one request.",
                    "input_file_id"));
    return check.finish();
  }
  if (!lines.is_complete()) {
    check.add(
        wrong("too_many_tasks",
              fmt::format("The batch input file contains more than the maximum of {} requests.", kBatchRequestsMax),
              "input_file_id"));
    return check.finish();
  }
  for (const LinePlace& place : lines.places()) check.take(TRY(lines.read(place)), place.number);
  InputFacts facts = check.finish();
  if (file_bytes > kBatchBytesMax) {
    facts.problems = {wrong("file_too_large",
                            fmt::format("The batch input file is larger than the {} maximum for the {} model. Please "
                                        "try again with a smaller batch.",
                                        kBatchBytesMax, facts.model),
                            "input_file_id")};
  }
  return facts;
}

}  // namespace tillite
