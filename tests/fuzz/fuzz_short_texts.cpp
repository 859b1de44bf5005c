#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands/budget.h"
#include "app/functions/hosted_functions.h"
#include "app/tasks/task_result.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "base/number_text.h"
#include "base/percent_coding.h"
#include "base/time.h"
#include "embedding/dollars.h"
#include "embedding/input_format.h"
#include "emulator/embeddings/models.h"
#include "receipts/receipt.h"

namespace tillite {
namespace {

void use_numbers(std::string_view text) {
  if (const auto number = parse_whole_number(text); number && *number >= 0) {
    check(parse_natural_number(text) == static_cast<std::uint64_t>(*number), "a number is one number");
  }
  static_cast<void>(parse_bytes(text));
  if (const auto dollars = parse_dollars(text)) check(!dollars_text(*dollars).empty(), "an amount can be written");
  if (const auto budget = parse_budget(text)) {
    check(budget->tokens.has_value() != budget->amount.has_value(), "a budget is of tokens or of dollars");
  }
}

void use_times(std::string_view text) {
  if (const auto ms = parse_iso_time(text)) {
    check(parse_iso_time(iso_time(*ms)) == *ms, "a time that was written can be read");
  }
  static_cast<void>(parse_utc_time(text));
}

void use_names(std::string_view text) {
  if (const auto format = parse_input_format(text)) check(format_name(*format) == text, "a format has one name");
  if (const auto image = parse_image_id(text)) check(image->str().size() == text.size(), "an id has its length");
  const auto name = parse_record_id(RecordId(std::string(text)));
  if (name) check(name->receipt_id > 0 && name->line_id > 0, "numbers count from 1");
  static_cast<void>(parse_log_level(text));
  if (const auto models = ModelCatalog::parse(text)) {
    for (const ServedModel& model : models->models()) check(models->find(model.name) != nullptr, "a model is found");
  }
  if (const auto variables = parse_variables({std::string(text)})) {
    check(variables->size() == 1 && !variables->begin()->first.empty(), "a variable has a name");
  }
}

void use_codings(std::string_view text) {
  if (const auto decoded = percent_decode(text)) {
    check(percent_decode(percent_encode(*decoded)) == decoded, "what is coded comes back");
  }
  for (const auto& [name, value] : split_query(text))
    check(name.size() + value.size() <= text.size(), "parts are parts");
  if (const auto size = base64_size(text)) {
    std::vector<std::byte> bytes(*size);
    if (read_base64(text, bytes)) check(base64_size(base64_of(bytes)) == size, "what is coded has its size");
  }
}

}  // namespace
}  // namespace tillite

/// The short texts of command lines, variables, services and tasks: each is understood or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tillite::use_numbers(text);
  tillite::use_times(text);
  tillite::use_names(text);
  tillite::use_codings(text);
  const auto result = tillite::task_result(text, "Task.Invalid");
  tillite::check(result || !result.error().name().empty(), "a task's failure has a name");
  static_cast<void>(tillite::described_error(text));
  return 0;
}
