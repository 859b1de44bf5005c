#include "adapters/aws/s3_object_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "support/faulty_proxy.h"
#include "support/must.h"
#include "support/scripted_s3.h"
#include "support/seeded_random.h"
#include "support/served_aws.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kPartBytes = 1000;
constexpr std::size_t kSingleBytesMax = 2000;

/// Bytes of which no two thousand are alike.
std::string long_content(std::size_t bytes = 10'500) {
  std::string content;
  for (int i = 0; content.size() < bytes; ++i) content += fmt::format("line {}\n", i);
  content.resize(bytes);
  return content;
}

HttpServer::Answer hang_up() { return {.raw = ""}; }

class S3ObjectStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<S3ObjectStore> store_at(const std::string& url, const std::string& bucket = "a-bucket",
                                          std::size_t connections = 3) {
    AwsSettings settings;
    settings.timeouts.idle_ms = 300;
    return must(S3ObjectStore::open(
        aws_client_at(url, AwsApi::s3, clock, random, settings),
        {.bucket = bucket, .connections = connections, .part_bytes = kPartBytes, .single_bytes_max = kSingleBytesMax},
        random, stop.get_token()));
  }
  /// The next call of this name is not answered while the test runs; the stop comes as soon as it is there.
  void stop_in_next(const std::string& call) {
    s3.before_next(call, [this, end = test_end.get_future().share()] {
      stop.request_stop();
      end.wait();
    });
  }
  void TearDown() override { test_end.set_value(); }
  std::unique_ptr<S3ObjectStore> store_behind(const FaultyProxy& proxy) {
    return store_at(fmt::format("http://127.0.0.1:{}", proxy.port()), "a-bucket", 1);
  }
  Path file_of(const std::string& content) {
    const Path file = folder / "file";
    EXPECT_TRUE(replace_file(file, as_bytes(content)));
    return file;
  }
  std::string fetched(ObjectStore& from, const ObjectKey& name) {
    const auto file = from.fetch(name, folder / "scratch");
    return file ? must(read_file(*file)) : file.error().message();
  }
  static std::string read(ObjectStore& from, const ObjectKey& name) {
    const auto content = read_object(from, name);
    return content ? *content : content.error().message();
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  std::stop_source stop;
  std::promise<void> test_end;
  ScriptedS3 s3;
  std::unique_ptr<S3ObjectStore> store = store_at(s3.url());
  const ObjectKey key{"a/key"};
};

// -------------------------------------------------------------------------------------------------- addresses

TEST_F(S3ObjectStoreTest, NothingIsSentBeforeTheFirstCall) { EXPECT_TRUE(s3.requests().empty()); }

TEST_F(S3ObjectStoreTest, AtAnAddressOfItsOwnTheBucketIsInThePath) {
  ASSERT_TRUE(store->create(key, as_bytes("x")));
  EXPECT_EQ(s3.requests().at(0).target, "/a-bucket/a/key");
}

TEST_F(S3ObjectStoreTest, AtAwsTheBucketIsInTheHostsName) {
  HttpServer proxy([](const HttpServer::Request&) { return HttpServer::Answer{.status = 403}; });
  ::setenv("https_proxy", proxy.url("").c_str(), 1);
  const auto at_aws = store_at("");
  EXPECT_FALSE(at_aws->info(key));
  EXPECT_FALSE(store_at("", "a.bucket.with.dots")->info(key));
  ::unsetenv("https_proxy");
  ASSERT_GE(proxy.requests().size(), 2U);
  EXPECT_EQ(proxy.requests().front().target, "a-bucket.s3.us-east-1.amazonaws.com:443");
  EXPECT_EQ(proxy.requests().back().target, "s3.us-east-1.amazonaws.com:443") << "no certificate covers such a name";
}

