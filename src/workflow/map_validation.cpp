// Parallel and Map states: the machines inside of them, and what a Distributed Map reads and writes.
#include <algorithm>

#include "workflow/expression_validation.h"
#include "workflow/machine_validation.h"

namespace tillite {
namespace {

constexpr std::size_t kLabelMax = 40;  // characters
constexpr std::int64_t kBatchBytesMax = 256 * 1024;

bool is_text(const Value& object, std::string_view field, std::string_view text) {
  const Value* value = object.find(field);
  return value != nullptr && *value == Value(text);
}

}  // namespace

void MachineValidator::check_branches(const State& state, const Value& value, const std::string& location) {
  if (!value.is_array()) return schema_.schema("Expected value of type [ARRAY]", location);
  if (value.array().empty()) return schema_.schema("Value cannot be empty", location);
  for (std::size_t i = 0; i < value.array().size(); ++i)
    check_machine(value.array()[i], Role::branch, state.machine_type, fmt::format("{}[{}]", location, i));
}

void MachineValidator::check_processor(const State& state, const Value& value, const std::string& location) {
  if (!check_object(value, location)) return;
  MachineType type = state.machine_type;
  if (const Value* config = value.find("ProcessorConfig")) {
    const std::string place = location + "/ProcessorConfig";
    if (check_object(*config, place)) {
      const bool distributed = is_text(*config, "Mode", "DISTRIBUTED");
      for (const auto& [name, field] : config->object()) {
        if (name == "Mode") {
          check_choice_of(field, {"INLINE", "DISTRIBUTED"}, place + "/Mode");
        } else if (name == "ExecutionType" && distributed) {
          check_choice_of(field, {"STANDARD", "EXPRESS"}, place + "/ExecutionType");
        } else {
          refuse_field(name, place);
        }
      }
      if (distributed) {
        check_required(*config, {"ExecutionType"}, place);
        if (state.machine_type == MachineType::express) {
          schema_.schema("The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
                         place + "/Mode");
        }
        type = is_text(*config, "ExecutionType", "EXPRESS") ? MachineType::express : MachineType::standard;
      }
    }
  }
  check_machine(value, Role::processor, type, location);
}

/// Resource and Parameters or Arguments of a reader or writer.
void MachineValidator::check_data_source(const State& state, const Value& value, std::string_view resources,
                                         const std::string& location) {
  check_required(value, {"Resource"}, location);
  for (const auto& [name, field] : value.object()) {
    const std::string here = below(location, name);
    if (name == "Resource") {
      if (!check_text(field, here, schema_)) continue;
      const std::string_view text = field.string();
      constexpr std::string_view kFront = ":states:::s3:";
      const std::size_t place = text.find(kFront);
      const bool known =
          text.starts_with("arn:aws") && place != std::string_view::npos &&
          fmt::format(" {} ", resources).contains(fmt::format(" {} ", text.substr(place + kFront.size())));
      if (!known) schema_.schema("The field 'Resource' does not match any of the allowed values", here);
    } else if (name == "Parameters" || name == "Arguments") {
      const bool of_jsonata = name == "Arguments";
      if (of_jsonata != state.jsonata) {
        schema_.schema(fmt::format("The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' "
                                   "QueryLanguage",
                                   state.jsonata ? "JSONata" : "JSONPath", name, of_jsonata ? "JSONata" : "JSONPath"),
                       location);
      } else if (state.jsonata) {
        check_jsonata(field, here, schema_);
      } else {
        check_template(field, here, schema_);
      }
    }
  }
}

void MachineValidator::check_item_reader(const State& state, const Value& value, const std::string& location) {
  if (!check_object(value, location)) return;
  check_data_source(state, value, "getObject listObjectsV2", location);
  for (const auto& [name, field] : value.object()) {
    if (name != "Resource" && name != "Parameters" && name != "Arguments" && name != "ReaderConfig")
      refuse_field(name, location);
  }
  const Value* config = value.find("ReaderConfig");
  const std::string place = location + "/ReaderConfig";
  if (config == nullptr || !check_object(*config, place)) return;
  const bool csv = is_text(*config, "InputType", "CSV") || is_text(*config, "InputType", "MANIFEST");
  for (const auto& [name, field] : config->object()) {
    const std::string here = below(place, name);
    if (name == "InputType") {
      check_choice_of(field, {"CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"}, here);
    } else if (name == "CSVHeaderLocation" && csv) {
      check_choice_of(field, {"FIRST_ROW", "GIVEN"}, here);
    } else if (name == "CSVHeaders" && csv) {
      if (!field.is_array() || !std::ranges::all_of(field.array(), &Value::is_string))
        schema_.schema("Expected value of type [ARRAY]", here);
    } else if (name == "CSVDelimiter" && csv) {
      check_choice_of(field, {"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"}, here);
    } else if (name == "MaxItems") {
      if (state.jsonata && is_jsonata(field)) {
        check_jsonata(field, here, schema_);
      } else if (!field.is_integer()) {
        schema_.schema("Expected value of type Integer", here);
      }
    } else if (name == "MaxItemsPath" && !state.jsonata) {
      check_reference_path(field, false, here, schema_);
    } else if (name == "Transformation") {
      check_choice_of(field, {"NONE", "LOAD_AND_FLATTEN"}, here);
    } else if (name == "ManifestType") {
      check_choice_of(field, {"S3_INVENTORY", "ATHENA_DATA"}, here);
    } else if (name == "ItemsPointer") {
      check_text(field, here, schema_);
    } else {
      refuse_field(name, place);
    }
  }
  if (is_text(*config, "InputType", "CSV") && config->find("CSVHeaderLocation") == nullptr)
    schema_.schema("The field 'CSVHeaderLocation' is required", place);
  if (is_text(*config, "CSVHeaderLocation", "GIVEN")) check_required(*config, {"CSVHeaders"}, place);
  check_one_of(*config, {"MaxItems", "MaxItemsPath"}, false, place);
}

void MachineValidator::check_item_batcher(const State& state, const Value& value, const std::string& location) {
  if (!check_object(value, location)) return;
  for (const auto& [name, field] : value.object()) {
    const std::string here = below(location, name);
    const bool bytes = name.starts_with("MaxInputBytesPerBatch");
    if (name == "MaxItemsPerBatch" || name == "MaxInputBytesPerBatch") {
      if (state.jsonata && is_jsonata(field)) {
        check_jsonata(field, here, schema_);
      } else if (!field.is_integer()) {
        schema_.schema("Expected value of type Integer", here);
      } else if (field.integer() < 1) {
        schema_.schema("Minimum value is 1", here);
      } else if (bytes && field.integer() > kBatchBytesMax) {
        schema_.schema(fmt::format("Maximum value is {}", kBatchBytesMax), here);
      }
    } else if ((name == "MaxItemsPerBatchPath" || name == "MaxInputBytesPerBatchPath") && !state.jsonata) {
      check_reference_path(field, false, here, schema_);
    } else if (name == "BatchInput") {
      if (state.jsonata) {
        check_jsonata(field, here, schema_);
      } else {
        check_template(field, here, schema_);
      }
    } else {
      refuse_field(name, location);
    }
  }
  check_one_of(value, {"MaxItemsPerBatch", "MaxItemsPerBatchPath"}, false, location);
  check_one_of(value, {"MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"}, false, location);
}

void MachineValidator::check_result_writer(const State& state, const Value& value, const std::string& location) {
  if (!check_object(value, location)) return;
  // A writer that only formats what is returned needs no resource.
  if (value.find("Resource") != nullptr || value.find("WriterConfig") == nullptr)
    check_data_source(state, value, "putObject", location);
  for (const auto& [name, field] : value.object()) {
    if (name == "WriterConfig") {
      const std::string place = location + "/WriterConfig";
      if (!check_object(field, place)) continue;
      for (const auto& [option, chosen] : field.object()) {
        if (option == "OutputType") {
          check_choice_of(chosen, {"JSON", "JSONL"}, place + "/OutputType");
        } else if (option == "Transformation") {
          check_choice_of(chosen, {"NONE", "COMPACT", "FLATTEN"}, place + "/Transformation");
        } else {
          refuse_field(option, place);
        }
      }
    } else if (name != "Resource" && name != "Parameters" && name != "Arguments") {
      refuse_field(name, location);
    }
  }
}

void MachineValidator::check_label(const Value& value, const std::string& location) {
  if (!check_text(value, location, schema_)) return;
  constexpr std::string_view kForbidden = " \t\r\n?*<>{}[]:;,\\|^~$#%&`\"";
  const std::string& text = value.string();
  if (text.empty() || text.size() > kLabelMax)
    schema_.schema(fmt::format("A label has 1 to {} characters", kLabelMax), location);
  if (text.find_first_of(kForbidden) != std::string::npos)
    schema_.schema("A label has no blanks, wildcards, brackets or special characters", location);
}

}  // namespace tillite
