#include "base/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace tillite {
namespace {

/// A child process that says who it is and then waits until its input ends.
class Child {
 public:
  Child() {
    EXPECT_EQ(::pipe(says_.data()), 0);
    EXPECT_EQ(::pipe(hears_.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(hears_[1]);
      const std::string identity = process_identity();
      const bool written = ::write(says_[1], identity.data(), identity.size()) == static_cast<ssize_t>(identity.size());
      char end = 0;
      const bool ended = ::read(hears_[0], &end, 1) == 0;
      ::_exit(written && ended ? 0 : 1);
    }
    identity_.resize(1'000);
    identity_.resize(static_cast<std::size_t>(::read(says_[0], identity_.data(), identity_.size())));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    for (const int fd : {says_[0], says_[1], hears_[0]}) ::close(fd);
  }

  [[nodiscard]] const std::string& identity() const { return identity_; }
  void end() {
    ::close(hears_[1]);
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
  }

 private:
  std::array<int, 2> says_{};
  std::array<int, 2> hears_{};
  pid_t pid_ = 0;
  std::string identity_;
};

TEST(ProcessIdentity, IsTheSameThroughoutAProcess) {
  EXPECT_EQ(process_identity(), process_identity());
  EXPECT_EQ(std::ranges::count(process_identity(), '/'), 3) << process_identity();
}

TEST(ProcessIdentity, TellsARunningProcessFromOneThatEnded) {
  Child child;
  EXPECT_NE(child.identity(), process_identity());
  EXPECT_FALSE(is_gone(child.identity()));
  EXPECT_FALSE(is_gone(child.identity() + "/owner/nonce"));
  child.end();
  EXPECT_TRUE(is_gone(child.identity()));
  EXPECT_TRUE(is_gone(child.identity() + "/owner/nonce"));
}

TEST(ProcessIdentity, TellsAnotherProcessWithTheSameNumber) {
  const std::string own = process_identity();
  EXPECT_FALSE(is_gone(own));
  EXPECT_TRUE(is_gone(own + "1")) << "it started at another time";
}

TEST(ProcessIdentity, SaysNothingOfWhatItCannotKnow) {
  const std::string own = process_identity();
  EXPECT_FALSE(is_gone("another-host" + own.substr(own.find('/')) + "1")) << "another machine";
  EXPECT_FALSE(is_gone(own.substr(0, own.find('/')) + "/another-boot/999999999/1"));
  const std::string machine = own.substr(0, own.find('/', own.find('/') + 1));
  EXPECT_FALSE(is_gone(machine + "/no-number/1"));
  EXPECT_FALSE(is_gone(machine + "/-1/1"));
  EXPECT_FALSE(is_gone(machine + "/0/1"));
  EXPECT_FALSE(is_gone(machine + "/1/unknown"));
  EXPECT_FALSE(is_gone(machine));
  EXPECT_FALSE(is_gone(""));
}

}  // namespace
}  // namespace tillite
