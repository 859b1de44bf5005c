#include "base/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <type_traits>

#include "base/json.h"

namespace tillite::testing {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& stream, const T& value) { stream << value; };

static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!Streamable<Secret>);
static_assert(!std::is_constructible_v<Json, Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

TEST(Secret, IsRevealedOnlyToWhoAsks) {
  const Secret secret(std::string("sk-abc"));
  EXPECT_FALSE(secret.empty());
  EXPECT_EQ(secret.reveal(), "sk-abc");
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret().reveal(), "");
}

TEST(Secret, OverwritesWhereItCameFrom) {
  std::string text = "a long text that is not kept inside of the string itself";
  const char* const place = text.data();
  const Secret secret(std::move(text));
  for (std::size_t i = 0; i < secret.reveal().size(); ++i) ASSERT_EQ(place[i], '\0') << i;
}

TEST(Secret, LeavesNothingWhereItWasMovedFrom) {
  Secret first(std::string("one"));
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  Secret third;
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "one");
}

TEST(Secret, AnOverwrittenTextIsEmpty) {
  std::string text = "short";
  wipe(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(text.data()[1], '\0');
}

TEST(WithoutSecret, HidesTheSecretAndLongPiecesOfIt) {
  const Secret secret(std::string("sk-proj-0123456789abcdef"));
  EXPECT_EQ(without_secret("the key sk-proj-0123456789abcdef is wrong", secret), "the key [hidden] is wrong");
  EXPECT_EQ(without_secret("the key sk-proj-******abcdef.", secret), "the key [hidden]******[hidden].");
  EXPECT_EQ(without_secret("the project", secret), "the project") << "pieces of five characters tell nothing";
  EXPECT_EQ(without_secret("", secret), "");
}

TEST(WithoutSecret, HidesAShortSecretOnlyAsAWhole) {
  EXPECT_EQ(without_secret("the key abcd is wrong", Secret(std::string("abcd"))), "the key [hidden] is wrong");
  EXPECT_EQ(without_secret("abc", Secret(std::string("abcd"))), "abc");
  EXPECT_EQ(without_secret("x and y", Secret(std::string("x"))), "x and y") << "one of a few characters is no secret";
  EXPECT_EQ(without_secret("text", Secret()), "text");
}

TEST(PrivateProcess, WritesNoCoreFile) {
  const pid_t child = ::fork();
  if (child == 0) {
    keep_process_private();
    ::_exit(::prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tillite::testing
