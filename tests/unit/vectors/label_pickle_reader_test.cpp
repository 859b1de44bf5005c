#include "vectors/hnsw/label_pickle_reader.h"

#include <gtest/gtest.h>

#include <map>

#include "base/bytes.h"
#include "snapshot_fixture.h"
#include "vectors/hnsw/segment_files.h"

namespace tillite {
namespace {

using Labels = std::map<std::string, std::uint64_t>;

class LabelPickleTest : public ::testing::Test {
 protected:
  Labels labels;

  Result<LabelPickleFacts> read(std::string_view pickle) {
    return read_label_pickle(as_bytes(pickle), "the pickle",
                             {.label_of_id = [&](std::string_view id, std::uint64_t label) -> Result<void> {
                                labels[std::string(id)] = label;
                                return {};
                              },
                              .id_of_label = {}});
  }

  void expect_refused(std::string_view pickle, Code code, const std::string& what) {
    const auto facts = read(pickle);
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().code(), code);
    EXPECT_NE(facts.error().message().find(what), std::string::npos) << facts.error().message();
  }

  static std::string from_hex(std::string_view digits) {
    std::string bytes;
    for (; !digits.empty(); digits.remove_prefix(2)) {
      bytes += static_cast<char>(std::stoi(std::string(digits.substr(0, 2)), nullptr, 16));
    }
    return bytes;
  }
};

TEST_F(LabelPickleTest, ReadsWhatWeWrite) {
  const auto room = must(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-tests"));
  const Labels written = {{"a", 1}, {"b", 70'000}, {"c", std::uint64_t{1} << 40}};
  must(write_label_pickle(room.path(), std::uint64_t{1} << 41, [&](const auto& each) -> Result<void> {
    for (const auto& [id, label] : written) TRY(each(RecordId(id), label));
    return {};
  }));
  const auto facts = must(read(must(read_file(room.path() / kPickleFile))));
  EXPECT_EQ(labels, written);
  EXPECT_EQ(facts.labels_given, std::uint64_t{1} << 41);
  EXPECT_EQ(facts.labels, 3U);
  EXPECT_EQ(facts.ids, 3U);
}

// pickle.dumps({"total_elements_added": 2, "max_seq_id": 7, "id_to_label": {a: 1, b: 2}, "label_to_id": {1: a, 2: b},
// "id_to_seq_id": {}}, 3): Python keeps every text, and recalls it where it comes again.
TEST_F(LabelPickleTest, ReadsWhatPythonWritesInProtocolThree) {
  const auto facts = must(
      read(from_hex("80037d7100285814000000746f74616c5f656c656d656e74735f616464656471014b02580a0000006d61785f7365715f"
                    "696471024b07580b00000069645f746f5f6c6162656c71037d71042858010000006171054b0158010000006271064b02"
                    "75580b0000006c6162656c5f746f5f696471077d7108284b0168054b02680675580c00000069645f746f5f7365715f69"
                    "6471097d710a752e")));
  EXPECT_EQ(labels, (Labels{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(facts.labels_given, 2U);
  EXPECT_EQ(facts.max_seq_id, 7U);
  EXPECT_EQ(facts.ids, 2U);
}

// pickle.dumps({"total_elements_added": 1, "id_to_label": {a: 1}, "label_to_id": {1: a}}, 4)
TEST_F(LabelPickleTest, ReadsWhatPythonWritesInProtocolFour) {
  const auto facts = must(
      read(from_hex("8004954a000000000000007d94288c14746f74616c5f656c656d656e74735f6164646564944b018c0b69645f746f5f6c"
                    "6162656c947d948c0161944b01738c0b6c6162656c5f746f5f6964947d944b01680473752e")));
  EXPECT_EQ(labels, (Labels{{"a", 1}}));
  EXPECT_EQ(facts.ids, 1U);
}

TEST_F(LabelPickleTest, MakesNoPythonObject) {
  expect_refused(
      "\x80\x03"
      "cos\nsystem\n(X\x02\x00\x00\x00lsR.",
      Code::unsupported, "at byte 2: it wants a Python class to be made");
}

TEST_F(LabelPickleTest, NamesThePlaceWhereItIsTorn) {
  expect_refused(std::string_view("\x80\x03}(X\x14\x00\x00\x00total", 14), Code::corrupt, "at byte 4");
  expect_refused("", Code::corrupt, "torn");
}

TEST_F(LabelPickleTest, RefusesWhatIsNoDictOfLabels) {
  expect_refused("\x80\x03}.", Code::corrupt, "is not the dict");
  expect_refused("\x80\x03].", Code::corrupt, "instruction, 0x5d");
  expect_refused("\x80\x03K\x01(", Code::corrupt, "something else than a dict");
  expect_refused("\x80\x03}h\x05", Code::corrupt, "never kept");
  expect_refused(std::string_view("\x80\x03}r\xff\xff\xff\xff", 8), Code::corrupt, "nobody counts");
  expect_refused("\x80\x03u", Code::corrupt, "never began");
  expect_refused("\x80\x03}(K\x01u", Code::corrupt, "key without a value");
}

TEST_F(LabelPickleTest, BoundsWhatNestingAndTextsTake) {
  expect_refused("\x80\x03" + std::string(1'000, '}'), Code::corrupt, "dicts within dicts");
  expect_refused(std::string_view("\x80\x03}(X\xff\xff\xff\x7f", 9), Code::corrupt, "at most 65536");
}

}  // namespace
}  // namespace tillite
