#include "expressions/jsonata.h"

#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/free_variables.h"
#include "expressions/jsonata/linker.h"
#include "expressions/jsonata/outer_reference.h"
#include "expressions/jsonata/parser.h"
#include "expressions/jsonata/result.h"
#include "expressions/jsonata/syntax.h"

namespace tillite {

Jsonata::Jsonata(std::shared_ptr<const jsonata::Program> program) : program_(std::move(program)) {}

Result<Jsonata> Jsonata::parse(std::string_view expression) {
  jsonata::Names names;
  auto program = std::make_shared<jsonata::Program>();
  program->root = TRY(jsonata::link(TRY(jsonata::parse_tree(expression, names)), names));
  program->names = names.take();
  return Jsonata(std::move(program));
}

Result<std::optional<Value>> Jsonata::evaluate(const std::optional<Value>& input, const Variables& variables,
                                               const Surroundings& surroundings) const {
  jsonata::Evaluator evaluator(*program_, variables, surroundings);
  const auto datum = evaluator.run(input);
  if (!datum) return std::unexpected(jsonata::name_token(datum.error(), "undefined"));
  return jsonata::result_of(*datum, surroundings.result_bytes_max);
}

std::vector<std::string> Jsonata::free_variables() const { return jsonata::free_variables(*program_); }

std::optional<std::string> Jsonata::outer_reference() const { return jsonata::outer_reference(*program_); }

}  // namespace tillite
