#include "workflow/state_fields.h"

#include <algorithm>
#include <array>
#include <limits>

namespace tillite {
namespace {

constexpr std::array<std::string_view, 8> kTypes = {"Task", "Wait",   "Pass",     "Succeed",
                                                    "Fail", "Choice", "Parallel", "Map"};

template <typename... Types>
constexpr std::uint8_t of(Types... types) {
  return static_cast<std::uint8_t>(((1U << static_cast<unsigned>(types)) | ...));
}

constexpr auto kTask = StateType::task;
constexpr auto kWait = StateType::wait;
constexpr auto kPass = StateType::pass;
constexpr auto kSucceed = StateType::succeed;
constexpr auto kFail = StateType::fail;
constexpr auto kChoice = StateType::choice;
constexpr auto kParallel = StateType::parallel;
constexpr auto kMap = StateType::map;

constexpr auto kAny = StateField::Language::any;
constexpr auto kJsonPath = StateField::Language::json_path;
constexpr auto kJsonata = StateField::Language::jsonata;
constexpr std::int64_t kSecondsMax = 99'999'999;

constexpr std::array kFields = {
    StateField{"Type", 0xff, FieldKind::text},
    StateField{"Comment", 0xff, FieldKind::text},
    StateField{"QueryLanguage", 0xff, FieldKind::anything},  // checked where the language is found
    StateField{"InputPath", of(kTask, kWait, kPass, kSucceed, kChoice, kParallel, kMap), FieldKind::path, kJsonPath},
    StateField{"OutputPath", of(kTask, kWait, kPass, kSucceed, kChoice, kParallel, kMap), FieldKind::path, kJsonPath},
    StateField{"ResultPath", of(kTask, kPass, kParallel, kMap), FieldKind::reference_path, kJsonPath},
    StateField{"Parameters", of(kTask, kPass, kParallel, kMap), FieldKind::payload, kJsonPath},
    StateField{"ResultSelector", of(kTask, kParallel, kMap), FieldKind::payload, kJsonPath},
    StateField{"Result", of(kPass), FieldKind::anything, kJsonPath},
    StateField{"Arguments", of(kTask, kParallel), FieldKind::jsonata, kJsonata},
    StateField{"Output", of(kTask, kWait, kPass, kSucceed, kChoice, kParallel, kMap), FieldKind::jsonata, kJsonata},
    StateField{"Assign", of(kTask, kWait, kPass, kChoice, kParallel, kMap), FieldKind::assign},
    StateField{"Next", of(kTask, kWait, kPass, kParallel, kMap), FieldKind::text},
    StateField{"End", of(kTask, kWait, kPass, kParallel, kMap), FieldKind::boolean},
    StateField{"Retry", of(kTask, kParallel, kMap), FieldKind::retry},
    StateField{"Catch", of(kTask, kParallel, kMap), FieldKind::catchers},
    StateField{"Resource", of(kTask), FieldKind::resource},
    StateField{"Credentials", of(kTask), FieldKind::credentials},
    StateField{"TimeoutSeconds", of(kTask), FieldKind::integer, kAny, 1, kSecondsMax},
    StateField{"TimeoutSecondsPath", of(kTask), FieldKind::value_path, kJsonPath},
    StateField{"HeartbeatSeconds", of(kTask), FieldKind::integer, kAny, 1, kSecondsMax},
    StateField{"HeartbeatSecondsPath", of(kTask), FieldKind::value_path, kJsonPath},
    StateField{"Seconds", of(kWait), FieldKind::integer, kAny, 0, kSecondsMax},
    StateField{"SecondsPath", of(kWait), FieldKind::value_path, kJsonPath},
    StateField{"Timestamp", of(kWait), FieldKind::timestamp},
    StateField{"TimestampPath", of(kWait), FieldKind::value_path, kJsonPath},
    StateField{"Error", of(kFail), FieldKind::text_or_jsonata},
    StateField{"ErrorPath", of(kFail), FieldKind::path_or_call, kJsonPath},
    StateField{"Cause", of(kFail), FieldKind::text_or_jsonata},
    StateField{"CausePath", of(kFail), FieldKind::path_or_call, kJsonPath},
    StateField{"Choices", of(kChoice), FieldKind::choices},
    StateField{"Default", of(kChoice), FieldKind::text},
    StateField{"Branches", of(kParallel), FieldKind::branches},
    StateField{"ItemProcessor", of(kMap), FieldKind::processor},
    StateField{"Iterator", of(kMap), FieldKind::processor},
    StateField{"ItemsPath", of(kMap), FieldKind::value_path, kJsonPath},
    StateField{"Items", of(kMap), FieldKind::items, kJsonata},
    StateField{"ItemSelector", of(kMap), FieldKind::either},
    StateField{"ItemReader", of(kMap), FieldKind::item_reader},
    StateField{"ItemBatcher", of(kMap), FieldKind::item_batcher},
    StateField{"ResultWriter", of(kMap), FieldKind::result_writer},
    StateField{"MaxConcurrency", of(kMap), FieldKind::integer, kAny, 0, std::numeric_limits<std::int32_t>::max()},
    StateField{"MaxConcurrencyPath", of(kMap), FieldKind::value_path, kJsonPath},
    StateField{"ToleratedFailureCount", of(kMap), FieldKind::integer, kAny, 0,
               std::numeric_limits<std::int32_t>::max()},
    StateField{"ToleratedFailureCountPath", of(kMap), FieldKind::value_path, kJsonPath},
    StateField{"ToleratedFailurePercentage", of(kMap), FieldKind::number, kAny, 0, 100},
    StateField{"ToleratedFailurePercentagePath", of(kMap), FieldKind::value_path, kJsonPath},
    StateField{"Label", of(kMap), FieldKind::label},
};

}  // namespace

std::optional<StateType> state_type(std::string_view name) {
  const auto found = std::ranges::find(kTypes, name);
  if (found == kTypes.end()) return std::nullopt;
  return static_cast<StateType>(found - kTypes.begin());
}

const StateField* state_field(std::string_view name) {
  const auto found = std::ranges::find(kFields, name, &StateField::name);
  return found == kFields.end() ? nullptr : &*found;
}

bool has_field(StateType type, const StateField& field) { return (field.types & of(type)) != 0; }

}  // namespace tillite
