// SPDX-License-Identifier: Apache-2.0
// What a bucket gives out, over real sockets: styles, protection, privacy, what stands in for what
// is missing, and the format that is chosen for a client.
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/crypto.h"
#include "gateway/missing_page.h"
#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

Awaitable<void> answer_small(HttpExchange& exchange) {
  (void)co_await exchange.respond(picture_head(), "picture");
}

pipeline::Task task_of(const net::HttpRequest& request) {
  return *pipeline::task_from_json(request.body);
}

// An agent that has every original but one.
FakeAgent::Script misses(const std::string& key) {
  return [key](HttpExchange& exchange) -> Awaitable<void> {
    if (task_of(exchange.request()).key != key) {
      co_await answer_small(exchange);
      co_return;
    }
    auto answer = net::error_answer(base::make_error(base::Reason::NoKey, "There is none."), "a");
    (void)co_await exchange.respond(std::move(answer.first), answer.second);
  };
}

class DeliveryTest : public GatewayTest {
 protected:
  DeliveryTest() {
    config_.throttle.users["acme"] = {
        .tier = "paid", .access_key = "AK", .secret_key = "SK", .allowance = {}};
    config_.throttle.users["zoe"] = {
        .tier = "paid", .access_key = "ZK", .secret_key = "ZS", .allowance = {}};
    delivery().styles = {{"thumb", "resize/w/100"}, {"broken", "resize/w/0"}, {"facts", "info"}};
    write_photo("a.jpg", "original");
  }
  storage::DeliveryConfig& delivery() { return photos_.delivery; }
  static std::string signed_target(const std::string& target, const std::string& access_key,
                                   const std::string& secret_key, std::int64_t expires) {
    const std::string url =
        target + (target.find('?') == std::string::npos ? "?e=" : "&e=") + std::to_string(expires);
    const auto digest = base::hmac_sha1(secret_key, "http://x" + url);
    return url + "&token=" + access_key + ":" +
           base::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
  // As "x", the host that signed_target signs.
  Reply get_as_x(const std::string& target) const { return get(target, {{"Host", "x"}}); }
};

constexpr std::int64_t kFarAway = 4'000'000'000;

TEST_F(DeliveryTest, AStyleIsItsPipeline) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const Reply reply = get("/photos/dir/a.jpg-thumb?attname=b.jpg");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-disposition"), "attachment;filename=\"b.jpg\"");
  EXPECT_EQ(task_of(agent.requests().back()).key, "dir/a.jpg");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/100");
  ASSERT_EQ(get("/photos/dir/a.jpg?resize/w/100").status, 200);
  EXPECT_EQ(task_of(agent.requests()[1]).pipeline, task_of(agent.requests()[0]).pipeline);
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"ok\"}") == 2;
  })) << "a style counts as a variant";
}

TEST_F(DeliveryTest, WithoutAMatchTheKeyIsTakenAsItIs) {
  write_photo("my-photo.jpg", "hyphened");
  start_gateway();
  EXPECT_EQ(get("/photos/my-photo.jpg").body, "hyphened");
  EXPECT_EQ(reason_of(get("/photos/a.jpg-nosuch")), "no_key");
  EXPECT_EQ(reason_of(get("/photos/a.jpg-thumb?resize/w/9")), "bad_target");
}

TEST_F(DeliveryTest, AStyleThatTheFleetCannotMakeIsNamed) {
  start_gateway();
  start_agent(answer_small);
  const Reply reply = get("/photos/a.jpg-broken");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reason_of(reply), "bad_parameter");
  EXPECT_NE(reply.body.find("The style \\\"broken\\\" cannot be made: resize: w"),
            std::string::npos)
      << reply.body;
}

std::string mark(const std::string& picture) {
  return "mark/image/" + base::base64url_encode(picture);
}