TEST_F(S3ObjectStoreTest, ABucketThatIsNotThereIsNamedAndNotTakenForAnObjectThatIsNot) {
  const auto elsewhere = store_at(s3.url(), "missing-bucket");
  for (const Error& error : {elsewhere->info(key).error(), elsewhere->open(key).error(),
                             elsewhere->create(key, as_bytes("x")).error(), elsewhere->list("", "", 1).error()}) {
    EXPECT_EQ(error.code(), Code::invalid_input) << error.message();
    EXPECT_NE(error.message().find("there is no bucket missing-bucket"), std::string::npos) << error.message();
  }
}

TEST_F(S3ObjectStoreTest, WhatCannotBeABucketsNameIsRefused) {
  for (const char* name : {"", "ab", "UPPER", "a/b", "-ab", "ab-", "a..b", "a b"}) {
    const auto refused =
        S3ObjectStore::open(aws_client_at(s3.url(), AwsApi::s3, clock, random), {.bucket = name}, random);
    EXPECT_EQ(refused.error().code(), Code::invalid_input) << name;
  }
}

// ---------------------------------------------------------------------------------------------- small objects

TEST_F(S3ObjectStoreTest, AFaultAndARequestToSlowDownAreTriedAgain) {
  for (const char* call : {"PUT", "HEAD", "GET", "DELETE", "LIST"}) {
    s3.answer_next(call, ScriptedS3::refusal(500, "InternalError"));
    s3.answer_next(call, ScriptedS3::refusal(503, "SlowDown"));
  }
  ASSERT_TRUE(store->create(key, as_bytes("content")));
  EXPECT_EQ(must(store->info(key)).size_bytes, 7U);
  EXPECT_EQ(read(*store, key), "content");
  EXPECT_EQ(must(store->list("", "", 10)).size(), 1U);
  EXPECT_TRUE(store->remove(key));
  for (const char* call : {"PUT", "HEAD", "GET", "DELETE", "LIST"}) EXPECT_EQ(s3.count(call), 3U) << call;
  EXPECT_FALSE(clock.slept_ms().empty());
}

TEST_F(S3ObjectStoreTest, AWriteWhoseAnswerWasLostIsKnownAsItsOwn) {
  s3.answer_next("PUT", hang_up(), /*is_done=*/true);
  EXPECT_TRUE(store->create(key, as_bytes("one")));
  EXPECT_EQ(s3.count("PUT"), 2U) << "the second was refused";
  const std::string etag = must(store->info(key)).etag;
  s3.answer_next("PUT", hang_up(), /*is_done=*/true);
  EXPECT_TRUE(store->replace(key, as_bytes("two"), etag));
  EXPECT_EQ(s3.content("a/key"), "two");
}

TEST_F(S3ObjectStoreTest, AWriteWhoseEveryAnswerWasLostIsLookedFor) {
  for (int i = 0; i < 5; ++i) s3.answer_next("PUT", hang_up(), /*is_done=*/true);
  EXPECT_TRUE(store->create(key, as_bytes("one")));
  for (int i = 0; i < 5; ++i) s3.answer_next("PUT", hang_up());
  EXPECT_EQ(store->create(ObjectKey("other"), as_bytes("one")).error().code(), Code::unavailable);
}

TEST_F(S3ObjectStoreTest, AnotherOnesWriteAfterALostAnswerIsAConflict) {
  s3.answer_next("PUT", hang_up());
  s3.before_next("PUT", [] {});
  s3.before_next("PUT", [this] { s3.write("a/key", "one"); });
  EXPECT_EQ(store->create(key, as_bytes("one")).error().code(), Code::conflict) << "the same bytes, but not ours";
}

