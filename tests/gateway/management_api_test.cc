// SPDX-License-Identifier: Apache-2.0
// The calls that change what a bucket gives out, over the api port and seen on the media port.
#include <array>
#include <ctime>

#include <nlohmann/json.hpp>

#include "base/crypto.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

Awaitable<void> answer_small(HttpExchange& exchange) {
  (void)co_await exchange.respond(picture_head(), "picture");
}

struct Key {
  std::string access;
  std::string secret;
};
const Key kOwner{"AK", "SK"};
const Key kStranger{"ZK", "ZS"};

std::string base64(const std::string& text) { return base::base64url_encode(text); }

std::string token(const Key& key, const std::string& data) {
  const auto digest = base::hmac_sha1(key.secret, data);
  return key.access + ":" + base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

class ManagementApiTest : public GatewayTest {
 protected:
  ManagementApiTest() {
    config_.state_dir = (folder_ / "state").string();
    config_.throttle.users["acme"] = {
        .tier = "paid", .access_key = kOwner.access, .secret_key = kOwner.secret, .allowance = {}};
    config_.throttle.users["zoe"] = {.tier = "paid",
                                     .access_key = kStranger.access,
                                     .secret_key = kStranger.secret,
                                     .allowance = {}};
    photos_.folder = (folder_ / "photos").string();
    photos_.delivery.owners = {"acme"};
    write_photo("photos/a.jpg", "original");
  }
  // Signed as the older SDKs do, and as the Node SDK does, port twice.
  [[nodiscard]] Reply call(const std::string& target, const Key& key = kOwner) const {
    return fetch(api_port(), target, {{"Authorization", "QBox " + token(key, target + "\n")}},
                 "POST");
  }
  [[nodiscard]] Reply call_as_node_sdk(const std::string& target) const {
    const std::string port = ":" + std::to_string(api_port());
    std::array<char, 32> date{};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::strftime(date.data(), date.size(), "%Y%m%dT%H%M%SZ", &parts);
    const std::string type = "application/x-www-form-urlencoded";
    const std::string data = "POST " + target + "\nHost: 127.0.0.1" + port + port +
                             "\nContent-Type: " + type + "\nX-Qiniu-Date: " + date.data() + "\n\n";
    return fetch(api_port(), target,
                 {{"Host", "127.0.0.1" + port},
                  {"content-type", type},
                  {"x-qiniu-date", date.data()},
                  {"authorization", "Qiniu " + token(kOwner, data)}},
                 "POST");
  }
  static std::string style(const std::string& name, const std::string& pipeline) {
    return "/style/photos/name/" + base64(name) + "/style/" + base64(pipeline);
  }
};

TEST_F(ManagementApiTest, AStyleHoldsAtOnceForEveryThread) {
  config_.threads = 4;
  start_gateway();
  start_agent(answer_small);
  EXPECT_EQ(get("/photos/a.jpg-thumb").status, 404);
  const Reply done = call(style("thumb", "resize/w/100"));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.body, "{}");
  EXPECT_EQ(done.header("content-type"), "application/json");
  // Connections are dealt out to the threads.
  for (int i = 0; i < 40; ++i) ASSERT_EQ(get("/photos/a.jpg-thumb").status, 200) << i;
  EXPECT_EQ(call("/unstyle/photos/name/" + base64("thumb")).status, 200);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(get("/photos/a.jpg-thumb").status, 404) << i;
}

TEST_F(ManagementApiTest, TakesTheNodeSdksDoubledPort) {
  start_gateway();
  const Reply done = call_as_node_sdk("/accessMode/photos/mode/1");
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(get("/photos/a.jpg").status, 403);
  EXPECT_EQ(call_as_node_sdk("/accessMode/photos/mode/0").status, 200);
  EXPECT_EQ(get("/photos/a.jpg").status, 200);
}

TEST_F(ManagementApiTest, WhatWasSetSurvivesARestart) {
  start_gateway();
  ASSERT_EQ(call("/separator/photos/sep/" + base64("!")).status, 200);
  ASSERT_EQ(call(style("thumb", "resize/w/100")).status, 200);
  ASSERT_EQ(call("/accessMode/photos/mode/1").status, 200);
  gateway_.reset();
  start_gateway();
  start_agent(answer_small);
  EXPECT_EQ(get("/photos/a.jpg!thumb").status, 200);
  EXPECT_EQ(get("/photos/a.jpg").status, 403);
  EXPECT_EQ(get("/photos/a.jpg-thumb").status, 403);
}