class PicturesTest : public DeliveryTest {
 protected:
  PicturesTest() {
    config_.hosts["img.example.com"].bucket = "photos";
    for (const char* name : {"logos", "vault", "guarded"}) {
      other_buckets_[name].folder = folder_;
    }
    other_buckets_["vault"].delivery.is_private = true;
    other_buckets_["vault"].delivery.owners = {"acme"};
    other_buckets_["guarded"].delivery.protect_originals = true;
    other_buckets_["guarded"].delivery.owners = {"zoe"};
    delivery().owners = {"acme"};
    delivery().styles["sealed"] = mark("kodo://vault/seal.png");
    delivery().styles["stolen"] = mark("kodo://guarded/seal.png");
  }
};

TEST_F(PicturesTest, AreSettledBeforeAnythingIsSentAnywhere) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  for (const char* name :
       {"b c.png", "kodo://photos/b c.png", "http://img.example.com/b%20c.png"}) {
    ASSERT_EQ(get("/photos/a.jpg?" + mark(name)).status, 200) << name;
    EXPECT_EQ(task_of(agent.requests().back()).pipeline, mark("kodo://photos/b c.png")) << name;
  }
  ASSERT_EQ(get("/photos/a.jpg?" + mark("kodo://logos/l.png")).status, 200);
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, mark("kodo://logos/l.png"));
}

TEST_F(PicturesTest, WhatMayNotBeNamedIsRefusedAndNobodyIsAsked) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const auto refusal = [this](const std::string& picture) {
    const Reply reply = get("/photos/a.jpg?" + mark(picture));
    return std::to_string(reply.status) + " " + reason_of(reply);
  };
  EXPECT_EQ(refusal("http://evil.example.com/a.png"), "400 bad_parameter");
  EXPECT_EQ(refusal("http://img.example.com/a.png-thumb"), "400 bad_parameter");
  EXPECT_EQ(refusal("kodo://none/a.png"), "404 no_bucket");
  EXPECT_EQ(refusal("kodo://vault/seal.png"), "401 token_missing");
  EXPECT_EQ(refusal("kodo://guarded/seal.png"), "403 original_protected");
  const std::string target = "/photos/a.jpg?" + mark("kodo://vault/seal.png");
  EXPECT_EQ(reason_of(get_as_x(signed_target(target, "ZK", "ZS", kFarAway))), "token_invalid");
  EXPECT_EQ(reason_of(get_as_x(signed_target(target, "AK", "SK", kFarAway))), "original_protected");
  EXPECT_TRUE(agent.requests().empty());
}

TEST_F(PicturesTest, AStyleNamesWhatItsOwnerOwns) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  EXPECT_EQ(get("/photos/a.jpg-sealed").status, 200);
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, mark("kodo://vault/seal.png"));
  const Reply stolen = get("/photos/a.jpg-stolen");
  EXPECT_EQ(stolen.status, 403);
  EXPECT_EQ(reason_of(stolen), "original_protected");
  EXPECT_EQ(agent.requests().size(), 1U);
}

TEST_F(PicturesTest, InAPrivateBucketItsOwnerNamesItsOwn) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const std::string target = "/vault/a.jpg?" + mark("seal.png");
  EXPECT_EQ(get(target).status, 401);
  EXPECT_EQ(get_as_x(signed_target(target, "AK", "SK", kFarAway)).status, 200);
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, mark("kodo://vault/seal.png"));
}

TEST_F(DeliveryTest, ProtectedOriginalsAreRefused) {
  delivery().protect_originals = true;
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  for (const char* target : {"/photos/a.jpg", "/photos/a.jpg?resize/w/100", "/photos/none.jpg",
                             "/photos/a.jpg-nosuch"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 403) << target;
    EXPECT_EQ(reason_of(reply), "original_protected") << target;
    EXPECT_EQ(reply.header("cache-control"), "no-store");
  }
  EXPECT_EQ(get("/photos/a.jpg", {{"Range", "bytes=0-1"}}).status, 403);
  EXPECT_EQ(get("/photos/a.jpg", {}, "HEAD").status, 403);
  EXPECT_EQ(reason_of(get_as_x(signed_target("/photos/a.jpg", "AK", "SK", kFarAway))),
            "original_protected")
      << "a token opens nothing more";
  EXPECT_TRUE(agent.requests().empty());
  EXPECT_EQ(get("/photos/a.jpg-thumb").status, 200);
}

