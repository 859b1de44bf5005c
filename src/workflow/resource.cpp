#include "workflow/resource.h"

namespace tillite {

Resource::Resource(const std::string& text) : text_(text) {
  const std::string_view view = text_;
  constexpr std::string_view kIntegration = "arn:aws:states:::";
  if (const std::size_t mark = view.find(":function:"); view.starts_with("arn:") && mark != std::string_view::npos) {
    kind_ = Kind::function;
    const std::string_view rest = view.substr(mark + 10);
    name_ = rest.substr(0, rest.find(':'));
  } else if (const std::size_t activity = view.find(":activity:");
             view.starts_with("arn:") && activity != std::string_view::npos) {
    kind_ = Kind::activity;
    name_ = view.substr(activity + 10);
  } else if (view.starts_with(kIntegration)) {
    const std::string_view rest = view.substr(kIntegration.size());
    constexpr std::string_view kSecond = ".sync:2";  // whose colon parts nothing
    const std::size_t colon = rest.substr(0, rest.size() - (rest.ends_with(kSecond) ? 2 : 0)).rfind(':');
    type_ = rest.substr(0, colon);
    name_ = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  } else {
    kind_ = view.starts_with("command:") ? Kind::command : Kind::http;
    type_ = kind_ == Kind::command ? "command" : "http";
    name_ = kind_ == Kind::command ? view.substr(8) : view;
  }
}

bool Resource::gives_token() const {
  return kind_ == Kind::activity || (kind_ == Kind::integration && name_.ends_with(".waitForTaskToken"));
}

const std::string& Resource::short_name() const {
  return kind_ == Kind::function || kind_ == Kind::activity ? text_ : type_;
}

std::string Resource::event(std::string_view what) const {
  const std::string_view front = kind_ == Kind::function   ? "LambdaFunction"
                                 : kind_ == Kind::activity ? "Activity"
                                                           : "Task";
  return std::string(front).append(what);
}

Value::Object Resource::scheduled_details(const Value& payload, const std::string& region) const {
  if (kind_ == Kind::function || kind_ == Kind::activity) return {{"input", payload}, {"resource", text_}};
  return {{"parameters", payload}, {"region", region}, {"resource", name_}, {"resourceType", type_}};
}

void Resource::name_in(Value::Object& details) const {
  if (kind_ == Kind::function || kind_ == Kind::activity) return;
  details.set("resource", name_);
  details.set("resourceType", type_);
}

}  // namespace tillite
