#include "adapters/aws/aws_settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class AwsSettingsTest : public ::testing::Test {
 protected:
  Result<AwsSettings> read() {
    return read_aws_settings([this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void write_config(const std::string& text) {
    std::filesystem::create_directories(folder / ".aws");
    std::ofstream(folder / ".aws/config") << text;
  }
  std::string refusal() { return read().error().message(); }

  TempFolder folder;
  std::map<std::string, std::string> variables = {{"HOME", folder.path()}, {"AWS_REGION", "eu-central-1"}};
};

TEST_F(AwsSettingsTest, AServiceIsWhereItsRegionHasIt) {
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::dynamodb), "https://dynamodb.eu-central-1.amazonaws.com");
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::step_functions), "https://states.eu-central-1.amazonaws.com");
  EXPECT_FALSE(must(read()).has_own_endpoint(AwsApi::s3));
  variables["AWS_REGION"] = "cn-north-1";
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::s3), "https://s3.cn-north-1.amazonaws.com.cn");
}

TEST_F(AwsSettingsTest, TheRegionIsTheVariablesOrTheProfiles) {
  write_config("[default]\nregion = us-west-2\n[profile p]\nregion = eu-west-1 # near\n");
  EXPECT_EQ(must(read()).region, "eu-central-1");
  variables.erase("AWS_REGION");
  EXPECT_EQ(must(read()).region, "us-west-2");
  variables["AWS_PROFILE"] = "p";
  EXPECT_EQ(must(read()).region, "eu-west-1");
  variables["AWS_DEFAULT_REGION"] = "us-east-1";
  EXPECT_EQ(must(read()).region, "us-east-1");
  variables["AWS_DEFAULT_REGION"] = "evil.example.com/";
  EXPECT_EQ(refusal(), "the variable AWS_DEFAULT_REGION must be a region such as eu-central-1");
}

TEST_F(AwsSettingsTest, WithoutARegionItSaysWhatToDo) {
  variables.erase("AWS_REGION");
  EXPECT_EQ(refusal(), "no region of AWS: set AWS_REGION, or 'region' in the profile 'default'");
}

TEST_F(AwsSettingsTest, AnAddressOfAServicesOwnComesBeforeOneOfAll) {
  write_config(
      "[default]\nendpoint_url = http://config/\nservices = local\n[services local]\ns3 =\n  endpoint_url = "
      "http://config-s3\nsfn =\n  endpoint_url = http://config-sfn\n");
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::dynamodb), "http://config");
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::s3), "http://config-s3");
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::step_functions), "http://config-sfn");
  variables["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:1/";
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::s3), "http://127.0.0.1:1");
  variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:2";
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::s3), "http://127.0.0.1:1");
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::step_functions), "http://127.0.0.1:2");
  variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(must(read()).endpoint_of(AwsApi::s3), "https://s3.eu-central-1.amazonaws.com");
}

TEST_F(AwsSettingsTest, WhatIsNoAddressIsRefusedByItsName) {
  for (const char* url : {"127.0.0.1:5000", "ftp://x", "http://a@b", "http://a?b"}) {
    variables["AWS_ENDPOINT_URL_SQS"] = url;
    EXPECT_TRUE(refusal().starts_with("the variable AWS_ENDPOINT_URL_SQS must be an address")) << url;
  }
}

TEST_F(AwsSettingsTest, AttemptsAreCountedFromOne) {
  variables["AWS_MAX_ATTEMPTS"] = "3";
  EXPECT_EQ(must(read()).retries.attempts_max, 3);
  variables["AWS_MAX_ATTEMPTS"] = "0";
  EXPECT_EQ(refusal(), "the variable AWS_MAX_ATTEMPTS must be a whole number from 1 to 50");
}

TEST_F(AwsSettingsTest, AFileThatIsNotUnderstoodIsNamedWithItsLine) {
  write_config("[default]\nregion = a\nnonsense\n");
  EXPECT_TRUE(refusal().ends_with(".aws/config, line 3: expected NAME = VALUE")) << refusal();
  write_config("region = a\n");
  EXPECT_TRUE(refusal().ends_with("line 1: a value before the first [section]"));
  write_config("[default\n");
  EXPECT_TRUE(refusal().ends_with("line 1: '[' without ']'"));
}

TEST_F(AwsSettingsTest, AProfileThatIsNamedMustBeThere) {
  variables["AWS_PROFILE"] = "missing";
  EXPECT_TRUE(refusal().starts_with("AWS_PROFILE names the profile 'missing', which is neither in "));
}

TEST_F(AwsSettingsTest, KeysAreShownOnlyToThoseWhoAskForSecrets) {
  SharedConfig shared;
  must(shared.add("[default]\naws_secret_access_key = s # x\n", SharedConfig::File::credentials, "f"));
  EXPECT_EQ(shared.profile_value("default", "aws_secret_access_key"), std::nullopt);
  EXPECT_EQ(shared.profile_secret("default", "aws_secret_access_key")->reveal(), "s");
}

}  // namespace
}  // namespace tillite::testing
