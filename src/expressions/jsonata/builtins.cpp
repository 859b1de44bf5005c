#include "expressions/jsonata/builtins.h"

#include <unordered_map>

#include "base/check.h"

namespace tillite::jsonata {
namespace {

using Table = std::unordered_map<std::string_view, Builtin>;

Table make_table() {
  std::vector<Builtin> all;
  add_string_functions(all);
  add_encoding_functions(all);
  add_number_functions(all);
  add_array_functions(all);
  add_object_functions(all);
  add_date_functions(all);
  add_step_functions(all);
  Table table;
  for (Builtin& one : all) table.emplace(one.name, std::move(one));
  // Functions point to their rows, which stay where they are from here on.
  for (auto& [name, row] : table) row.function = std::make_shared<const Function>(Function{&row});
  return table;
}

}  // namespace

const Builtin* find_builtin(std::string_view name) {
  static const Table table = make_table();
  const auto row = table.find(name);
  return row == table.end() ? nullptr : &row->second;
}

Builtin builtin(std::string_view name, std::string_view signature, std::size_t arity,
                Result<Datum> (*call)(Evaluator&, const Builtin::Arguments&)) {
  Result<Signature> parsed = Signature::parse(signature);
  check(parsed.has_value(), "the signature of a built-in function is right");
  return {name, *std::move(parsed), arity, call, nullptr};
}

const Datum& argument(const Builtin::Arguments& arguments, std::size_t index) {
  static const Datum undefined;
  return index < arguments.size() ? arguments[index] : undefined;
}

}  // namespace tillite::jsonata