TEST_F(S3ObjectStoreTest, AConcurrentWriteIsLookedAtAndThenTriedAgain) {
  s3.answer_next("PUT", ScriptedS3::refusal(409, "ConditionalRequestConflict"));
  EXPECT_TRUE(store->create(key, as_bytes("one"))) << "the other one did not write";
  const std::string etag = must(store->info(key)).etag;
  s3.answer_next("PUT", ScriptedS3::refusal(409, "ConditionalRequestConflict"));
  EXPECT_TRUE(store->replace(key, as_bytes("two"), etag));

  s3.before_next("PUT", [this] { s3.write("a/key", "another's"); });
  s3.answer_next("PUT", ScriptedS3::refusal(409, "ConditionalRequestConflict"));
  EXPECT_EQ(store->replace(key, as_bytes("three"), must(store->info(key)).etag).error().code(), Code::conflict);
  EXPECT_EQ(s3.content("a/key"), "another's");
}

TEST_F(S3ObjectStoreTest, ConcurrentWritesWithoutEndAreGivenUp) {
  for (int i = 0; i < 5; ++i) s3.answer_next("PUT", ScriptedS3::refusal(409, "ConditionalRequestConflict"));
  EXPECT_EQ(store->create(key, as_bytes("one")).error().code(), Code::unavailable);
}

TEST_F(S3ObjectStoreTest, ARefusedWriteIsAConflictAtOnce) {
  s3.write("a/key", "another's");
  EXPECT_EQ(store->create(key, as_bytes("x")).error().code(), Code::conflict);
  EXPECT_EQ(store->replace(key, as_bytes("x"), "\"other\"").error().code(), Code::conflict);
  EXPECT_EQ(store->replace(ObjectKey("gone"), as_bytes("x"), "\"other\"").error().code(), Code::conflict);
  EXPECT_EQ(s3.count("PUT"), 3U);
}

TEST_F(S3ObjectStoreTest, ABodyThatCameDamagedIsSentAgain) {
  s3.answer_next("PUT", ScriptedS3::refusal(400, "BadDigest"));
  EXPECT_TRUE(store->create(key, as_bytes("one")));
  for (int i = 0; i < 5; ++i) s3.answer_next("PUT", ScriptedS3::refusal(400, "BadDigest"));
  EXPECT_EQ(store->put(key, as_bytes("two")).error().code(), Code::corrupt);
}

TEST_F(S3ObjectStoreTest, AnUploadThatIsCutOffIsSentAgain) {
  FaultyProxy proxy(s3.port());
  proxy.break_next({.request_bytes = 1500});
  EXPECT_TRUE(store_behind(proxy)->create(key, as_bytes(long_content(kSingleBytesMax))));
  EXPECT_EQ(s3.content("a/key"), long_content(kSingleBytesMax));
}

TEST_F(S3ObjectStoreTest, AnUploadWhoseAnswerIsCutOffIsNotTakenForAnothers) {
  FaultyProxy proxy(s3.port());
  proxy.break_next({.response_bytes = 5});
  EXPECT_TRUE(store_behind(proxy)->create(key, as_bytes("one")));
}

TEST_F(S3ObjectStoreTest, AWriteWhoseAnswerWasLostIsKnownAsItsOwnBehindABodyThatCameDamagedToo) {
  s3.answer_next("PUT", hang_up(), /*is_done=*/true);
  s3.answer_next("PUT", ScriptedS3::refusal(400, "BadDigest"));
  EXPECT_TRUE(store->create(key, as_bytes("one")));
  EXPECT_EQ(s3.count("PUT"), 3U);
}

TEST_F(S3ObjectStoreTest, ARefusalIsNoConflictWhereNobodyCanSeeWhoseWriteItMet) {
  s3.answer_next("PUT", hang_up(), /*is_done=*/true);
  for (int i = 0; i < 5; ++i) s3.answer_next("HEAD", ScriptedS3::refusal(503, "SlowDown"));
  const auto written = store->create(key, as_bytes("one"));
  EXPECT_EQ(written.error().code(), Code::unavailable) << written.error().message();
  EXPECT_TRUE(written.error().message().starts_with("whether s3://a-bucket/a/key was written by this write"))
      << written.error().message();
}

