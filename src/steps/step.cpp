#include "steps/step.h"

#include "steps/queue_compaction.h"
#include "steps/simple_steps.h"

namespace tillite {

const std::vector<NamedStep>& all_steps() {
  static const std::vector<NamedStep> steps = [] {
    std::vector<NamedStep> all = simple_steps();
    all.push_back({"line_polling", "embedding-line-poll", &poll_batch, true});
    all.push_back({"word_polling", "embedding-word-poll", &poll_batch, true});
    all.push_back({"compaction", "embedding-vector-compact", &compaction});
    return all;
  }();
  return steps;
}

Result<NamedStep> step_of_function(std::string_view function_name) {
  std::string known;
  for (const NamedStep& named : all_steps()) {
    if (named.function_name == function_name) return named;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", named.function_name);
  }
  return fail(Code::not_found, "there is no function '{}'; there are {}", function_name.substr(0, 128), known);
}

Result<Json> compaction(const Json& event, const Ports& ports, const StepContext& context) {
  if (is_queue_event(event)) return compact_for_queue(event, ports, context);
  const std::string operation = TRY(string_field(event, "operation"));
  if (operation == "process_chunk") return process_chunk(event, ports, context);
  if (operation == "final_merge") return final_merge(event, ports, context);
  return fail(Code::invalid_input, "the operation '{}' is not known: use process_chunk or final_merge",
              operation.substr(0, 64));
}

}  // namespace tillite