// ignore-error/1 in a style would give out the very bytes that are protected.
TEST_F(DeliveryTest, AFailureDoesNotGiveOutAProtectedOriginal) {
  delivery().protect_originals = true;
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    net::HttpHead head = picture_head();
    head.headers.add("X-Millrace-Ignored-Error", "corrupt_media");
    (void)co_await exchange.respond(std::move(head), "the original's bytes");
  });
  const Reply reply = get("/photos/a.jpg-thumb");
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reason_of(reply), "original_protected");
  EXPECT_EQ(reply.body.find("bytes"), std::string::npos);
  delivery().protect_originals = false;
  ASSERT_TRUE(gateway_->reload(options()));
  EXPECT_EQ(get("/photos/a.jpg-thumb").body, "the original's bytes");
}

TEST_F(DeliveryTest, APrivateBucketIsForItsOwners) {
  delivery().is_private = true;
  delivery().owners = {"acme"};
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  for (const char* target : {"/photos/a.jpg", "/photos/none.jpg", "/photos/a.jpg-thumb",
                             "/photos/a.jpg?resize/w/9", "/photos/a.jpg?nonsense"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 401) << target;
    EXPECT_EQ(reason_of(reply), "token_missing") << target;
  }
  const auto with_token = [&](const std::string& target, const std::string& key,
                              const std::string& secret, std::int64_t expires) {
    return get_as_x(signed_target(target, key, secret, expires));
  };
  EXPECT_EQ(reason_of(with_token("/photos/a.jpg", "ZK", "ZS", kFarAway)), "token_invalid");
  EXPECT_EQ(reason_of(with_token("/photos/a.jpg", "AK", "ZS", kFarAway)), "token_invalid");
  EXPECT_EQ(reason_of(with_token("/photos/a.jpg", "AK", "SK", 1)), "token_expired");
  EXPECT_TRUE(agent.requests().empty());
  const Reply original = with_token("/photos/a.jpg", "AK", "SK", kFarAway);
  EXPECT_EQ(original.body, "original");
  EXPECT_EQ(original.header("cache-control"), "private, max-age=31536000");
  const Reply style = with_token("/photos/a.jpg-thumb", "AK", "SK", kFarAway);
  EXPECT_EQ(style.body, "picture");
  EXPECT_EQ(style.header("cache-control"), "private, max-age=31536000");
  EXPECT_EQ(with_token("/photos/a.jpg?resize/w/9", "AK", "SK", kFarAway).status, 200);
}

TEST_F(DeliveryTest, ATrustedProxysWordOpensAPrivateBucketToo) {
  delivery().is_private = true;
  delivery().owners = {"acme"};
  config_.throttle.trusted_proxies = {"127.0.0.0/8"};
  start_gateway();
  EXPECT_EQ(get("/photos/a.jpg", {{"X-Millrace-User", "acme"}}).status, 200);
  EXPECT_EQ(reason_of(get("/photos/a.jpg", {{"X-Millrace-User", "zoe"}})), "token_invalid");
  EXPECT_EQ(reason_of(get("/photos/a.jpg")), "token_missing");
}