TEST_F(S3ObjectStoreTest, AnEmptyObjectIsAnObject) {
  ASSERT_TRUE(store->create(key, {}));
  EXPECT_EQ(read(*store, key), "");
  EXPECT_EQ(fetched(*store, key), "");
}

// ------------------------------------------------------------------------------------------------- downloads

TEST_F(S3ObjectStoreTest, ADownloadThatIsCutOffGoesOnWhereItStood) {
  const std::string content = long_content(1900);
  ASSERT_TRUE(store->create(key, as_bytes(content)));
  FaultyProxy proxy(s3.port());
  for (int i = 0; i < 3; ++i) proxy.break_next({.response_bytes = 700});
  EXPECT_EQ(read(*store_behind(proxy), key), content);
  const auto last = s3.requests().back();
  EXPECT_TRUE(last.headers.at("range").starts_with("bytes=")) << last.headers.at("range");
  EXPECT_EQ(last.headers.at("if-match"), must(store->info(key)).etag);
}

TEST_F(S3ObjectStoreTest, ADownloadThatStandsStillGoesOnOverAnotherConnection) {
  const std::string content = long_content(1900);
  ASSERT_TRUE(store->create(key, as_bytes(content)));
  FaultyProxy proxy(s3.port());
  proxy.break_next({.response_bytes = 700, .stalls = true});
  EXPECT_EQ(read(*store_behind(proxy), key), content);
}

TEST_F(S3ObjectStoreTest, ADownloadThatAlwaysBreaksOffIsGivenUp) {
  ASSERT_TRUE(store->create(key, as_bytes(long_content(1900))));
  FaultyProxy proxy(s3.port());
  for (int i = 0; i < 100; ++i) proxy.break_next({.response_bytes = 20});
  const auto source = store_behind(proxy)->open(key);
  EXPECT_EQ(source.error().code(), Code::unavailable);
}

TEST_F(S3ObjectStoreTest, AReaderSeesOneVersionOnly) {
  ASSERT_TRUE(store->create(key, as_bytes(long_content(1900))));
  FaultyProxy proxy(s3.port());
  proxy.break_next({.response_bytes = 700});
  const auto source = must(store_behind(proxy)->open(key));
  s3.write("a/key", long_content(1800));
  EXPECT_EQ(read_all(*source, 10'000).error().code(), Code::unavailable);
}

TEST_F(S3ObjectStoreTest, WhatIsNotWhatWasWrittenIsCorrupt) {
  ASSERT_TRUE(store->create(key, as_bytes("content")));
  ASSERT_TRUE(store->create_from_file(ObjectKey("large"), file_of(long_content())));
  for (const char* name : {"a/key", "large"}) {
    s3.damage(name);
    EXPECT_EQ(read_object(*store, ObjectKey(name)).error().code(), Code::corrupt) << name;
    EXPECT_EQ(store->fetch(ObjectKey(name), folder / "scratch").error().code(), Code::corrupt) << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "scratch"));
}

TEST_F(S3ObjectStoreTest, ALargeObjectIsFetchedInRangesOfOneVersion) {
  s3.write("a/key", long_content());
  EXPECT_EQ(fetched(*store, key), long_content());
  EXPECT_EQ(s3.count("GET"), 11U);
  const std::string etag = must(store->info(key)).etag;
  for (const auto& request : s3.requests()) {
    if (!request.headers.contains("range")) continue;
    EXPECT_EQ(request.headers.at("if-match"), etag);
  }
}

TEST_F(S3ObjectStoreTest, AFetchThatIsCutOffGoesOnAndOneThatFailsLeavesNothing) {
  s3.write("a/key", long_content());
  FaultyProxy proxy(s3.port());
  for (int i = 0; i < 4; ++i) proxy.break_next({.response_bytes = 600});
  EXPECT_EQ(fetched(*store_behind(proxy), key), long_content());

  s3.before_next("GET", [] {});
  s3.before_next("GET", [this] { s3.write("a/key", "another's"); });
  EXPECT_EQ(store->fetch(key, folder / "other").error().code(), Code::unavailable) << "it was replaced meanwhile";
  EXPECT_TRUE(std::filesystem::is_empty(folder / "other"));
}

// --------------------------------------------------------------------------------------------------- in parts

TEST_F(S3ObjectStoreTest, ALargeFileGoesInPartsAndAppearsAsAWhole) {
  const Path file = file_of(long_content());
  ASSERT_TRUE(store->create_from_file(key, file));
  EXPECT_EQ(s3.count("PART"), 11U);
  EXPECT_EQ(s3.content("a/key"), long_content());
  EXPECT_EQ(s3.open_uploads(), 0U);
  EXPECT_EQ(read(*store, key), long_content());
  EXPECT_TRUE(std::filesystem::exists(file)) << "it stays where it is";
}

TEST_F(S3ObjectStoreTest, WhereAnObjectStandsNoPartIsSent) {
  s3.write("a/key", "another's");
  EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::conflict);
  EXPECT_EQ(s3.count("BEGIN"), 0U);
}

