#include "vectors/files/file_checksum.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/files/hashed_sink.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

using testing::must;

constexpr std::size_t kPart = kChecksumPartBytes;

class FileChecksum : public ::testing::Test {
 protected:
  testing::TempFolder room = testing::TempFolder::in_memory();
  const Path path = room / "file";

  static std::string content_of(std::size_t size) {
    std::string content(size, '\0');
    std::uint32_t state = 1;
    for (char& c : content) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24U);
    return content;
  }
  [[nodiscard]] std::string checksum(const std::string& content, ChecksumForm form, std::size_t threads = 2) const {
    must(replace_file(path, as_bytes(content)));
    return must(checksum_of_file(must(File::open_read(path)), form, threads));
  }
  /// What the document says, word by word.
  static std::string by_the_document(std::string_view content) {
    if (content.size() <= kPart) return sha256_hex(content);
    Sha256 all;
    std::size_t parts = 0;
    for (std::size_t begin = 0; begin < content.size(); begin += kPart, ++parts) {
      Sha256 part;
      part.update(content.substr(begin, kPart));
      all.update(part.digest());
    }
    return fmt::format("{}-{}", all.hex(), parts);
  }
};

TEST_F(FileChecksum, IsMadeOfTheDigestsOfItsParts) {
  EXPECT_EQ(checksum("", ChecksumForm::by_parts), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const std::size_t size : {std::size_t{1}, kPart - 1, kPart, kPart + 1, 2 * kPart, 5 * kPart + 12'345}) {
    const std::string content = content_of(size);
    EXPECT_EQ(checksum(content, ChecksumForm::by_parts), by_the_document(content)) << size;
    EXPECT_EQ(checksum(content, ChecksumForm::whole), sha256_hex(content)) << size;
  }
}

TEST_F(FileChecksum, IsTheSameWithAnyNumberOfThreadsAndInPiecesOfAnySize) {
  const std::string content = content_of(3 * kPart + 77);
  for (const auto form : {ChecksumForm::by_parts, ChecksumForm::whole}) {
    const std::string one = checksum(content, form, 1);
    EXPECT_EQ(checksum(content, form, 7), one);
    for (const std::size_t piece : {std::size_t{9'999}, kPart, 2 * kPart + 5}) {
      ChecksumStream stream(form);
      for (std::size_t begin = 0; begin < content.size(); begin += piece) {
        stream.update(as_bytes(std::string_view(content).substr(begin, piece)));
      }
      EXPECT_EQ(stream.finish(), one) << piece;
    }
  }
}

TEST_F(FileChecksum, IsKnownToASinkWithoutReading) {
  for (const std::size_t size : {std::size_t{0}, kPart, 2 * kPart + 1}) {
    const std::string content = content_of(size);
    HashedSink sink(must(File::create(path)));
    must(sink.write(as_bytes(content)));
    EXPECT_EQ(must(sink.finish()), by_the_document(content));
    EXPECT_EQ(must(read_file(path)), content);
  }
}

TEST_F(FileChecksum, HasAFormThatFitsTheSize) {
  const std::string plain = sha256_hex("x");
  EXPECT_EQ(checksum_form(plain, 0), ChecksumForm::by_parts);
  EXPECT_EQ(checksum_form(plain, kPart), ChecksumForm::by_parts);
  EXPECT_EQ(checksum_form(plain, kPart + 1), ChecksumForm::whole);
  EXPECT_EQ(checksum_form(plain + "-2", kPart + 1), ChecksumForm::by_parts);
  EXPECT_EQ(checksum_form(plain + "-2", 2 * kPart), ChecksumForm::by_parts);
  for (const std::string& other : {std::string(), plain.substr(1), plain + "-", plain + "-1", plain + "-3",
                                   plain + "-02", plain + "-2 ", "G" + plain.substr(1), plain + "2"}) {
    EXPECT_FALSE(checksum_form(other, 2 * kPart)) << other;
  }
  EXPECT_FALSE(checksum_form(plain + "-1", kPart)) << "a file of one part has its SHA-256";
}

TEST_F(FileChecksum, FindsOneWrongBitInAnyPart) {
  const std::string content = content_of(3 * kPart + 10);
  for (const auto form : {ChecksumForm::by_parts, ChecksumForm::whole}) {
    const Manifest::SnapshotFile file{.name = "rows", .size_bytes = content.size(), .sha256 = checksum(content, form)};
    must(check_file(path, file, /*verify=*/true));
    must(copy_checked(path, file, room / "copy", 2));
    EXPECT_EQ(must(read_file(room / "copy")), content);
    for (const std::size_t place : {std::size_t{0}, kPart - 1, kPart, 2 * kPart + 5, 3 * kPart, content.size() - 1}) {
      std::string damaged = content;
      damaged[place] = static_cast<char>(damaged[place] ^ 1);
      must(replace_file(path, as_bytes(damaged)));
      for (const auto& found : {check_file(path, file, true), copy_checked(path, file, room / "copy", 2)}) {
        ASSERT_FALSE(found) << place;
        EXPECT_EQ(found.error().code(), Code::corrupt);
        EXPECT_NE(found.error().message().find("rows"), std::string::npos) << found.error().message();
      }
      must(check_file(path, file, /*verify=*/false));
    }
  }
}

TEST_F(FileChecksum, OfAFileOfAnotherSizeIsNotTaken) {
  const std::string content = content_of(2 * kPart);
  const Manifest::SnapshotFile file{
      .name = "rows", .size_bytes = content.size() + 1, .sha256 = checksum(content, ChecksumForm::by_parts)};
  for (const auto& found : {check_file(path, file, false), copy_checked(path, file, room / "copy", 2)}) {
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message().find("it is torn"), std::string::npos) << found.error().message();
  }
}

}  // namespace
}  // namespace tillite
