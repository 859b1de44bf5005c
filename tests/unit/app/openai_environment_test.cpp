#include "app/parts/openai_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "app/parts/embedding_service.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

Environment of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(OpenAiEnvironment, IsOpenAisOwnUnlessSaidOtherwise) {
  const auto settings = must(read_openai_settings(of({{"OPENAI_API_KEY", "sk-abc\n"}})));
  EXPECT_EQ(settings.base_url, "https://api.openai.com/v1");
  EXPECT_EQ(settings.api_key.reveal(), "sk-abc") << "without the end of the line it was read from";
  EXPECT_TRUE(settings.needs_key);
}

TEST(OpenAiEnvironment, MayNameACompatibleServer) {
  const auto settings = must(read_openai_settings(of({{"OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/"},
                                                      {"OPENAI_ORG_ID", "org-1"},
                                                      {"OPENAI_PROJECT_ID", "proj_1"},
                                                      {"SSL_CERT_FILE", "/certificates.pem"}})));
  EXPECT_EQ(settings.base_url, "http://127.0.0.1:8000/v1");
  EXPECT_TRUE(settings.api_key.empty());
  EXPECT_FALSE(settings.needs_key);
  EXPECT_EQ(settings.organization, "org-1");
  EXPECT_EQ(settings.project, "proj_1");
  EXPECT_EQ(settings.certificates_file, "/certificates.pem");
}

TEST(OpenAiEnvironment, AMistakeNamesItsVariableAndNeverTheKey) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"OPENAI_API_KEY", "sk-hidden two"},     {"OPENAI_API_KEY", "sk-hidden\x01"},
      {"OPENAI_API_KEY", "sk-hidden\xc3\xa9"}, {"OPENAI_BASE_URL", "api.openai.com"},
      {"OPENAI_BASE_URL", "ftp://x"},          {"OPENAI_BASE_URL", "https://user:hidden@x/v1"},
      {"OPENAI_BASE_URL", "https://x/v1?a=b"}, {"OPENAI_BASE_URL", "http://x:99999/v1"},
      {"OPENAI_BASE_URL", "https://[::1/v1"},  {"OPENAI_BASE_URL", "https:///v1"},
      {"OPENAI_BASE_URL", "https://x:port/"},  {"OPENAI_ORG_ID", "a\r\nb"}};
  for (const auto& [name, value] : mistakes) {
    const auto read = read_openai_settings(of({{name, value}}));
    ASSERT_FALSE(read) << name << "=" << value;
    EXPECT_EQ(read.error().code(), Code::invalid_input);
    EXPECT_NE(read.error().message().find(name), std::string::npos) << read.error().message();
    EXPECT_EQ(read.error().message().find("hidden"), std::string::npos) << read.error().message();
  }
}

TEST(DefaultModel, IsOpenAisWhereThereIsAKeyOrAServer) {
  EXPECT_EQ(default_model(of({})), "tillite-ngram-1");
  EXPECT_EQ(default_model(of({{"OPENAI_API_KEY", ""}})), "tillite-ngram-1");
  EXPECT_EQ(default_model(of({{"OPENAI_API_KEY", "sk-abc"}})), "text-embedding-3-small");
  EXPECT_EQ(default_model(of({{"OPENAI_BASE_URL", "http://127.0.0.1:8000/v1"}})), "text-embedding-3-small");
}

}  // namespace
}  // namespace tillite::testing