TEST_F(S3ObjectStoreTest, WhoCompletesLaterHasLostAndLeavesNoParts) {
  s3.before_next("COMPLETE", [this] { s3.write("a/key", "another's"); });
  EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::conflict);
  EXPECT_EQ(s3.content("a/key"), "another's");
  EXPECT_EQ(s3.open_uploads(), 0U);
}

TEST_F(S3ObjectStoreTest, APartThatFailsIsSentAgainAndOneThatNeverGoesEndsTheUpload) {
  s3.answer_next("PART", ScriptedS3::refusal(503, "SlowDown"));
  s3.answer_next("PART", ScriptedS3::refusal(400, "BadDigest"));
  s3.answer_next("PART", hang_up());
  ASSERT_TRUE(store->create_from_file(key, file_of(long_content())));
  EXPECT_EQ(s3.content("a/key"), long_content());

  for (int i = 0; i < 15; ++i) s3.answer_next("PART", ScriptedS3::refusal(400, "InvalidRequest"));
  const ObjectKey other("other");
  EXPECT_EQ(store->create_from_file(other, file_of(long_content())).error().code(), Code::invalid_input);
  EXPECT_EQ(s3.content("other"), "(none)");
  EXPECT_EQ(s3.open_uploads(), 0U);
}

TEST_F(S3ObjectStoreTest, AnErrorBehindTheStatus200IsAnError) {
  auto answer = ScriptedS3::refusal(200, "InternalError");
  s3.answer_next("COMPLETE", answer);
  ASSERT_TRUE(store->create_from_file(key, file_of(long_content())));
  EXPECT_EQ(s3.count("COMPLETE"), 2U);
}

TEST_F(S3ObjectStoreTest, AnErrorBehindTheStatus200MeansWhatItMeansElsewhere) {
  const std::vector<std::pair<const char*, Code>> errors = {
      {"InvalidPart", Code::invalid_input}, {"AccessDenied", Code::permission}, {"PreconditionFailed", Code::conflict}};
  for (const auto& [name, code] : errors) {
    s3.answer_next("COMPLETE", ScriptedS3::refusal(200, name));
    const std::size_t before = s3.count("COMPLETE");
    EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), code) << name;
    EXPECT_EQ(s3.count("COMPLETE"), before + 1) << name << ": it does not pass";
    EXPECT_EQ(s3.open_uploads(), 0U) << name;
  }
  s3.answer_next("COMPLETE", ScriptedS3::refusal(200, "ConditionalRequestConflict"));
  const std::size_t before = s3.count("BEGIN");
  EXPECT_TRUE(store->create_from_file(key, file_of(long_content())));
  EXPECT_EQ(s3.count("BEGIN"), before + 2) << "the whole upload is repeated";
}