TEST_F(ManagementApiTest, SetsSeparators) {
  start_gateway();
  start_agent(answer_small);
  ASSERT_EQ(call(style("thumb", "resize/w/100")).status, 200);
  ASSERT_EQ(call("/separator/photos/sep/" + base64("_!")).status, 200);
  EXPECT_EQ(get("/photos/a.jpg_thumb").status, 200);
  EXPECT_EQ(get("/photos/a.jpg!thumb").status, 200);
  EXPECT_EQ(get("/photos/a.jpg-thumb").status, 404);
  EXPECT_EQ(reason_of(call("/separator/photos/sep/" + base64("m"))), "bad_parameter");
}

TEST_F(ManagementApiTest, AsksWhoSigned) {
  start_gateway();
  const std::string target = style("thumb", "resize/w/100");
  const Reply unsigned_call = fetch(api_port(), target, {}, "POST");
  EXPECT_EQ(unsigned_call.status, 401);
  EXPECT_EQ(reason_of(unsigned_call), "token_missing");
  EXPECT_EQ(reason_of(call(target, {"AK", "wrong"})), "token_invalid");
  EXPECT_EQ(reason_of(call(target, {"nobody", "SK"})), "token_invalid");
  EXPECT_EQ(reason_of(call(target, kStranger)), "token_invalid") << "no owner";
  const Reply malformed = fetch(api_port(), target, {{"Authorization", "Basic x"}}, "POST");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_EQ(reason_of(malformed), "bad_signature_form");
  // Of another call: each is signed by itself.
  const Reply replayed =
      fetch(api_port(), "/accessMode/photos/mode/1",
            {{"Authorization", "QBox " + token(kOwner, "/accessMode/photos/mode/0\n")}}, "POST");
  EXPECT_EQ(reason_of(replayed), "token_invalid");
  EXPECT_EQ(get("/photos/a.jpg").status, 200);
}

TEST_F(ManagementApiTest, RefusesWhatCannotBe) {
  start_gateway();
  EXPECT_EQ(call(style("thumb", "nosuch/1")).status, 200)
      << "before any node is known, only the form is";
  start_agent(answer_small);
  EXPECT_EQ(reason_of(call(style("thumb", "nosuch/1"))), "unknown_command");
  EXPECT_EQ(reason_of(call(style("thumb", "resize/w/0"))), "bad_parameter");
  EXPECT_EQ(reason_of(call(style("a/b", "resize/w/1"))), "bad_parameter");
  EXPECT_EQ(reason_of(call(style("thumb", ""))), "bad_parameter");
  EXPECT_EQ(reason_of(call("/style/photos/name/dGh1bWI=")), "bad_target");
  EXPECT_EQ(reason_of(call("/accessMode/photos/mode/2")), "bad_target");
  EXPECT_EQ(reason_of(call("/accessMode/films/mode/1")), "no_bucket");
  const Reply unknown = call("/unstyle/photos/name/" + base64("never"));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(reason_of(unknown), "no_style");
  const Reply got = fetch(api_port(), "/accessMode/photos/mode/1");
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.header("allow"), "POST");
}

TEST_F(ManagementApiTest, WhatIsConfiguredIsNotTheApis) {
  photos_.delivery.styles = {{"thumb", "resize/w/100"}};
  photos_.delivery.protect_originals = true;
  start_gateway();
  for (const std::string& target :
       {style("thumb", "resize/w/1"), std::string("/unstyle/photos/name/dGh1bWI="),
        std::string("/accessMode/photos/mode/0")}) {
    const Reply refused = call(target);
    EXPECT_EQ(refused.status, 400) << target;
    EXPECT_NE(refused.body.find("configuration"), std::string::npos) << refused.body;
  }
}

TEST_F(ManagementApiTest, WithoutAStateFolderThereIsNoSuchCall) {
  config_.state_dir.clear();
  start_gateway();
  const Reply reply = call("/accessMode/photos/mode/1");
  EXPECT_EQ(reply.status, 404);
  EXPECT_NE(reply.body.find("gateway.state_dir"), std::string::npos);
  EXPECT_EQ(get("/photos/a.jpg").status, 200);
}

}  // namespace
}  // namespace millrace::gateway
