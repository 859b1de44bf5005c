#include "base/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

std::string gzipped(const std::string& content) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string file(deflateBound(&stream, content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(file.data());
  stream.avail_out = static_cast<uInt>(file.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  file.resize(stream.total_out);
  deflateEnd(&stream);
  return file;
}

TEST(Gzip, GivesBackWhatWasPacked) {
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(must(gunzip(gzipped("a,b\n1,2\n"), 100)), "a,b\n1,2\n");
  EXPECT_EQ(must(gunzip(gzipped(large), large.size())), large);
  EXPECT_EQ(must(gunzip(gzipped(""), 0)), "");
}

TEST(Gzip, ReadsMembersThatFollowOneAnother) {
  EXPECT_EQ(must(gunzip(gzipped("one ") + gzipped("two"), 100)), "one two");
}

TEST(Gzip, RefusesWhatIsDamagedCutOffOrTooLarge) {
  const std::string whole = gzipped("content");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(gunzip(whole.substr(0, size), 100).error().code(), Code::corrupt) << size;
  EXPECT_EQ(gunzip("no gzip at all", 100).error().code(), Code::corrupt);
  EXPECT_EQ(gunzip(gzipped(std::string(1'000'000, 'x')), 999'999).error().code(), Code::limit_exceeded);
}

}  // namespace
}  // namespace tillite::testing
