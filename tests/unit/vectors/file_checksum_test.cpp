#include "vectors/files/file_checksum.h"

#include <gtest/gtest.h>

#include <array>

#include "base/hex.h"
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
  template <typename Hash>
  static std::string by_the_document(std::string_view content) {
    if (content.size() <= kPart) return sha256_hex(content);
    Hash all;
    std::size_t parts = 0;
    for (std::size_t begin = 0; begin < content.size(); begin += kPart, ++parts) {
      Hash part;
      part.update(as_bytes(content.substr(begin, kPart)));
      all.update(part.digest());
    }
    return fmt::format("{}-{}", hex_of(all.digest()), parts);
  }
  static constexpr std::array kForms = {ChecksumForm::by_parts, ChecksumForm::by_sha256_parts, ChecksumForm::whole};
};

TEST_F(FileChecksum, IsMadeOfTheDigestsOfItsParts) {
  EXPECT_EQ(checksum("", ChecksumForm::by_parts), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const std::size_t size : {std::size_t{1}, kPart - 1, kPart, kPart + 1, 2 * kPart, 5 * kPart + 12'345}) {
    const std::string content = content_of(size);
    EXPECT_EQ(checksum(content, ChecksumForm::by_parts), by_the_document<Xxh3Stream>(content)) << size;
    EXPECT_EQ(checksum(content, ChecksumForm::by_sha256_parts), by_the_document<Sha256>(content)) << size;
    EXPECT_EQ(checksum(content, ChecksumForm::whole), sha256_hex(content)) << size;
  }
}

TEST_F(FileChecksum, IsTheSameWithAnyNumberOfThreadsAndInPiecesOfAnySize) {
  const std::string content = content_of(3 * kPart + 77);
  for (const auto form : kForms) {
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
    EXPECT_EQ(must(sink.finish()), by_the_document<Xxh3Stream>(content));
    EXPECT_EQ(must(read_file(path)), content);
  }
}

TEST_F(FileChecksum, HasAFormThatFitsTheSize) {
  const std::string plain = sha256_hex("x");
  EXPECT_EQ(checksum_form(plain, 0), ChecksumForm::by_parts);
  EXPECT_EQ(checksum_form(plain, kPart), ChecksumForm::by_parts);
  EXPECT_EQ(checksum_form(plain, kPart + 1), ChecksumForm::whole);
  const std::string quick = plain.substr(0, 32);
  for (const std::size_t size : {kPart + 1, 2 * kPart}) {
    EXPECT_EQ(checksum_form(plain + "-2", size), ChecksumForm::by_sha256_parts);
    EXPECT_EQ(checksum_form(quick + "-2", size), ChecksumForm::by_parts);
  }
  for (const std::string& other :
       {std::string(), plain.substr(1), plain + "-", plain + "-1", plain + "-3", plain + "-02", plain + "-2 ",
        "G" + plain.substr(1), plain + "2", quick, quick + "-1", quick.substr(1) + "-2", quick + "a-2"}) {
    EXPECT_FALSE(checksum_form(other, 2 * kPart)) << other;
  }
  EXPECT_FALSE(checksum_form(plain + "-1", kPart)) << "a file of one part has its SHA-256";
  EXPECT_FALSE(checksum_form(quick, kPart)) << "and no other sum";
}

TEST_F(FileChecksum, FindsOneWrongBitInAnyPart) {
  const std::string content = content_of(3 * kPart + 10);
  for (const auto form : kForms) {
    const Manifest::SnapshotFile file{
        .name = "rows", .size_bytes = content.size(), .checksum = checksum(content, form)};
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
      .name = "rows", .size_bytes = content.size() + 1, .checksum = checksum(content, ChecksumForm::by_parts)};
  for (const auto& found : {check_file(path, file, false), copy_checked(path, file, room / "copy", 2)}) {
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message().find("it is torn"), std::string::npos) << found.error().message();
  }
}

}  // namespace
}  // namespace tillite
