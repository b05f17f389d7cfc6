// SPDX-License-Identifier: Apache-2.0
#include "storage/conditional.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

constexpr std::int64_t kModified = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::int64_t kNow = 1'767'225'600;
const std::string kModifiedText = "Sun, 06 Nov 1994 08:49:37 GMT";
const std::string kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
const std::string kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";

EntryFacts facts(std::optional<std::uint64_t> size = 1000, std::string validator = "\"v1\"") {
  return EntryFacts{size, std::move(validator), "image/jpeg", kModified};
}

ServeDecision whole() { return {}; }
ServeDecision partial(std::uint64_t offset, std::uint64_t length) {
  return {ServeKind::Partial, offset, length};
}
ServeDecision of(ServeKind kind) { return {kind, 0, 0}; }

struct RangeCase {
  const char* field;
  std::uint64_t size;
  ServeDecision expected;
};

class RangeTest : public testing::TestWithParam<RangeCase> {};

TEST_P(RangeTest, IsDecidedAsTheRfcSays) {
  const RangeCase& c = GetParam();
  const ConditionalFields fields{.range = c.field};
  EXPECT_EQ(decide_serving(fields, facts(c.size), kNow), c.expected) << c.field << " of " << c.size;
}

INSTANTIATE_TEST_SUITE_P(
    Table, RangeTest,
    testing::Values(
        RangeCase{"bytes=0-499", 1000, partial(0, 500)},
        RangeCase{"bytes=500-999", 1000, partial(500, 500)},
        RangeCase{"bytes=-500", 1000, partial(500, 500)},
        RangeCase{"bytes=9500-", 10000, partial(9500, 500)},
        RangeCase{"bytes=0-0", 1000, partial(0, 1)}, RangeCase{"bytes=-1", 1000, partial(999, 1)},
        RangeCase{"bytes=0-", 1000, partial(0, 1000)}, RangeCase{"BYTES=0-1", 1000, partial(0, 2)},
        RangeCase{"bytes= 0-1 ", 1000, partial(0, 2)},
        RangeCase{"bytes=,0-1,", 1000, partial(0, 2)},
        RangeCase{"bytes=999-", 1000, partial(999, 1)},
        RangeCase{"bytes=0-9999", 1000, partial(0, 1000)},
        RangeCase{"bytes=-9999", 1000, partial(0, 1000)},
        RangeCase{"bytes=0-99999999999999999999999", 1000, partial(0, 1000)},
        RangeCase{"bytes=-99999999999999999999999", 1000, partial(0, 1000)},
        // Beyond the end.
        RangeCase{"bytes=1000-", 1000, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=1000-2000", 1000, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=99999999999999999999999-", 1000, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=-0", 1000, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=0-", 0, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=-1", 0, of(ServeKind::Unsatisfiable)},
        // Not a range that is understood: ignored.
        RangeCase{"bytes=5-4", 1000, whole()}, RangeCase{"bytes=", 1000, whole()},
        RangeCase{"bytes=-", 1000, whole()}, RangeCase{"bytes=a-b", 1000, whole()},
        RangeCase{"bytes=1-2x", 1000, whole()}, RangeCase{"bytes=+1-2", 1000, whole()},
        RangeCase{"bytes=1--2", 1000, whole()}, RangeCase{"bytes=1 - 2", 1000, whole()},
        RangeCase{"bytes", 1000, whole()}, RangeCase{"", 1000, whole()},
        RangeCase{"pages=1-2", 1000, whole()}, RangeCase{"bytes=,", 1000, whole()},
        // Several ranges: the whole, unless all lie beyond the end.
        RangeCase{"bytes=0-1,5-6", 1000, whole()}, RangeCase{"bytes=0-1,2000-", 1000, whole()},
        RangeCase{"bytes=2000-,3000-", 1000, of(ServeKind::Unsatisfiable)},
        RangeCase{"bytes=2000-,x", 1000, whole()}));

TEST(ConditionalTest, RangeOfAnEntryOfUnknownSizeIsIgnored) {
  EXPECT_EQ(decide_serving({.range = "bytes=0-1"}, facts(std::nullopt), kNow), whole());
}

TEST(ConditionalTest, HugeListOfRangesIsIgnored) {
  std::string field = "bytes=0-0";
  for (int i = 0; i < 1000; ++i) field += ",0-0";
  EXPECT_EQ(decide_serving({.range = field}, facts(), kNow), whole());
}

TEST(ConditionalTest, IfNoneMatchComparesWeakly) {
  const auto decide = [](std::string list, std::string validator) {
    return decide_serving({.if_none_match = std::move(list)}, facts(1000, std::move(validator)),
                          kNow)
        .kind;
  };
  EXPECT_EQ(decide("\"v1\"", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("W/\"v1\"", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("\"v1\"", "W/\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("*", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("\"v0\", \"v1\"", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("\"v0\" ,, W/\"v1\" , \"v2\"", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("\"a,b\",\"v1\"", "\"v1\""), ServeKind::NotModified);
  EXPECT_EQ(decide("\"v2\"", "\"v1\""), ServeKind::Whole);
  EXPECT_EQ(decide("v1", "\"v1\""), ServeKind::Whole);
  EXPECT_EQ(decide("\"v1", "\"v1\""), ServeKind::Whole);
  EXPECT_EQ(decide("", "\"v1\""), ServeKind::Whole);
  EXPECT_EQ(decide("w/\"v1\"", "\"v1\""), ServeKind::Whole);
}

TEST(ConditionalTest, IfModifiedSinceCountsOnlyWithoutIfNoneMatch) {
  EXPECT_EQ(decide_serving({.if_modified_since = kModifiedText}, facts(), kNow).kind,
            ServeKind::NotModified);
  EXPECT_EQ(decide_serving({.if_modified_since = kAfter}, facts(), kNow).kind,
            ServeKind::NotModified);
  EXPECT_EQ(decide_serving({.if_modified_since = kBefore}, facts(), kNow).kind, ServeKind::Whole);
  EXPECT_EQ(decide_serving({.if_modified_since = "soon"}, facts(), kNow).kind, ServeKind::Whole);
  EXPECT_EQ(
      decide_serving({.if_none_match = "\"v2\"", .if_modified_since = kAfter}, facts(), kNow).kind,
      ServeKind::Whole);
  EntryFacts undated = facts();
  undated.modified_unix_s.reset();
  EXPECT_EQ(decide_serving({.if_modified_since = kAfter}, undated, kNow).kind, ServeKind::Whole);
}

TEST(ConditionalTest, NotModifiedGoesBeforeTheRange) {
  EXPECT_EQ(decide_serving({.if_none_match = "\"v1\"", .range = "bytes=0-1"}, facts(), kNow).kind,
            ServeKind::NotModified);
  EXPECT_EQ(decide_serving({.if_none_match = "\"v2\"", .range = "bytes=0-1"}, facts(), kNow),
            partial(0, 2));
}

TEST(ConditionalTest, IfRangeComparesStrongly) {
  const auto decide = [](std::string if_range, std::string validator) {
    return decide_serving({.if_range = std::move(if_range), .range = "bytes=0-1"},
                          facts(1000, std::move(validator)), kNow);
  };
  EXPECT_EQ(decide("\"v1\"", "\"v1\""), partial(0, 2));
  EXPECT_EQ(decide("\"v2\"", "\"v1\""), whole());
  EXPECT_EQ(decide("W/\"v1\"", "W/\"v1\""), whole());
  EXPECT_EQ(decide("\"v1\"", "W/\"v1\""), whole());
  EXPECT_EQ(decide(kModifiedText, "\"v1\""), partial(0, 2));
  EXPECT_EQ(decide(kAfter, "\"v1\""), whole());
  EXPECT_EQ(decide(kBefore, "\"v1\""), whole());
  EXPECT_EQ(decide("nonsense", "\"v1\""), whole());
}

TEST(ConditionalTest, DateOfThisVerySecondIsNoStrongValidator) {
  const ConditionalFields fields{.if_range = kModifiedText, .range = "bytes=0-1"};
  EXPECT_EQ(decide_serving(fields, facts(), kModified), whole());
  EXPECT_EQ(decide_serving(fields, facts(), kModified + 1), partial(0, 2));
}

TEST(ConditionalTest, UnsatisfiableRangeWithFailedIfRangeIsTheWhole) {
  EXPECT_EQ(decide_serving({.if_range = "\"v2\"", .range = "bytes=5000-"}, facts(), kNow), whole());
}

TEST(ConditionalTest, AnswersHaveTheirStatusAndContentRange) {
  EXPECT_EQ(whole().status(), 200);
  EXPECT_EQ(partial(2, 3).status(), 206);
  EXPECT_EQ(of(ServeKind::NotModified).status(), 304);
  EXPECT_EQ(of(ServeKind::Unsatisfiable).status(), 416);
  EXPECT_EQ(partial(2, 3).content_range(10), "bytes 2-4/10");
  EXPECT_EQ(of(ServeKind::Unsatisfiable).content_range(10), "bytes */10");
  EXPECT_EQ(whole().content_range(10), "");
}

TEST(ConditionalTest, TakesTheFieldsOfARequest) {
  net::Headers headers;
  headers.add("range", "bytes=0-1");
  headers.add("If-Range", "\"v1\"");
  headers.add("if-none-match", "\"v1\"");
  headers.add("IF-NONE-MATCH", "\"v2\"");
  headers.add("If-Modified-Since", kAfter);
  const ConditionalFields get = conditional_fields("GET", headers);
  EXPECT_EQ(get.range, "bytes=0-1");
  EXPECT_EQ(get.if_range, "\"v1\"");
  EXPECT_EQ(get.if_none_match, "\"v1\", \"v2\"");
  EXPECT_EQ(get.if_modified_since, kAfter);
  const ConditionalFields head = conditional_fields("HEAD", headers);
  EXPECT_EQ(head.range, std::nullopt);
  EXPECT_EQ(head.if_range, std::nullopt);
  EXPECT_EQ(head.if_none_match, "\"v1\", \"v2\"");
}

TEST(EntityTagTest, IsQuotedAndHasNoSpace) {
  for (const char* good : {"\"\"", "\"a\"", "W/\"a\"", "\"\xc3\xa4\"", "\"a,b\""}) {
    EXPECT_TRUE(is_entity_tag(good)) << good;
  }
  for (const char* bad : {"", "a", "\"", "\"a", "a\"", "W/", "W/a", "w/\"a\"", "\"a\"b", "\"a b\"",
                          "\"a\"\"b\"", "\"a\n\"", " \"a\""}) {
    EXPECT_FALSE(is_entity_tag(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::storage
