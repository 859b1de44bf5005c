#include "app/embedded_definitions.h"

#include <algorithm>

// Defined by the build (cmake/Embed.cmake): the files of workflows/, byte for byte.
extern "C" {
extern const char tillite_create_batches_sf_begin[];
extern const char tillite_create_batches_sf_end[];
extern const char tillite_create_word_batches_sf_begin[];
extern const char tillite_create_word_batches_sf_end[];
extern const char tillite_poll_store_sf_begin[];
extern const char tillite_poll_store_sf_end[];
extern const char tillite_poll_word_embeddings_sf_begin[];
extern const char tillite_poll_word_embeddings_sf_end[];
}

namespace tillite {
namespace {

constexpr EntityMachines kLineMachines = {"create-batches-sf", "poll-store-sf"};
constexpr EntityMachines kWordMachines = {"create-word-batches-sf", "poll-word-embeddings-sf"};

std::string_view definition_of(std::string_view name) {
  if (name == kLineMachines.create) return {tillite_create_batches_sf_begin, tillite_create_batches_sf_end};
  if (name == kLineMachines.poll) return {tillite_poll_store_sf_begin, tillite_poll_store_sf_end};
  if (name == kWordMachines.create) return {tillite_create_word_batches_sf_begin, tillite_create_word_batches_sf_end};
  return {tillite_poll_word_embeddings_sf_begin, tillite_poll_word_embeddings_sf_end};
}

}  // namespace

const std::vector<std::string_view>& state_machine_names() {
  static const std::vector<std::string_view> names = {kLineMachines.create, kLineMachines.poll, kWordMachines.create,
                                                      kWordMachines.poll};
  return names;
}

Result<StateMachine> load_state_machine(std::string_view name) {
  const auto& names = state_machine_names();
  if (std::ranges::find(names, name) == names.end()) {
    return fail(Code::not_found, "there is no state machine '{}'; there are {}", name.substr(0, 80),
                fmt::join(names, ", "));
  }
  return StateMachine::parse(std::string(name), definition_of(name));
}

EntityMachines machines_of(Entity entity) { return entity == Entity::line ? kLineMachines : kWordMachines; }

}  // namespace tillite
