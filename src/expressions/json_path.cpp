#include "expressions/json_path.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "expressions/json_path_evaluation.h"

namespace tillite {
namespace json_path {
namespace {

std::string joined(const std::vector<std::int64_t>& numbers) { return fmt::format("[{}]", fmt::join(numbers, ",")); }

struct Text {
  std::string operator()(const Fields& fields) const { return fmt::format("['{}']", fmt::join(fields.names, "','")); }
  std::string operator()(const Indexes& indexes) const { return joined(indexes.numbers); }
  std::string operator()(const Slice& slice) const {
    return fmt::format("[{}:{}]", slice.from ? std::to_string(*slice.from) : "",
                       slice.to ? std::to_string(*slice.to) : "");
  }
  std::string operator()(const Wildcard& /*step*/) const { return "[*]"; }
  std::string operator()(const Descend& /*step*/) const { return ".."; }
  std::string operator()(const Filter& /*step*/) const { return "[?]"; }
  std::string operator()(const Function& function) const { return fmt::format(".{}()", name_of(function.kind)); }
};

}  // namespace

std::string_view name_of(Function::Kind kind) {
  switch (kind) {
    case Function::Kind::length:
      return "length";
    case Function::Kind::size:
      return "size";
    case Function::Kind::keys:
      return "keys";
    case Function::Kind::minimum:
      return "min";
    case Function::Kind::maximum:
      return "max";
    case Function::Kind::average:
      return "avg";
    case Function::Kind::deviation:
      return "stddev";
    case Function::Kind::sum:
      return "sum";
    case Function::Kind::concat:
      return "concat";
    case Function::Kind::append:
      return "append";
    case Function::Kind::first:
      return "first";
    case Function::Kind::last:
      return "last";
  }
  return "";
}

bool is_definite(const Step& step, bool last) {
  if (const auto* fields = std::get_if<Fields>(&step)) return fields->names.size() == 1 || last;
  if (const auto* indexes = std::get_if<Indexes>(&step)) return indexes->numbers.size() == 1;
  return std::holds_alternative<Function>(step);
}

std::string text_of(const Step& step) { return std::visit(Text(), step); }

std::string text_of(const std::vector<Step>& steps, std::size_t count) {
  std::string text = "$";
  for (std::size_t i = 0; i < count; ++i) text += text_of(steps[i]);
  return text;
}

}  // namespace json_path

namespace {

using json_path::Fields;
using json_path::Indexes;
using json_path::Step;

bool may_be_in_reference(const Step& step) {
  if (const auto* fields = std::get_if<Fields>(&step)) return fields->names.size() == 1;
  const auto* indexes = std::get_if<Indexes>(&step);
  return indexes != nullptr && indexes->numbers.size() == 1 && indexes->numbers.front() >= 0;
}

std::unexpected<Error> cannot_apply(const Step& step, const Value& value) {
  const auto* fields = std::get_if<Fields>(&step);
  return std::unexpected(
      Error(Code::invalid_input,
            fmt::format("Unable to apply step \"{}\" to input {}",
                        fields != nullptr ? fields->names.front() : json_path::text_of(step), to_text(value)))
          .named("States.ReferencePathConflict"));
}

Result<Value> put_below(const std::vector<Step>& steps, std::size_t place, const Value& root, Value value) {
  if (place == steps.size()) return value;
  const Step& step = steps[place];
  if (const auto* fields = std::get_if<Fields>(&step)) {
    if (!root.is_object()) return cannot_apply(step, root);
    const std::string& name = fields->names.front();
    const Value* field = root.find(name);
    Value::Object object = root.object();
    object.set(name,
               TRY(put_below(steps, place + 1, field != nullptr ? *field : Value(Value::Object()), std::move(value))));
    return Value(std::move(object));
  }
  const auto index = static_cast<std::size_t>(std::get<Indexes>(step).numbers.front());
  if (!root.is_array() || index > root.array().size()) return cannot_apply(step, root);
  Value::Array items = root.array();
  if (index == items.size()) items.emplace_back(Value::Object());
  items[index] = TRY(put_below(steps, place + 1, items[index], std::move(value)));
  return Value(std::move(items));
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  if (!text.starts_with('$') || !is_utf8(text))
    return fail(Code::invalid_input, "byte 0: a path is UTF-8 and begins with '$'");
  auto program = std::make_shared<Program>();
  program->text = text;
  program->steps = TRY(json_path::parse_steps(text.substr(1), 1));
  const auto& steps = program->steps;
  for (std::size_t i = 0; i < steps.size(); ++i)
    program->is_definite = program->is_definite && json_path::is_definite(steps[i], i + 1 == steps.size());
  program->is_reference = std::ranges::all_of(steps, may_be_in_reference);
  return JsonPath(std::move(program));
}

bool JsonPath::is_reference() const { return program_->is_reference; }
bool JsonPath::is_definite() const { return program_->is_definite; }
bool JsonPath::is_root() const { return program_->steps.empty(); }
const std::string& JsonPath::text() const { return program_->text; }

Result<std::optional<Value>> JsonPath::find(const Value& root) const {
  // Fields alone are what most paths are made of.
  const Value* value = &root;
  std::size_t place = 0;
  for (; place < program_->steps.size(); ++place) {
    const auto* fields = std::get_if<Fields>(&program_->steps[place]);
    const Value* field = fields != nullptr && fields->names.size() == 1 ? value->find(fields->names.front()) : nullptr;
    if (field == nullptr) break;
    value = field;
  }
  if (place == program_->steps.size()) return *value;

  json_path::Selection selection = TRY(json_path::Evaluation(root).select(program_->steps, root));
  if (!selection.is_definite) return Value(std::move(selection.found));
  if (selection.is_absent) return std::nullopt;
  return std::move(selection.found.front());
}

Result<Value> JsonPath::select(const Value& root) const {
  std::optional<Value> value = TRY(find(root));
  return value ? *std::move(value) : Value();
}

Result<Value> JsonPath::put(const Value& root, Value value) const {
  check(program_->is_reference, "values are put where reference paths lead");
  return put_below(program_->steps, 0, root, std::move(value));
}

}  // namespace tillite
