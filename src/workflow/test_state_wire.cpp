#include "workflow/test_state.h"

namespace tillite {
namespace {

constexpr std::size_t kDefinitionBytesMax = std::size_t{1} << 20;
constexpr std::size_t kTextBytesMax = 262'144;
constexpr std::size_t kNameMax = 80;
constexpr std::size_t kErrorMax = 256;
constexpr std::size_t kCauseMax = 32'768;
constexpr std::int64_t kCountMax = 2'147'483'647;

std::unexpected<Error> refused(std::string_view exception, std::string message) {
  return std::unexpected(Error(Code::invalid_input, std::move(message)).named(std::string(exception)));
}

/// An object of the request; one that is absent has no fields.
class Fields {
 public:
  Fields(const Value* object, std::string place) : object_(object), place_(std::move(place)) {}

  [[nodiscard]] const Value* find(std::string_view name) const {
    const Value* field = object_ == nullptr ? nullptr : object_->find(name);
    return field == nullptr || field->is_null() ? nullptr : field;
  }
  [[nodiscard]] std::string place_of(std::string_view name) const { return place_ + std::string(name); }

  [[nodiscard]] Result<Fields> object(std::string_view name) const {
    const Value* field = find(name);
    if (field != nullptr && !field->is_object()) return wrong(name, "must be an object");
    return Fields(field, place_of(name) + ".");
  }
  [[nodiscard]] Result<std::optional<std::string>> text(std::string_view name, std::size_t bytes_max) const {
    const Value* field = find(name);
    if (field == nullptr) return std::nullopt;
    if (!field->is_string()) return wrong(name, "must be a text");
    if (field->string().size() > bytes_max)
      return wrong(name, fmt::format("has {} bytes, at most {} are allowed", field->string().size(), bytes_max));
    return field->string();
  }
  [[nodiscard]] Result<std::optional<std::string>> name(std::string_view name) const {
    auto text = TRY(this->text(name, kNameMax));
    if (text && text->empty()) return wrong(name, "must not be empty");
    return text;
  }
  /// A text that is JSON, or the value itself.
  [[nodiscard]] Result<std::optional<Value>> json(std::string_view name, std::size_t bytes_max = kTextBytesMax,
                                                  std::string_view exception = "ValidationException") const {
    if (find(name) != nullptr && !find(name)->is_string()) return *find(name);
    const auto text = TRY(this->text(name, bytes_max));
    if (!text) return std::nullopt;
    auto value = parse_value(*text, place_of(name));
    if (!value) return refused(exception, value.error().message());
    return *std::move(value);
  }
  [[nodiscard]] Result<std::int64_t> count(std::string_view name) const {
    const Value* field = find(name);
    if (field == nullptr) return 0;
    if (!field->is_integer() || field->integer() < 0 || field->integer() > kCountMax)
      return wrong(name, fmt::format("must be a whole number from 0 to {}", kCountMax));
    return field->integer();
  }
  [[nodiscard]] Result<std::string> one_of(std::string_view name, const std::vector<std::string>& values) const {
    const auto text = TRY(this->text(name, kNameMax));
    if (!text) return values.front();
    for (const std::string& value : values) {
      if (*text == value) return value;
    }
    return wrong(name, fmt::format("must be one of {}", fmt::join(values, ", ")));
  }
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view name, std::string_view reason) const {
    return refused("ValidationException", fmt::format("{} {}", place_of(name), reason));
  }

 private:
  const Value* object_;
  std::string place_;
};

Result<std::optional<TestStateRequest::Mock>> mock_in(const Fields& request) {
  if (request.find("mock") == nullptr) return std::nullopt;
  const Fields fields = TRY(request.object("mock"));
  TestStateRequest::Mock mock{.result = TRY(fields.json("result"))};
  const Fields error = TRY(fields.object("errorOutput"));
  if (fields.find("errorOutput") != nullptr) {
    mock.error.emplace();
    mock.error->error = TRY(error.text("error", kErrorMax)).value_or("");
    mock.error->cause = TRY(error.text("cause", kCauseMax));
  }
  TRY(fields.one_of("fieldValidationMode", {"STRICT", "PRESENT", "NONE"}));
  return mock;
}

Result<TestStateRequest::Configuration> configuration_in(const Fields& request) {
  const Fields fields = TRY(request.object("stateConfiguration"));
  TestStateRequest::Configuration configuration;
  configuration.retries = TRY(fields.count("retrierRetryCount"));
  configuration.iterations_failed = TRY(fields.count("mapIterationFailureCount"));
  configuration.items_text = TRY(fields.text("mapItemReaderData", kTextBytesMax));
  configuration.error_state = TRY(fields.name("errorCausedByState"));
  return configuration;
}

}  // namespace

Result<TestStateRequest> test_state_request(const Value& wire) {
  using Level = TestStateRequest::InspectionLevel;
  if (!wire.is_object()) return refused("ValidationException", "a TestState request must be an object");
  const Fields fields(&wire, "");
  auto definition = TRY(fields.json("definition", kDefinitionBytesMax, "InvalidDefinition"));
  if (!definition) return fields.wrong("definition", "is missing");
  TestStateRequest request{.definition = *std::move(definition)};
  request.state_name = TRY(fields.name("stateName"));
  if (auto input = TRY(fields.json("input", kTextBytesMax, "InvalidExecutionInput"))) request.input = *std::move(input);
  const std::string level = TRY(fields.one_of("inspectionLevel", {"INFO", "DEBUG", "TRACE"}));
  request.level = level == "INFO" ? Level::info : level == "DEBUG" ? Level::debug : Level::trace;
  request.mock = TRY(mock_in(fields));
  request.context = TRY(fields.json("context"));
  if (request.context && !request.context->is_object()) return fields.wrong("context", "must hold a JSON object");
  if (const auto variables = TRY(fields.json("variables"))) {
    if (!variables->is_object()) return fields.wrong("variables", "must hold a JSON object");
    for (const auto& [name, value] : variables->object()) request.variables.emplace(name, value);
  }
  request.configuration = TRY(configuration_in(fields));
  request.reveals_secrets = fields.find("revealSecrets") != nullptr && *fields.find("revealSecrets") == Value(true);
  request.role_arn = TRY(fields.text("roleArn", kErrorMax)).value_or("");
  return request;
}

Value test_state_wire(const Value& answer) {
  Value::Object wire = answer.object();
  if (const Value* output = wire.find("output")) wire.set("output", to_text(*output));
  if (const Value* data = wire.find("inspectionData")) {
    Value::Object texts;
    for (const auto& [name, value] : data->object()) {
      const bool is_data = name != "errorDetails" && name != "maxConcurrency" && !name.starts_with("tolerated");
      texts.set(name, is_data ? Value(to_text(value)) : value);
    }
    wire.set("inspectionData", std::move(texts));
  }
  return Value(std::move(wire));
}

}  // namespace tillite
