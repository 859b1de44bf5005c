#include "vectors/records/record_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/must.h"
#include "vectors/records/record_json.h"

namespace tillite {
namespace {

using testing::must;

/// What the two ways of reading a text make of it: the record's one text, or that it is none.
std::string by_tree(const std::string& text) {
  const auto json = parse_json(text, "the record");
  if (!json) return "refused";
  const auto record = parse_record(*json);
  return record ? to_text(record_json(*record)) : "refused";
}
std::string in_one_pass(const std::string& text) {
  const auto record = parse_record_text(text);
  if (record) return to_text(record_json(*record));
  EXPECT_EQ(record.error().code(), Code::corrupt) << text;
  return "refused";
}

void expect_one_meaning(const std::string& text) {
  const std::string expected = by_tree(text);
  EXPECT_EQ(in_one_pass(text), expected) << text;
  const auto line = parse_record_line(text);
  ASSERT_EQ(line.has_value(), expected != "refused") << text;
  if (!line) return;
  const Record record = must(parse_record_text(text));
  EXPECT_EQ(line->id, record.id);
  EXPECT_EQ(line->kind, record.kind);
  EXPECT_EQ(line->item_version, record.item_version);
  EXPECT_EQ(line->metadata_version, record.metadata_version);
  EXPECT_EQ(line->delta, record.delta);
  EXPECT_EQ(by_tree(line->text), expected);
}

/// A line with this in its metadata.
std::string with_metadata(const std::string& metadata) {
  return R"({"document":"Milk","id":"a","input_hash":"x","item_version":2,"kind":"vector","metadata":{)" + metadata +
         R"(},"metadata_version":3})";
}

TEST(RecordText, HasOneMeaningHoweverItIsRead) {
  for (const char* const metadata : {R"()",
                                     R"("a":1)",
                                     R"("a":-1)",
                                     R"("a":0)",
                                     R"("a":-0)",
                                     R"("a":01)",
                                     R"("a":1.5)",
                                     R"("a":-0.5)",
                                     R"("a":-0.0)",
                                     R"("a":1.)",
                                     R"("a":.5)",
                                     R"("a":1e3)",
                                     R"("a":1E+3)",
                                     R"("a":1e)",
                                     R"("a":1e-400)",
                                     R"("a":1e999)",
                                     R"("a":0.1,"b":0.30000000000000004)",
                                     R"("a":9223372036854775807)",
                                     R"("a":9223372036854775808)",
                                     R"("a":18446744073709551616)",
                                     R"("a":-9223372036854775808)",
                                     R"("a":123456789012345678)",
                                     R"("a":true,"b":false)",
                                     R"("a":null)",
                                     R"("a":[1])",
                                     R"("a":{"b":1})",
                                     R"("b":1,"a":2)",
                                     R"("a":1,"a":2)",
                                     R"("":1)",
                                     R"("chroma:document":"x")",
                                     R"("chrom":"x")",
                                     R"("a":"\"\\\b\f\n\r\t")",
                                     R"("a":"\/")",
                                     R"("a":"\u0041")",
                                     R"("a":"\x")",
                                     R"("a\n":1)",
                                     "\"a\":\"\x01\"",
                                     "\"a\":\"Caf\xc3\xa9\"",
                                     "\"a\":\"\xc3\"",
                                     "\"a\":\"\xed\xa0\x80\"",
                                     "\"a\":\"\xc0\xaf\"",
                                     R"("a":"x)",
                                     R"("a" :1)",
                                     R"("a":1,)",
                                     R"("a":tru)"}) {
    expect_one_meaning(with_metadata(metadata));
  }
  for (
      const char* const text : {
          R"()",
          R"({})",
          R"([])",
          R"({"id":"a"})",
          R"({"delta":"d","document":"x","id":"a","item_version":1,"kind":"metadata","metadata":{},"metadata_version":1})",
          R"({"delta":"","document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":1,"kind":"metadata","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"","item_version":1,"kind":"metadata","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a\n","item_version":1,"kind":"metadata","metadata":{},"metadata_version":1})",
          "{\"document\":\"x\",\"id\":\"a\x7f\",\"item_version\":1,\"kind\":\"vector\",\"metadata\":{},"
          "\"metadata_version\":1}",
          R"({"document":"x","id":"a","item_version":1,"kind":"metadata","metadata":{},"metadata_version":0})",
          R"({"document":"x","id":"a","item_version":-1000000001,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":-1000000000,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":1.5,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":1,"kind":"other","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1} )",
          R"({"document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1}x)",
          R"({"id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({ "document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1,"more":2})",
          R"({"document":null,"id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1})",
          R"({"id":"a","item_version":1,"kind":"tombstone","metadata_version":1,"removed_at_ms":5})",
      }) {
    expect_one_meaning(text);
  }
}

TEST(RecordText, IsRefusedWhereverItIsCutOff) {
  const std::string text = with_metadata(R"("a":1,"b":"x","c":0.5,"d":true)");
  EXPECT_NE(in_one_pass(text), "refused");
  for (std::size_t size = 0; size < text.size(); ++size) expect_one_meaning(text.substr(0, size));
}

RC_GTEST_PROP(RecordText, GivesBackAnyRecord, ()) {
  Record record;
  record.id = RecordId("a" + *rc::gen::container<std::string>(rc::gen::inRange('!', '~')));
  record.kind = *rc::gen::element(RecordKind::vector, RecordKind::metadata);
  record.item_version = *rc::gen::inRange<std::int64_t>(1, 1'000'000);
  record.metadata_version = *rc::gen::inRange<std::int64_t>(1, 1'000'000);
  record.document = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i) {
    const std::string name = *rc::gen::container<std::string>(rc::gen::inRange('!', '~')) + "x";
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        record.metadata[name] = *rc::gen::arbitrary<std::int64_t>();
        break;
      case 1:
        record.metadata[name] = *rc::gen::arbitrary<double>();
        break;
      case 2:
        record.metadata[name] = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
        break;
      default:
        record.metadata[name] = *rc::gen::arbitrary<bool>();
        break;
    }
  }
  const std::string text = to_text(record_json(record));
  RC_ASSERT(in_one_pass(text) == by_tree(text));
  RC_ASSERT(must(parse_record_text(text)).metadata == must(parse_record(must(parse_json(text, "it")))).metadata);
}

TEST(RecordText, OfALineCanSayWhichDeltaBroughtIt) {
  const DeltaId delta("3f6ad0c1-5a7e-5a4b-9a6b-0d7a1b2c3d4e");
  const RecordLine line = must(of_delta(must(parse_record_line(with_metadata(R"("a":1)"))), delta));
  EXPECT_EQ(line.delta, delta);
  EXPECT_EQ(must(parse_record_text(line.text)).delta, delta);
  EXPECT_EQ(must(of_delta(line, delta)).text, line.text);
  const RecordLine other = must(of_delta(line, DeltaId("another")));
  EXPECT_EQ(must(parse_record_text(other.text)).delta, DeltaId("another"));

  const std::string unnamed =
      R"({"delta":"","document":"x","id":"a","item_version":1,"kind":"vector","metadata":{},"metadata_version":1})";
  const RecordLine named = must(of_delta(must(parse_record_line(unnamed)), delta));
  EXPECT_EQ(must(parse_record_text(named.text)).delta, delta);
}

}  // namespace
}  // namespace tillite
