#include "emulator/service/control.h"

#include "emulator/service/answers.h"

namespace tillite {
namespace {

/// The items of a list, each read by `parse`; a mistake in one leaves all of them out.
template <typename T>
Result<std::vector<T>> parse_all(const Json& body, std::string_view name, Result<T> (*parse)(const Json&)) {
  std::vector<T> parsed;
  const Json list = TRY(array_field(body, name));
  for (const Json& item : list) parsed.push_back(TRY(parse(item)));
  return parsed;
}

}  // namespace

ServerResponse ControlApi::handle(const ServerRequest& request) {
  const auto answered = answer(request);
  if (answered) return json_response(200, *answered);
  const bool is_missing = answered.error().code() == Code::not_found;
  const bool is_callers = is_missing || answered.error().code() == Code::invalid_input;
  return json_response(is_missing ? 404 : (is_callers ? 400 : 500),
                       {{"error", {{"message", answered.error().message()}}}});
}

Result<Json> ControlApi::answer(const ServerRequest& request) {
  const std::string call = request.method + " " + request.target;
  if (call == "GET /emulator/stats") return statistics();
  if (call == "DELETE /emulator/stats") {
    statistics_.reset();
    return Json::object();
  }
  if (call == "DELETE /emulator/answers") {
    answers_.clear();
    return Json::object();
  }
  if (call == "POST /emulator/batches") {
    auto outcomes = TRY(parse_all(TRY(parse_json(request.body, "the body")), "outcomes", &Outcome::parse));
    const std::size_t count = outcomes.size();
    batches_.script(std::move(outcomes));
    return Json{{"scripted", count}};
  }
  if (call == "POST /emulator/answers") {
    auto answers = TRY(parse_all(TRY(parse_json(request.body, "the body")), "answers", &ScriptedAnswer::parse));
    const std::size_t count = answers.size();
    answers_.add(std::move(answers));
    return Json{{"scripted", count}};
  }
  return fail(Code::not_found,
              "the emulator's own calls are GET and DELETE /emulator/stats, POST /emulator/batches, POST and DELETE "
              "/emulator/answers");
}

Result<Json> ControlApi::statistics() {
  const auto alive = TRY(files_.count());
  Json json = {{"requests", statistics_.json()}, {"files", {{"alive", alive}}}};
  TRY(database_.read("counting", [&](SQLite::Database& database) {
    json["batches"] = count_batches(database);
    json["paid"] = count_payments(database);
  }));
  return json;
}

}  // namespace tillite
