#include "emulator/wire/multipart.h"

#include <gtest/gtest.h>

#include <vector>

namespace tillite::testing {
namespace {

/// Keeps what it hears.
class HeardForm final : public FormListener {
 public:
  struct Part {
    FormPart head;
    std::string content;
    bool is_whole = false;
  };
  Result<void> begin_part(FormPart part) override {
    parts.push_back({.head = std::move(part)});
    return {};
  }
  Result<void> take_content(std::span<const std::byte> piece) override {
    parts.back().content += as_text(piece);
    return {};
  }
  Result<void> end_part() override {
    parts.back().is_whole = true;
    return {};
  }
  std::vector<Part> parts;
};

constexpr std::string_view kForm =
    "--x\r\n"
    "Content-Disposition: form-data; name=\"purpose\"\r\n"
    "\r\n"
    "batch\r\n"
    "--x\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"a b.jsonl\"\r\n"
    "Content-Type: application/octet-stream\r\n"
    "\r\n"
    "{}\r\n--y\r\n\r\n--\r\n"
    "--x--\r\n";
constexpr std::string_view kFileContent = "{}\r\n--y\r\n\r\n--";

Result<void> read_in_pieces(MultipartReader& reader, std::string_view form, std::size_t piece_bytes) {
  while (!form.empty()) {
    const std::string_view piece = form.substr(0, piece_bytes);
    TRY(reader.take(as_bytes(piece)));
    form.remove_prefix(piece.size());
  }
  return reader.finish();
}

std::string complaint_about(std::string_view form) {
  HeardForm heard;
  MultipartReader reader("x", heard);
  const auto read = read_in_pieces(reader, form, form.size());
  return read ? "" : read.error().message();
}

TEST(MultipartTest, ReadsAFormInPiecesOfAnySize) {
  for (std::size_t piece_bytes = 1; piece_bytes <= kForm.size(); ++piece_bytes) {
    HeardForm heard;
    MultipartReader reader("x", heard);
    ASSERT_TRUE(read_in_pieces(reader, kForm, piece_bytes)) << piece_bytes;
    ASSERT_EQ(heard.parts.size(), 2U);
    EXPECT_EQ(heard.parts[0].head.name, "purpose");
    EXPECT_FALSE(heard.parts[0].head.is_file);
    EXPECT_EQ(heard.parts[0].content, "batch");
    EXPECT_EQ(heard.parts[1].head.name, "file");
    EXPECT_TRUE(heard.parts[1].head.is_file);
    EXPECT_EQ(heard.parts[1].head.file_name, "a b.jsonl");
    EXPECT_EQ(heard.parts[1].content, kFileContent);
    EXPECT_TRUE(heard.parts[1].is_whole);
  }
}

TEST(MultipartTest, SkipsWhatStandsBeforeAndAfterTheForm) {
  HeardForm heard;
  MultipartReader reader("x", heard);
  ASSERT_TRUE(read_in_pieces(reader, "hello\r\n" + std::string(kForm) + "good\r\n--x\r\nbye", 7));
  EXPECT_EQ(heard.parts.size(), 2U);
}

TEST(MultipartTest, AnEmptyPartIsOne) {
  HeardForm heard;
  MultipartReader reader("x", heard);
  ASSERT_TRUE(read_in_pieces(reader,
                             "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--x \t\r\n"
                             "content-disposition: form-data; name=\"q\\\"%22\"\r\n\r\n1\r\n--x--",
                             3));
  ASSERT_EQ(heard.parts.size(), 2U);
  EXPECT_EQ(heard.parts[0].content, "");
  EXPECT_EQ(heard.parts[1].head.name, "q\"\"");
}

TEST(MultipartTest, SaysWhatIsWrongWithAForm) {
  EXPECT_NE(complaint_about("--x\r\nContent-Disposition: form-data; name=a\r\n\r\nno end").find("before its last"),
            std::string::npos);
  EXPECT_NE(complaint_about("--x\r\nContent-Type: text/plain\r\n\r\n\r\n--x--").find("Content-Disposition"),
            std::string::npos);
  EXPECT_NE(complaint_about("--x\r\nno header\r\n\r\n\r\n--x--").find("without ':'"), std::string::npos);
  EXPECT_NE(complaint_about("--xy\r\n").find("goes on with other characters"), std::string::npos);
  EXPECT_NE(complaint_about(std::string(20'000, 'a')).find("does not begin"), std::string::npos);
  EXPECT_NE(complaint_about("--x\r\n" + std::string(20'000, 'a')).find("longer than"), std::string::npos);
}

TEST(MultipartTest, LimitsTheNumberOfParts) {
  std::string form;
  for (int i = 0; i < 101; ++i) form += "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
  EXPECT_NE(complaint_about(form + "--x--").find("more than 100 parts"), std::string::npos);
}

TEST(MultipartTest, TakesTheBoundaryFromTheContentType) {
  EXPECT_EQ(MultipartReader::boundary_of("multipart/form-data; boundary=abc").value_or(""), "abc");
  EXPECT_EQ(MultipartReader::boundary_of("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"").value_or(""), "a b");
  for (const char* other : {"", "application/json", "multipart/form-data",
                            "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a"}) {
    EXPECT_FALSE(MultipartReader::boundary_of(other)) << other;
  }
}

}  // namespace
}  // namespace tillite::testing
