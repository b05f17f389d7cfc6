// SPDX-License-Identifier: Apache-2.0
#include "gateway/answer_head.h"

#include <gtest/gtest.h>

#include "gateway/disposition.h"

namespace millrace::gateway {
namespace {

AnswerContext context() {
  return {.common = {.request_id = "r1", .cors_allow_origin = "*"},
          .max_age_s = 3600,
          .attname = std::nullopt,
          .key = "dir/a.jpg",
          .admit = std::chrono::microseconds(1250)};
}

net::Headers agents(std::initializer_list<std::pair<const char*, const char*>> fields) {
  net::Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

std::string field(const net::HttpHead& head, std::string_view name) {
  return std::string(head.headers.find(name).value_or("(none)"));
}

TEST(VariantHeadTest, PassesTheAllowListAndNothingElse) {
  const auto head = variant_head(200,
                                 agents({{"Content-Type", "image/webp"},
                                         {"ETag", "\"e\""},
                                         {"X-Millrace-Crop", "face"},
                                         {"X-Millrace-Blurhash", "L5CH[q00"},
                                         {"X-Millrace-Thumbhash", "W7gN"},
                                         {"X-Millrace-Slim", "original"},
                                         {"X-Millrace-Quality", "q=71 ssim=0.972"},
                                         {"X-Millrace-Cache", "hit"},
                                         {"X-Millrace-Load", "busy=1"},
                                         {"X-Millrace-Node", "n1"},
                                         {"Set-Cookie", "a=b"},
                                         {"X-Reqid", "forged"}}),
                                 context());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(field(head, "Content-Type"), "image/webp");
  EXPECT_EQ(field(head, "ETag"), "\"e\"");
  EXPECT_EQ(field(head, "X-Millrace-Crop"), "face");
  EXPECT_EQ(field(head, "X-Millrace-Blurhash"), "L5CH[q00");
  EXPECT_EQ(field(head, "X-Millrace-Thumbhash"), "W7gN");
  EXPECT_EQ(field(head, "X-Millrace-Slim"), "original");
  EXPECT_EQ(field(head, "X-Millrace-Quality"), "q=71 ssim=0.972");
  EXPECT_EQ(field(head, "X-Millrace-Cache"), "hit");
  EXPECT_EQ(field(head, "X-Millrace-Load"), "(none)");
  EXPECT_EQ(field(head, "X-Millrace-Node"), "(none)");
  EXPECT_EQ(field(head, "Set-Cookie"), "(none)");
  EXPECT_EQ(field(head, "X-Reqid"), "r1");
  EXPECT_EQ(field(head, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(field(head, "Timing-Allow-Origin"), "*");
  EXPECT_EQ(field(head, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field(head, "Content-Disposition"), "(none)");
}

TEST(VariantHeadTest, SaysWhenAnotherAcceptWouldGetAnotherFormat) {
  AnswerContext negotiated = context();
  negotiated.varies_by_accept = true;
  for (const int status : {200, 304}) {
    EXPECT_EQ(field(variant_head(status, agents({}), negotiated), "Vary"), "Accept");
    EXPECT_EQ(field(variant_head(status, agents({}), context()), "Vary"), "(none)");
  }
}

TEST(VariantHeadTest, OfAPrivateBucketNobodyElseKeepsIt) {
  AnswerContext secret = context();
  secret.is_private = true;
  const auto picture = agents({{"Content-Type", "image/png"}});
  EXPECT_EQ(field(variant_head(200, picture, secret), "Cache-Control"), "private, max-age=3600");
  EXPECT_EQ(field(original_head({}, {}, secret), "Cache-Control"), "private, max-age=3600");
  EXPECT_EQ(field(variant_head(200, agents({{"Content-Type", "application/json"}}), secret),
                  "Cache-Control"),
            "no-store");
  secret.max_age_s = 0;
  EXPECT_EQ(field(variant_head(200, picture, secret), "Cache-Control"), "private, no-cache");
}

TEST(VariantHeadTest, AFallbackIsKeptForASecond) {
  AnswerContext fallback = context();
  fallback.is_fallback = true;
  for (const auto& head : {variant_head(200, agents({{"Content-Type", "image/png"}}), fallback),
                           original_head({}, {}, fallback)}) {
    EXPECT_EQ(field(head, "Cache-Control"), "public, max-age=1");
    EXPECT_EQ(field(head, "X-Millrace-Fallback"), "1");
  }
  EXPECT_EQ(field(original_head({}, {}, context()), "X-Millrace-Fallback"), "(none)");
  fallback.max_age_s = 0;
  EXPECT_EQ(field(original_head({}, {}, fallback), "Cache-Control"), "no-cache");
}

TEST(VariantHeadTest, PutsAdmissionBeforeTheAgentsTimes) {
  EXPECT_EQ(
      field(variant_head(200, agents({{"Server-Timing", "fetch;dur=2, work;dur=9"}}), context()),
            "Server-Timing"),
      "admit;dur=1.250, fetch;dur=2, work;dur=9");
  EXPECT_EQ(field(variant_head(200, agents({}), context()), "Server-Timing"), "admit;dur=1.250");
}

TEST(VariantHeadTest, SaysHowLongToKeepIt) {
  EXPECT_EQ(
      field(variant_head(200, agents({{"Content-Type", "image/png"}}), context()), "Cache-Control"),
      "public, max-age=3600");
  EXPECT_EQ(field(variant_head(200, agents({{"Content-Type", "application/json"}}), context()),
                  "Cache-Control"),
            "no-store");
  EXPECT_EQ(field(variant_head(
                      200, agents({{"Content-Type", "image/png"}, {"Cache-Control", "no-store"}}),
                      context()),
                  "Cache-Control"),
            "no-store");
  EXPECT_EQ(field(variant_head(200,
                               agents({{"Content-Type", "image/png"},
                                       {"X-Millrace-Ignored-Error", "corrupt_media"}}),
                               context()),
                  "Cache-Control"),
            "public, max-age=1");
  auto never = context();
  never.max_age_s = 0;
  EXPECT_EQ(
      field(variant_head(200, agents({{"Content-Type", "image/png"}}), never), "Cache-Control"),
      "no-cache");
}

TEST(VariantHeadTest, NamesTheDownload) {
  auto named = context();
  named.attname = "d.jpg";
  EXPECT_EQ(field(variant_head(200, agents({{"Content-Type", "image/png"}}), named),
                  "Content-Disposition"),
            "attachment;filename=\"d.jpg\"");
  EXPECT_EQ(field(variant_head(304, agents({}), named), "Content-Disposition"), "(none)");
}

TEST(VariantHeadTest, SandboxesAnOriginalThatStandsInForAResult) {
  const auto head = variant_head(200,
                                 agents({{"Content-Type", "image/svg+xml"},
                                         {"X-Millrace-Ignored-Error", "unsupported_media"}}),
                                 context());
  EXPECT_EQ(field(head, "Content-Security-Policy"), std::string(kSandboxPolicy));
  EXPECT_EQ(field(head, "X-Millrace-Ignored-Error"), "unsupported_media");
}

TEST(VariantHeadTest, TellsTheCostToThoseWhoAsk) {
  auto asked = context();
  asked.cost_wanted = true;
  const auto answer = agents({{"X-Millrace-Cost", "predicted=1, actual=2"}});
  EXPECT_EQ(field(variant_head(200, answer, asked), "X-Millrace-Cost"), "predicted=1, actual=2");
  EXPECT_EQ(field(variant_head(200, answer, context()), "X-Millrace-Cost"), "(none)");
}

TEST(CommonFieldsTest, TellALimitedUserWhatIsLeft) {
  net::HttpHead head;
  add_common_fields(head.headers, {.request_id = "r1", .cors_allow_origin = {}});
  EXPECT_EQ(field(head, "X-RateLimit-Limit"), "(none)");
  add_common_fields(
      head.headers,
      {.request_id = "r1",
       .cors_allow_origin = {},
       .rate = {.limit = 200, .remaining = 7, .reset_after = std::chrono::milliseconds(1'001)}});
  EXPECT_EQ(field(head, "X-RateLimit-Limit"), "200");
  EXPECT_EQ(field(head, "X-RateLimit-Remaining"), "7");
  EXPECT_EQ(field(head, "X-RateLimit-Reset"), "2");
}

TEST(OriginalHeadTest, DescribesAWholeEntry) {
  const storage::EntryFacts facts{.size_bytes = 1000,
                                  .validator = "\"v\"",
                                  .media_type = "image/jpeg",
                                  .modified_unix_s = 784111777};
  const auto head = original_head({}, facts, context());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(field(head, "Content-Type"), "image/jpeg");
  EXPECT_EQ(field(head, "ETag"), "\"v\"");
  EXPECT_EQ(field(head, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(field(head, "Accept-Ranges"), "bytes");
  EXPECT_EQ(field(head, "Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(field(head, "Content-Range"), "(none)");
  EXPECT_EQ(field(head, "Content-Security-Policy"), "(none)");
}

TEST(OriginalHeadTest, DescribesAPart) {
  const storage::EntryFacts facts{
      .size_bytes = 1000, .validator = "\"v\"", .media_type = "text/html", .modified_unix_s = {}};
  const auto head = original_head({.kind = storage::ServeKind::Partial, .offset = 10, .length = 5},
                                  facts, context());
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(field(head, "Content-Range"), "bytes 10-14/1000");
  EXPECT_EQ(field(head, "Content-Security-Policy"), std::string(kSandboxPolicy));
}

TEST(OriginalHeadTest, SaysNothingOfTheBodyWhenThereIsNone) {
  const storage::EntryFacts facts{
      .size_bytes = 1000, .validator = "\"v\"", .media_type = "text/html", .modified_unix_s = {}};
  const auto same = original_head({.kind = storage::ServeKind::NotModified}, facts, context());
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(field(same, "ETag"), "\"v\"");
  EXPECT_EQ(field(same, "Content-Type"), "(none)");
  const auto beyond = original_head({.kind = storage::ServeKind::Unsatisfiable}, facts, context());
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(field(beyond, "Content-Range"), "bytes */1000");
  EXPECT_EQ(field(beyond, "Cache-Control"), "(none)");
}

}  // namespace
}  // namespace millrace::gateway
