#include "vectors/files/gathering_sink.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite {
namespace {

using testing::must;
using testing::TempFolder;

/// A sink and its worker, which goes before it.
struct SinkWithWorker {
  SinkWithWorker(const Path& file, bool beside)
      : worker(std::make_unique<SerialWorker>(2)), sink(must(File::create(file)), beside ? worker.get() : nullptr) {}
  ~SinkWithWorker() { worker.reset(); }

  std::unique_ptr<SerialWorker> worker;
  GatheringSink sink;
};

class GatheringSinkTest : public ::testing::TestWithParam<bool> {};

TEST_P(GatheringSinkTest, WritesWhatIsCopiedAndWhatStaysInTheirOrder) {
  const TempFolder room = TempFolder::in_memory();
  const Path file = room / "file";
  SinkWithWorker with(file, GetParam());
  const std::string staying(300'000, 's');
  std::string expected;
  for (std::size_t i = 0; i < 3'000; ++i) {
    std::string passing = fmt::format("{} ", i);
    if (i % 100 == 7) passing += std::string(2'000 * (i / 100), 'c');
    must(with.sink.write(as_bytes(passing)));
    expected += passing;
    std::ranges::fill(passing, 'x');  // it was copied
    if (i % 3 == 0) continue;
    const std::string_view part = std::string_view(staying).substr(0, i % 500 == 1 ? 200'000 : i % 40);
    must(with.sink.write_staying(as_bytes(part)));
    expected += part;
  }
  must(with.sink.flush());
  EXPECT_TRUE(must(read_file(file)) == expected);
}

TEST_P(GatheringSinkTest, MayBeFlushedEmptyAndWrittenToAgain) {
  const TempFolder room = TempFolder::in_memory();
  const Path file = room / "file";
  SinkWithWorker with(file, GetParam());
  must(with.sink.flush());
  must(with.sink.write(as_bytes("one ")));
  must(with.sink.flush());
  EXPECT_EQ(must(read_file(file)), "one ");
  must(with.sink.write_staying(as_bytes("two")));
  must(with.sink.flush());
  EXPECT_EQ(must(read_file(file)), "one two");
}

TEST_P(GatheringSinkTest, TellsThatTheDiskIsFull) {
  SinkWithWorker with("/dev/full", GetParam());
  must(with.sink.write(as_bytes("text")));
  const auto flushed = with.sink.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code(), Code::no_space);
  EXPECT_NE(flushed.error().message().find("/dev/full"), std::string::npos) << flushed.error().message();
}

INSTANTIATE_TEST_SUITE_P(Beside, GatheringSinkTest, ::testing::Bool());

}  // namespace
}  // namespace tillite