TEST_F(DeliveryTest, AFallbackStandsInForAMissingOriginal) {
  delivery().fallback = "system/none.png";
  write_photo("system/none.png", "fallback");
  start_gateway();
  const FakeAgent& agent = start_agent(misses("gone.jpg"));
  const Reply original = get("/photos/gone.jpg");
  EXPECT_EQ(original.status, 200);
  EXPECT_EQ(original.body, "fallback");
  EXPECT_EQ(original.header("content-type"), "image/png");
  EXPECT_EQ(original.header("x-millrace-fallback"), "1");
  EXPECT_EQ(original.header("cache-control"), "public, max-age=1");
  const Reply head = get("/photos/gone.jpg", {}, "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "8");

  for (const char* target : {"/photos/gone.jpg?resize/w/9", "/photos/gone.jpg-thumb"}) {
    const Reply variant = get(target);
    EXPECT_EQ(variant.status, 200) << variant.body;
    EXPECT_EQ(variant.header("x-millrace-fallback"), "1");
    EXPECT_EQ(variant.header("cache-control"), "public, max-age=1");
    EXPECT_EQ(task_of(agent.requests().back()).key, "system/none.png");
  }
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/100");
  EXPECT_EQ(get("/photos/a.jpg?resize/w/9").header("x-millrace-fallback"), "");
  EXPECT_TRUE(eventually([&] { return metric("millrace_gateway_fallbacks_total") == 4; }));
  const Reply facts = get("/photos/gone.jpg?info");
  EXPECT_EQ(facts.status, 404) << "facts of another picture would be wrong";
  EXPECT_EQ(reason_of(facts), "no_key");
}

TEST_F(DeliveryTest, WithoutTheFallbackItselfTheMissingKeyIsTheAnswer) {
  delivery().fallback = "gone.jpg";
  start_gateway();
  FakeAgent& agent = start_agent(misses("gone.jpg"));
  const Reply original = get("/photos/gone2.jpg");
  EXPECT_EQ(original.status, 404);
  EXPECT_EQ(reason_of(original), "no_key");
  EXPECT_EQ(get("/photos/gone.jpg?resize/w/9").status, 404);
  EXPECT_EQ(agent.requests().size(), 1U) << "it cannot stand in for itself";
}

TEST_F(DeliveryTest, OtherFailuresHaveNoFallback) {
  delivery().fallback = "a.jpg";
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    auto answer =
        net::error_answer(base::make_error(base::Reason::CorruptMedia, "It is damaged."), "a");
    (void)co_await exchange.respond(std::move(answer.first), answer.second);
  });
  EXPECT_EQ(reason_of(get("/photos/a.jpg?resize/w/9")), "corrupt_media");
}

TEST_F(DeliveryTest, TheEntryErrno404IsTheBodyOf404) {
  write_photo("errno-404", "  <h1>Nothing here</h1>");
  start_gateway();
  start_agent(misses("gone.jpg"));
  for (const char* target : {"/photos/gone.jpg", "/photos/gone.jpg?resize/w/9"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 404) << target;
    EXPECT_EQ(reply.body, "  <h1>Nothing here</h1>");
    EXPECT_EQ(reply.header("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(reply.header("content-security-policy"),
              "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    EXPECT_EQ(reply.header("cache-control"), "no-store");
    EXPECT_EQ(reply.header("x-reqid").size(), 24U);
    EXPECT_EQ(reply.header("access-control-allow-origin"), "*");
  }
  const Reply head = get("/photos/gone.jpg", {}, "HEAD");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(reason_of(get("/nobucket/gone.jpg")), "no_bucket");
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"original\",reason=\"no_key\"}") == 2;
  })) << "it counts as what it is";
}

TEST_F(DeliveryTest, AProtectedBucketsMissingPageIsForItsStyles) {
  write_photo("errno-404", "nothing here");
  delivery().protect_originals = true;
  start_gateway();
  start_agent(misses("gone.jpg"));
  EXPECT_EQ(get("/photos/gone.jpg-thumb").body, "nothing here");
  EXPECT_EQ(get("/photos/errno-404").status, 403);
}

TEST_F(DeliveryTest, AMissingPageOfAnySizeArrivesWhole) {
  std::string page = "<";
  while (page.size() < (1 << 20)) page += std::to_string(page.size());
  write_photo("errno-404", page);
  start_gateway();
  const Reply reply = get("/photos/gone.jpg");
  EXPECT_EQ(reply.status, 404);
  EXPECT_TRUE(reply.body == page);
}

TEST_F(DeliveryTest, ChoosesTheFormatForTheClient) {
  start_gateway();
  const FakeAgent& agent = start_agent(
      answer_small, {.formats = {"jpg", "auto", "auto.avif", "auto.avif.webp", "auto.webp"}});
  const Reply modern = get("/photos/a.jpg?resize/w/9/format/auto",
                           {{"Accept", "image/webp,image/avif,image/jxl,*/*;q=0.8"}});
  EXPECT_EQ(modern.status, 200) << modern.body;
  EXPECT_EQ(modern.header("vary"), "Accept");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/9/format/auto.avif.webp");
  const Reply old = get("/photos/a.jpg?resize/w/9/format/auto");
  EXPECT_EQ(old.header("vary"), "Accept");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/9/format/auto");
  const Reply plain = get("/photos/a.jpg?resize/w/9", {{"Accept", "image/avif"}});
  EXPECT_EQ(plain.header("vary"), "");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/9");
}