TEST_F(S3ObjectStoreTest, BehindACompletionThatMayHaveDoneItTheRefusalIsNotTakenForAnothers) {
  auto failed = ScriptedS3::refusal(200, "InternalError");
  failed.body = "   \n  " + failed.body;  // S3 sends blanks while it puts the parts together
  const HttpServer::Answer cut_in_the_body = {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<?xml version="};
  const HttpServer::Answer without_a_word = {.status = 200};
  for (const HttpServer::Answer& first : {failed, cut_in_the_body, without_a_word}) {
    s3.answer_next("COMPLETE", first, /*is_done=*/true);
    s3.answer_next("COMPLETE", ScriptedS3::refusal(412, "PreconditionFailed"));
    EXPECT_TRUE(store->create_from_file(key, file_of(long_content()))) << "it is there, with this write's id";
    ASSERT_TRUE(store->remove(key));
    s3.answer_next("COMPLETE", first, /*is_done=*/true);  // and then there is no such upload any more
    EXPECT_TRUE(store->create_from_file(key, file_of(long_content())));
    ASSERT_TRUE(store->remove(key));
    s3.answer_next("COMPLETE", first);
    s3.before_next("COMPLETE", [] {});
    s3.before_next("COMPLETE", [this] { s3.write("a/key", "another's"); });
    EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::conflict);
    ASSERT_TRUE(store->remove(key));
  }
}

TEST_F(S3ObjectStoreTest, ACompletionThatAlwaysFailsBehindTheStatus200IsLookedFor) {
  for (int i = 0; i < 5; ++i) s3.answer_next("COMPLETE", ScriptedS3::refusal(200, "InternalError"), i == 0);
  EXPECT_TRUE(store->create_from_file(key, file_of(long_content())));
  for (int i = 0; i < 5; ++i) s3.answer_next("COMPLETE", ScriptedS3::refusal(200, "InternalError"));
  const auto written = store->create_from_file(ObjectKey("other"), file_of(long_content()));
  EXPECT_EQ(written.error().code(), Code::unavailable);
  EXPECT_TRUE(written.error().message().contains("InternalError: as the test says")) << written.error().message();
}

TEST_F(S3ObjectStoreTest, ACompletionWhoseAnswerWasLostIsKnownAsItsOwn) {
  s3.answer_next("COMPLETE", hang_up(), /*is_done=*/true);
  ASSERT_TRUE(store->create_from_file(key, file_of(long_content())));
  EXPECT_EQ(s3.count("BEGIN"), 1U);
  EXPECT_EQ(s3.content("a/key"), long_content());
}

TEST_F(S3ObjectStoreTest, AConcurrentCompletionHasTheWholeUploadRepeated) {
  s3.answer_next("COMPLETE", ScriptedS3::refusal(409, "ConditionalRequestConflict"));
  ASSERT_TRUE(store->create_from_file(key, file_of(long_content())));
  EXPECT_EQ(s3.count("BEGIN"), 2U);
  EXPECT_EQ(s3.open_uploads(), 0U);
}

// ------------------------------------------------------------------------------------------------------- stops

TEST_F(S3ObjectStoreTest, AStopEndsACallThatIsNotAnswered) {
  s3.write("a/key", "content");
  const ObjectKey other("other");
  const auto code_of = [](const auto& result) { return result ? Code::internal : result.error().code(); };
  const std::vector<std::pair<const char*, std::function<Code()>>> calls = {
      {"PUT", [&] { return code_of(store->create(other, as_bytes("x"))); }},
      {"HEAD", [&] { return code_of(store->info(key)); }},
      {"GET", [&] { return code_of(store->open(key)); }},
      {"GET", [&] { return code_of(store->fetch(key, folder / "scratch")); }},
      {"LIST", [&] { return code_of(store->list("", "", 1)); }},
      {"DELETE", [&] { return code_of(store->remove(other)); }}};
  for (const auto& [name, call] : calls) {
    stop = std::stop_source();
    store = store_at(s3.url());
    std::promise<void> end;
    s3.before_next(name, [this, ended = end.get_future().share()] {
      stop.request_stop();
      ended.wait();
    });
    EXPECT_EQ(call(), Code::cancelled) << name;
    end.set_value();
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "scratch"));
}

