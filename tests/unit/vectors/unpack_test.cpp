#include "vectors/files/unpack.h"

#include <gtest/gtest.h>

#include <map>

#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/files/tar_gz.h"

// Archives that other tools wrote, and such as somebody might write who means no good.

namespace tillite {
namespace {

using testing::must;
using testing::TempFolder;
using Files = std::map<std::string, std::string>;

class Unpack : public ::testing::Test {
 protected:
  TempFolder room = TempFolder::in_memory();
  Path folder = room / "unpacked";

  void SetUp() override { must(make_folders(folder)); }

  /// An archive of the seeds for fuzzing.
  static Path written_elsewhere(const std::string& name) {
    return Path(TILLITE_SOURCE_DIR) / "tests/fuzz/seeds/fuzz_unpack" / (name + ".tar.gz");
  }

  Path archive_of(const std::vector<std::pair<std::string, std::string>>& members) const {
    auto archive = must(TarGzWriter::create(room / "archive.tar.gz", 0));
    for (const auto& [name, content] : members) {
      must(archive.add(name, content.size(), *source_of(content), /*stored=*/false));
    }
    must(archive.finish());
    return room / "archive.tar.gz";
  }

  Result<Files> unpack(const Path& archive, const UnpackLimits& limits = {}) const {
    const auto source = must(file_source(archive));
    TRY(unpack_tar_gz(*source, folder, limits));
    Files files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = must(read_file(entry.path()));
    }
    return files;
  }

  void expect_refused(const Path& archive, Code code, const std::string& reason, const UnpackLimits& limits = {}) {
    const auto refused = unpack(archive, limits);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), code);
    EXPECT_NE(refused.error().message().find(reason), std::string::npos) << refused.error().message();
  }
};

TEST_F(Unpack, ReadsWhatGnuTarWrites) {
  const Files expected = {{"chroma.sqlite3", "tea\n"}, {"9a1e6d1c-8d5e-4d5a-9a55-0123456789ab/header.bin", "rows\n"}};
  EXPECT_EQ(must(unpack(written_elsewhere("gnu-tar"))), expected);
}

TEST_F(Unpack, ReadsWhatPythonWrites) {
  const Files expected = {{"delta/chroma.sqlite3", "tea\n"},
                          {"delta/9a1e6d1c-8d5e-4d5a-9a55-0123456789ab/header.bin", "rows\n"}};
  EXPECT_EQ(must(unpack(written_elsewhere("python-tarfile"))), expected);
}

TEST_F(Unpack, ReadsLongNamesInEachOfTheirForms) {
  const std::string part(60, 'a');
  const Files expected = {{"long/" + part + "/" + part + "/chroma.sqlite3", "tea\n"}};
  for (const char* form : {"gnu-long-name", "pax-long-name", "ustar-prefix"}) {
    std::filesystem::remove_all(folder);
    must(make_folders(folder));
    EXPECT_EQ(must(unpack(written_elsewhere(form))), expected) << form;
  }
}

TEST_F(Unpack, WritesNothingOutsideOfTheFolder) {
  for (const char* name : {"../outside", "delta/../../outside", "/tmp/outside"}) {
    expect_refused(archive_of({{name, "tea"}}), Code::corrupt, "whose name");
  }
  EXPECT_FALSE(std::filesystem::exists(room / "outside"));
}

TEST_F(Unpack, RefusesLinks) { expect_refused(written_elsewhere("link"), Code::corrupt, "not a file"); }

TEST_F(Unpack, RefusesANameThatComesTwice) {
  expect_refused(archive_of({{"a", "tea"}, {"./a", "milk"}}), Code::corrupt, "'a' twice");
}

TEST_F(Unpack, RefusesAFileThatIsAFolderToo) {
  expect_refused(archive_of({{"a", "tea"}, {"a/b", "milk"}}), Code::corrupt, "as a file and as a folder");
}

TEST_F(Unpack, RefusesAnArchiveThatIsNotWhole) {
  const std::string whole = must(read_file(archive_of({{"a", std::string(100'000, 'x')}})));
  must(replace_file(room / "torn.tar.gz", as_bytes(whole).first(whole.size() / 2)));
  expect_refused(room / "torn.tar.gz", Code::corrupt, "ends in the middle");
}

TEST_F(Unpack, StopsAtItsLimits) {
  const Path archive = archive_of({{"a", std::string(600, 'x')}, {"b", std::string(600, 'x')}});
  expect_refused(archive, Code::limit_exceeded, "more than 1000 bytes", {.members_max = 10, .bytes_max = 1'000});
  std::filesystem::remove_all(folder / "a");
  expect_refused(archive, Code::limit_exceeded, "more than 1 members", {.members_max = 1, .bytes_max = 10'000});
}

}  // namespace
}  // namespace tillite