TEST_F(DeliveryTest, ABucketsFormatAutoIsForPipelinesThatNameNone) {
  delivery().format = "auto";
  delivery().fallback = "system/none.png";
  delivery().styles["jpeg"] = "resize/w/5/format/jpg";
  start_gateway();
  const FakeAgent& agent =
      start_agent(misses("gone.jpg"), {.formats = {"jpg", "auto", "auto.webp"}});
  const Fields accept = {{"Accept", "image/webp"}};
  EXPECT_EQ(get("/photos/a.jpg?resize/w/9", accept).header("vary"), "Accept");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/9/format/auto.webp");
  EXPECT_EQ(get("/photos/a.jpg-thumb", accept).header("vary"), "Accept");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/100/format/auto.webp");
  EXPECT_EQ(get("/photos/a.jpg-jpeg", accept).header("vary"), "");
  EXPECT_EQ(task_of(agent.requests().back()).pipeline, "resize/w/5/format/jpg");
  EXPECT_EQ(get("/photos/gone.jpg?resize/w/9", accept).header("vary"), "Accept");
  EXPECT_EQ(task_of(agent.requests().back()).key, "system/none.png");
  EXPECT_EQ(get("/photos/a.jpg", accept).header("vary"), "") << "an original is what it is";
}

TEST_F(DeliveryTest, AReloadChangesWhatIsGivenOut) {
  start_gateway();
  start_agent(answer_small);
  EXPECT_EQ(get("/photos/a.jpg").status, 200);
  delivery().protect_originals = true;
  delivery().styles = {{"tiny", "resize/w/1"}};
  ASSERT_TRUE(gateway_->reload(options()));
  EXPECT_EQ(get("/photos/a.jpg").status, 403);
  EXPECT_EQ(get("/photos/a.jpg-thumb").status, 403);
  EXPECT_EQ(get("/photos/a.jpg-tiny").status, 200);
  delivery().owners = {"nobody"};
  const auto refused = gateway_->reload(options());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().public_message.find("owners"), std::string::npos);
}

TEST_F(DeliveryTest, RefusesToStartWithWhatCannotBe) {
  const auto refusal = [this] {
    const auto made = Gateway::make(options());
    return made ? std::string() : made.error().public_message;
  };
  delivery().styles["bad"] = "a||b";
  EXPECT_NE(refusal().find("buckets.photos.styles.bad"), std::string::npos);
  delivery().styles.erase("bad");
  delivery().owners = {"nobody"};
  EXPECT_NE(refusal().find("not under gateway.users"), std::string::npos);
  delivery().owners.clear();
  config_.state_dir = "/dev/null/state";
  EXPECT_NE(refusal().find("gateway.state_dir"), std::string::npos);
  config_.state_dir.clear();
  EXPECT_EQ(refusal(), "");
}

TEST(GuessedMediaTypeTest, KnowsPicturesAndPages) {
  EXPECT_EQ(guessed_media_type("\xff\xd8\xff\xe0"), "image/jpeg");
  EXPECT_EQ(guessed_media_type("\x89PNG\r\n\x1a\n"), "image/png");
  EXPECT_EQ(guessed_media_type("GIF89a"), "image/gif");
  EXPECT_EQ(guessed_media_type(std::string_view("RIFF\0\0\0\0WEBPVP8 ", 16)), "image/webp");
  EXPECT_EQ(guessed_media_type("\n <!doctype html>"), "text/html; charset=utf-8");
  for (const std::string_view text : {"", " ", "RIFF", "RIFFxxxxWAVE", "plain", "\xff\xd8"}) {
    EXPECT_EQ(guessed_media_type(text), "application/octet-stream") << text;
  }
}

}  // namespace
}  // namespace millrace::gateway