TEST_F(S3ObjectStoreTest, BehindAStopNothingIsSentAndNothingWaited) {
  stop.request_stop();
  EXPECT_EQ(store->create(key, as_bytes("x")).error().code(), Code::cancelled);
  EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::cancelled);
  EXPECT_TRUE(s3.requests().empty());
  EXPECT_TRUE(clock.slept_ms().empty());
}

TEST_F(S3ObjectStoreTest, AStopEndsAnUploadInPartsAndWhatWasSentIsRemoved) {
  stop_in_next("PART");
  EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::cancelled);
  EXPECT_LT(s3.count("PART"), 11U) << "those that were not under way are not sent any more";
  EXPECT_EQ(s3.count("ABORT"), 1U);
  EXPECT_EQ(s3.open_uploads(), 0U);
}

TEST_F(S3ObjectStoreTest, PartsThatCannotBeRemovedBehindAStopKeepNobodyWaiting) {
  std::promise<void> removal_end;
  stop_in_next("PART");
  s3.before_next("ABORT", [end = removal_end.get_future().share()] { end.wait(); });
  AwsSettings settings;
  settings.timeouts.idle_ms = 60'000;
  store = must(S3ObjectStore::open(
      aws_client_at(s3.url(), AwsApi::s3, clock, random, settings),
      {.bucket = "a-bucket", .part_bytes = kPartBytes, .single_bytes_max = kSingleBytesMax}, random, stop.get_token()));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(store->create_from_file(key, file_of(long_content())).error().code(), Code::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  removal_end.set_value();
}

TEST_F(S3ObjectStoreTest, AStopEndsAFetchInRangesAndWhatIsReadOfASource) {
  s3.write("a/key", long_content());
  s3.before_next("GET", [] {});
  stop_in_next("GET");
  EXPECT_EQ(store->fetch(key, folder / "scratch").error().code(), Code::cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "scratch"));

  stop = std::stop_source();
  FaultyProxy proxy(s3.port());
  proxy.break_next({.response_bytes = 900, .stalls = true});
  const auto source = must(store_behind(proxy)->open(key));
  std::array<std::byte, 100> piece{};
  EXPECT_TRUE(source->read(piece));
  stop.request_stop();
  EXPECT_EQ(read_all(*source, 20'000).error().code(), Code::cancelled);
}

// ------------------------------------------------------------------------------------------------------ lists

TEST_F(S3ObjectStoreTest, AListGoesOverPagesAndLeavesOutWhatIsNoKeyOfOurs) {
  for (int i = 0; i < 12; ++i) s3.write(fmt::format("p/{:02}", i), "x");
  for (const char* foreign : {"p/", "p/a b", "p/\xc3\xa9", "p//x", "p/00/"}) s3.write(foreign, "x");
  EXPECT_EQ(must(list_all(*store, "p/")).size(), 12U);
  EXPECT_EQ(must(store->list("p/", "p/03", 3)).at(0).key.str(), "p/04");
  EXPECT_EQ(must(store->list("p/", "p/03", 7)).size(), 7U);
  EXPECT_TRUE(must(store->list("p/", "", 0)).empty());
}

TEST_F(S3ObjectStoreTest, AListThatCannotBeReadIsCorrupt) {
  for (const char* body :
       {"", "<ListBucketResult>", "<Other/>", "<ListBucketResult/>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%</Key></Contents></ListBucketResult>"}) {
    s3.answer_next("LIST", {.body = body});
    EXPECT_EQ(store->list("", "", 10).error().code(), Code::corrupt) << body;
  }
}

}  // namespace
}  // namespace tillite::testing
