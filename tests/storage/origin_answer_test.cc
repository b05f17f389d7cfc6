// SPDX-License-Identifier: Apache-2.0
#include "storage/origin_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/conditional.h"

namespace millrace::storage {
namespace {

using base::Reason;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kNow = 1'767'225'600;

net::Headers headers_of(const Fields& fields) {
  net::Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

OriginQuestion whole() { return {.key = "a/photo.jpg", .range = {}, .known_validator = {}}; }
OriginQuestion part(std::uint64_t offset, std::optional<std::uint64_t> length) {
  OriginQuestion question = whole();
  question.range = ByteRange{offset, length};
  return question;
}

base::Result<OriginAnswer> read(const OriginQuestion& question, int status, const Fields& fields,
                                std::optional<std::uint64_t> length) {
  return read_origin_answer(question, status, headers_of(fields), length, kNow);
}
Reason reason_of(const base::Result<OriginAnswer>& answer) {
  EXPECT_FALSE(answer);
  return answer ? Reason::Internal : answer.error().reason;
}
OriginEntry entry_of(const base::Result<OriginAnswer>& answer) {
  EXPECT_TRUE(answer) << answer.error().detail;
  return std::get<OriginEntry>(*answer);
}

TEST(OriginAnswerTest, WholeEntryWithItsFacts) {
  const OriginEntry entry = entry_of(read(whole(), 200,
                                          {{"ETag", "\"v1\""},
                                           {"Content-Type", "image/webp"},
                                           {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}},
                                          1000));
  EXPECT_EQ(entry.facts.size_bytes, 1000U);
  EXPECT_EQ(entry.facts.validator, "\"v1\"");
  EXPECT_EQ(entry.facts.media_type, "image/webp");
  EXPECT_EQ(entry.facts.modified_unix_s, 784'111'777);
  EXPECT_EQ(entry.offset, 0U);
  EXPECT_EQ(entry.skip, 0U);
  EXPECT_EQ(entry.length, 1000U);
}

TEST(OriginAnswerTest, MediaTypeOfTheKeyWhereTheOriginKnowsNone) {
  for (const Fields& fields :
       {Fields{}, Fields{{"Content-Type", "application/octet-stream"}},
        Fields{{"Content-Type", "binary/octet-stream"}}, Fields{{"Content-Type", "nonsense"}}}) {
    EXPECT_EQ(entry_of(read(whole(), 200, fields, 1)).facts.media_type, "image/jpeg");
  }
}

TEST(OriginAnswerTest, ValidatorIsWeakWhereTheOriginHasNoTag) {
  const std::string dated =
      entry_of(read(whole(), 200, {{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 7))
          .facts.validator;
  EXPECT_EQ(dated, "W/\"millrace-modified-784111777-7\"");
  EXPECT_TRUE(is_entity_tag(dated));
  const std::string bare = entry_of(read(whole(), 200, {}, 7)).facts.validator;
  EXPECT_EQ(bare, "W/\"millrace-fetched-1767225600-7\"");
  // A cache between us and the origin tells when the answer was made.
  EXPECT_EQ(
      entry_of(read(whole(), 200, {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 7)).facts.validator,
      "W/\"millrace-fetched-784111777-7\"");
  // What is no entity-tag is not passed on as one.
  for (const char* bad : {"v1", "\"v1", "\"v 1\"", ""}) {
    EXPECT_EQ(entry_of(read(whole(), 200, {{"ETag", bad}}, 7)).facts.validator, bare) << bad;
  }
}

TEST(OriginAnswerTest, QuestionIsPutInTheOriginsTerms) {
  EXPECT_EQ(question_headers(whole()).find("Accept-Encoding"), "identity");
  EXPECT_EQ(question_headers(whole()).find("Range"), std::nullopt);
  EXPECT_EQ(question_headers(part(0, {})).find("Range"), std::nullopt);
  EXPECT_EQ(question_headers(part(5, {})).find("Range"), "bytes=5-");
  EXPECT_EQ(question_headers(part(0, 10)).find("Range"), "bytes=0-9");
  EXPECT_EQ(question_headers(part(5, 10)).find("Range"), "bytes=5-14");
  EXPECT_EQ(question_headers(part(5, UINT64_MAX)).find("Range"), "bytes=5-");

  OriginQuestion known = whole();
  known.known_validator = "W/\"v1\"";
  EXPECT_EQ(question_headers(known).find("If-None-Match"), "W/\"v1\"");
  known.known_validator = "W/\"millrace-modified-784111777-7\"";
  EXPECT_EQ(question_headers(known).find("If-None-Match"), std::nullopt);
  EXPECT_EQ(question_headers(known).find("If-Modified-Since"), "Sun, 06 Nov 1994 08:49:37 GMT");
  known.known_validator = "W/\"millrace-fetched-1-7\"";
  EXPECT_EQ(question_headers(known).find("If-None-Match"), std::nullopt);
  EXPECT_EQ(question_headers(known).find("If-Modified-Since"), std::nullopt);
}

TEST(OriginAnswerTest, NotModifiedOnlyToACondition) {
  OriginQuestion known = whole();
  known.known_validator = "\"v1\"";
  const auto answer = read(known, 304, {}, {});
  ASSERT_TRUE(answer);
  EXPECT_TRUE(std::holds_alternative<NotModified>(*answer));
  EXPECT_EQ(reason_of(read(whole(), 304, {}, {})), Reason::OriginFailed);
  // An origin that ignores the condition, and sends what is known already.
  const auto same = read(known, 200, {{"ETag", "\"v1\""}}, 7);
  ASSERT_TRUE(same);
  EXPECT_TRUE(std::holds_alternative<NotModified>(*same));
  EXPECT_EQ(entry_of(read(known, 200, {{"ETag", "\"v2\""}}, 7)).facts.validator, "\"v2\"");
}

TEST(OriginAnswerTest, PartIsTakenWhenItIsWhatWasAskedFor) {
  OriginEntry entry = entry_of(read(part(5, 10), 206, {{"Content-Range", "bytes 5-14/1000"}}, 10));
  EXPECT_EQ(entry.facts.size_bytes, 1000U);
  EXPECT_EQ(entry.offset, 5U);
  EXPECT_EQ(entry.skip, 0U);
  EXPECT_EQ(entry.length, 10U);
  entry = entry_of(read(part(995, 10), 206, {{"Content-Range", "bytes 995-999/1000"}}, 5));
  EXPECT_EQ(entry.length, 5U);
  entry = entry_of(read(part(5, {}), 206, {{"Content-Range", "bytes 5-999/1000"}}, {}));
  EXPECT_EQ(entry.length, 995U);
  entry = entry_of(read(part(5, 10), 206, {{"Content-Range", "bytes 5-14/*"}}, 10));
  EXPECT_EQ(entry.facts.size_bytes, std::nullopt);
}

TEST(OriginAnswerTest, PartThatIsAnotherIsAFailedOrigin) {
  for (const char* range :
       {"bytes 6-15/1000", "bytes 5-13/1000", "bytes 5-15/1000", "bytes 0-9/1000", "bytes 5-14/14",
        "bytes 14-5/1000", "bytes */1000", "bytes 5-14", "5-14/1000", "items 5-14/1000",
        "bytes 5-14/1000x", "bytes -14/1000", "bytes 5-18446744073709551615/*", "bytes 5-14/",
        "bytes 5-9/*", ""}) {
    EXPECT_EQ(reason_of(read(part(5, 10), 206, {{"Content-Range", range}}, {})),
              Reason::OriginFailed)
        << range;
  }
  EXPECT_EQ(reason_of(read(part(5, 10), 206, {}, 10)), Reason::OriginFailed);
  EXPECT_EQ(reason_of(read(part(5, 10), 206, {{"Content-Range", "bytes 5-14/1000"}}, 9)),
            Reason::OriginFailed);
  EXPECT_EQ(reason_of(read(whole(), 206, {{"Content-Range", "bytes 0-9/10"}}, 10)),
            Reason::OriginFailed);
  EXPECT_EQ(reason_of(read(part(5, 10), 206, {{"Content-Type", "multipart/byteranges; boundary=x"}},
                           100)),
            Reason::OriginFailed);
}

TEST(OriginAnswerTest, WholeInAnswerToARangeIsCut) {
  OriginEntry entry = entry_of(read(part(5, 10), 200, {}, 1000));
  EXPECT_EQ(entry.offset, 5U);
  EXPECT_EQ(entry.skip, 5U);
  EXPECT_EQ(entry.length, 10U);
  EXPECT_EQ(entry_of(read(part(995, 10), 200, {}, 1000)).length, 5U);
  EXPECT_EQ(entry_of(read(part(995, {}), 200, {}, 1000)).length, 5U);
  EXPECT_EQ(entry_of(read(part(5, {}), 200, {}, {})).length, std::nullopt);
  EXPECT_EQ(reason_of(read(part(1000, {}), 200, {}, 1000)), Reason::BadRange);
  EXPECT_EQ(reason_of(read(part(0, 10), 200, {}, 0)), Reason::BadRange);
}

TEST(OriginAnswerTest, StatusesHaveTheirReasons) {
  for (const int status : {403, 404, 410}) {
    EXPECT_EQ(reason_of(read(whole(), status, {}, 0)), Reason::NoKey) << status;
  }
  for (const int status : {100, 201, 204, 300, 304, 305, 400, 401, 405, 408, 412,
                           416, 429, 451, 500, 501, 502, 503, 504, 599, 999}) {
    EXPECT_EQ(reason_of(read(whole(), status, {}, 0)), Reason::OriginFailed) << status;
  }
  EXPECT_EQ(reason_of(read(part(5, 10), 416, {}, 0)), Reason::BadRange);
  EXPECT_EQ(reason_of(read(whole(), 302, {}, 0)), Reason::OriginFailed);  // no Location
  for (const int status : {301, 302, 303, 307, 308}) {
    const auto answer = read(whole(), status, {{"Location", "/b"}}, 0);
    ASSERT_TRUE(answer);
    EXPECT_EQ(std::get<OriginRedirect>(*answer).location, "/b");
  }
  OriginQuestion head = whole();
  head.head = true;
  for (const int status : {405, 501}) {
    const auto answer = read(head, status, {}, 0);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(std::holds_alternative<MethodRefused>(*answer));
  }
}

TEST(OriginAnswerTest, CodingThatNobodyAskedForIsAFailedOrigin) {
  EXPECT_EQ(reason_of(read(whole(), 200, {{"Content-Encoding", "gzip"}}, 7)), Reason::OriginFailed);
  EXPECT_EQ(entry_of(read(whole(), 200, {{"Content-Encoding", "identity"}}, 7)).length, 7U);
}

TEST(RedirectTargetTest, StaysAtTheOrigin) {
  const net::Endpoint origin{.host = "img.example", .port = 8080, .unix_path = {}, .tls = false};
  const auto to = [&origin](const char* location) {
    return redirect_target(origin, "/a/b.jpg?x=/y", location).value_or("refused");
  };
  EXPECT_EQ(to("/c/d.jpg?e=f#g"), "/c/d.jpg?e=f");
  EXPECT_EQ(to("http://img.example:8080/c"), "/c");
  EXPECT_EQ(to("HTTP://IMG.example:8080/c"), "/c");
  EXPECT_EQ(to("http://img.example:8080"), "/");
  EXPECT_EQ(to("http://img.example:8080?q"), "/?q");
  EXPECT_EQ(to("//img.example:8080/c"), "/c");
  EXPECT_EQ(to("c.jpg"), "/a/c.jpg");
  EXPECT_EQ(to("c/d:e"), "/a/c/d:e");

  for (const char* away : {"http://img.example/c",
                           "https://img.example:8080/c",
                           "http://other.example:8080/c",
                           "//other.example:8080/c",
                           "http://img.example:8080@evil.example/c",
                           "http://img.example:80800/c",
                           "ftp://img.example:8080/c",
                           "file:///etc/passwd",
                           "http://169.254.169.254/latest",
                           "",
                           "#f",
                           "?q",
                           "../c",
                           "./c",
                           "c/../d",
                           "c/..",
                           "/c d",
                           "/c\r\nX: y",
                           "/\xc3\xa4",
                           "javascript:alert(1)",
                           "http:/c",
                           "http:c"}) {
    EXPECT_EQ(to(away), "refused") << away;
  }
}

}  // namespace
}  // namespace millrace::storage
