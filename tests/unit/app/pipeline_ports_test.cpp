// Which models the parts of a pipeline are opened for, and what notices that they have changed.
#include "app/parts/pipeline_ports.h"

#include <gtest/gtest.h>

#include "app/parts/models_of_home.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "support/failing_ports.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/versions/keys.h"

namespace tillite::testing {
namespace {

class PipelinePortsTest : public ::testing::Test {
 protected:
  std::unique_ptr<PipelinePorts> open() {
    return must(
        PipelinePorts::open({.environment = environment,
                             .home = &home,
                             .folders = {.scratch = home.scratch_folder(), .snapshots = home.snapshots_folder()}}));
  }
  static StepContext context_of(const FunctionPorts& opened, const Path& scratch) {
    return {opened.settings(), Logger::none(), {}, scratch, "test"};
  }
  CollectionBinding create(Entity entity, const FunctionPorts& opened) {
    return must(active_collection(entity, opened.ports(), context_of(opened, home.scratch_folder())));
  }
  void start_generation_of(const std::string& model, Entity entity, const FunctionPorts& opened) {
    CollectionBinding wanted = create(entity, opened);
    wanted.model = model;
    must(start_generation(entity, wanted, opened.ports(), context_of(opened, home.scratch_folder())));
  }

  TempFolder folder;
  Home home = must(Home::open(folder / "home", /*create=*/true));
  std::map<std::string, std::string> variables;
  Environment environment = [this](const std::string& name) -> std::optional<std::string> {
    const auto value = variables.find(name);
    return value == variables.end() ? std::nullopt : std::optional(value->second);
  };
};

TEST_F(PipelinePortsTest, WhatIsOpenedStaysCurrentWhileNoOtherModelComesIn) {
  const auto opened = open();
  EXPECT_TRUE(must(opened->are_current()));
  create(Entity::line, *opened);
  create(Entity::word, *opened);
  EXPECT_TRUE(must(opened->are_current())) << "the collections have the model that was chosen for them";
}

TEST_F(PipelinePortsTest, AGenerationOfAnotherProvidersModelIsNoticed) {
  const auto warm = open();
  create(Entity::line, *warm);
  variables["OPENAI_API_KEY"] = "sk-test";  // as the one who starts it has it
  start_generation_of("text-embedding-3-small", Entity::line, *open());
  EXPECT_FALSE(must(warm->are_current()));
  EXPECT_TRUE(must(open()->are_current()));
}

TEST_F(PipelinePortsTest, ACollectionThatSomebodyElseBoundToAnotherModelIsNoticed) {
  const auto warm = open();
  variables["EMBEDDING_MODEL"] = "text-embedding-3-small";
  variables["OPENAI_API_KEY"] = "sk-test";
  create(Entity::line, *open());
  variables.clear();
  EXPECT_FALSE(must(warm->are_current()));
  EXPECT_EQ(open()->settings().model, "text-embedding-3-small") << "the collection decides";
}

TEST_F(PipelinePortsTest, ModelsThatCannotBeReadAreAnErrorAndDamagedOnesAreNot) {
  const auto opened = open();
  create(Entity::line, *opened);
  create(Entity::word, *opened);
  const Ports& ports = opened->ports();
  EXPECT_EQ(must(models_of_home(ports.table, ports.vectors)).bound, opened->settings().model);
  FailingPorts counted(ports, Outage::crash_at(-1));
  must(models_of_home(counted.ports().table, counted.ports().vectors));
  for (int call = 0; call < counted.calls(); ++call) {
    FailingPorts failing(ports, Outage::crash_at(call));
    const auto models = models_of_home(failing.ports().table, failing.ports().vectors);
    EXPECT_EQ(models.error().code(), Code::unavailable) << call;
    EXPECT_TRUE(models.error().message().starts_with("finding out which models")) << models.error().message();
  }
  must(ports.vectors.put(root_key("receipt_lines"), as_bytes("no JSON")));
  const ModelsOfHome left = must(models_of_home(ports.table, ports.vectors));
  EXPECT_EQ(left.bound, opened->settings().model) << "of the words";
  EXPECT_EQ(left.in_use.size(), 1U);
}

}  // namespace
}  // namespace tillite::testing
