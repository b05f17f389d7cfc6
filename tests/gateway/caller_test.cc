// SPDX-License-Identifier: Apache-2.0
#include "gateway/caller.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "gateway/config.h"

namespace millrace::gateway {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

ThrottleConfig config_of(const std::string& yaml) {
  GatewayConfig config;
  const auto loaded = base::load_config(
      yaml, {}, [&config](base::ConfigBinder& b) { b.part("gateway", config, ""); });
  EXPECT_TRUE(loaded) << loaded.error().public_message;
  return config.throttle;
}

std::string refusal_of_config(const std::string& yaml) {
  GatewayConfig config;
  const auto loaded = base::load_config(
      yaml, {}, [&config](base::ConfigBinder& b) { b.part("gateway", config, ""); });
  return loaded ? "(loaded)" : loaded.error().public_message;
}

constexpr const char* kYaml = R"(
gateway:
  tiers: {free: {rate_per_s: 10, burst: 20, concurrency_max: 4}, paid: {}, gold: {rate_per_s: 50}}
  users:
    acme: {tier: paid, access_key: AK, secret_key: SK}
    small: {tier: free, rate_per_s: 2, concurrency_max: 1}
    shiny: {tier: gold, concurrency_max: 9}
  commands: {facecrop: {concurrency_max: 3}, imageView2: {concurrency_max: 0}}
  trusted_proxies: ["10.0.0.0/8"]
)";

class CallerTest : public testing::Test {
 protected:
  base::Result<Caller> ask(std::string_view target, std::string_view peer,
                           const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    net::Headers headers;
    headers.add("Host", "img.example");
    for (const auto& [name, value] : fields) headers.add(name, value);
    return policy_.who_asks({target, headers, peer, kNow});
  }
  std::string user(std::string_view target, std::string_view peer,
                   const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    const auto caller = ask(target, peer, fields);
    return caller ? caller->user + " " + caller->tier
                  : std::string(base::word_of(caller.error().reason));
  }
  static std::string token(const std::string& url, const std::string& access_key = "AK") {
    const auto digest = base::hmac_sha1("SK", url);
    return "&token=" + access_key + ":" +
           base::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
  const CallerPolicy policy_{config_of(kYaml), "free"};
};

TEST_F(CallerTest, IsTheAddressWithoutAName) {
  EXPECT_EQ(user("/p/a.jpg", "203.0.113.9"), "ip:203.0.113.9 free");
  EXPECT_EQ(user("/p/a.jpg", "10.0.0.1", {{"X-Forwarded-For", "2001:db8::7"}}),
            "ip:2001:db8::/64 free");
}

TEST_F(CallerTest, IsTheOneWhoSignedTheUrl) {
  const std::string target = "/p/a.jpg?imageInfo&e=1700000000";
  const std::string sign = token("http://img.example" + target);
  EXPECT_EQ(user(target + sign, "203.0.113.9"), "acme paid");
  EXPECT_EQ(user(target + token("http://other.example" + target), "203.0.113.9"), "token_invalid");
  EXPECT_EQ(user(target + token("http://img.example" + target, "WHO"), "203.0.113.9"),
            "token_invalid");
  const std::string old = "/p/a.jpg?imageInfo&e=1699999999";
  EXPECT_EQ(user(old + token("http://img.example" + old), "203.0.113.9"), "token_expired");
}

TEST_F(CallerTest, TakesTheSchemeFromATrustedProxyOnly) {
  const std::string target = "/p/a.jpg?imageInfo&e=1700000000";
  const std::string signed_target = target + token("https://img.example" + target);
  EXPECT_EQ(user(signed_target, "10.0.0.1", {{"X-Forwarded-Proto", "https"}}), "acme paid");
  EXPECT_EQ(user(signed_target, "10.0.0.1", {{"X-Forwarded-Proto", "https, http"}}), "acme paid");
  EXPECT_EQ(user(signed_target, "203.0.113.9", {{"X-Forwarded-Proto", "https"}}), "token_invalid");
}

TEST_F(CallerTest, BelievesATrustedProxyAboutTheUser) {
  EXPECT_EQ(user("/p/a.jpg", "10.0.0.1", {{"X-Millrace-User", "small"}}), "small free");
  EXPECT_EQ(user("/p/a.jpg", "203.0.113.9", {{"X-Millrace-User", "small"}}), "ip:203.0.113.9 free");
  EXPECT_EQ(user("/p/a.jpg", "10.0.0.1", {{"X-Millrace-User", "nobody"}}), "token_invalid");
  EXPECT_EQ(user("/p/a.jpg", "10.0.0.1", {{"X-Millrace-User", ""}}), "token_invalid");
  EXPECT_EQ(
      user("/p/a.jpg", "10.0.0.1", {{"X-Millrace-User", "acme"}, {"X-Millrace-User", "small"}}),
      "token_invalid");
}

TEST_F(CallerTest, TheSignatureCountsMoreThanTheHeader) {
  const std::string target = "/p/a.jpg?e=1700000000";
  const std::string sign = token("http://img.example" + target);
  EXPECT_EQ(user(target + sign, "10.0.0.1", {{"X-Millrace-User", "small"}}), "acme paid");
}

TEST_F(CallerTest, AWrongTokenIsNotTheSameAsNone) {
  EXPECT_EQ(user("/p/a.jpg?e=1700000000&token=AK:", "203.0.113.9"), "bad_signature_form");
}

TEST_F(CallerTest, HasTheTiersLimitsExceptItsOwn) {
  EXPECT_EQ(ask("/p/a", "203.0.113.9")->limits,
            (ratelimit::UserLimits{.rate = {10, 20}, .concurrency_max = 4}));
  const auto of = [this](const char* name) {
    return ask("/p/a", "10.0.0.1", {{"X-Millrace-User", name}})->limits;
  };
  EXPECT_EQ(of("acme"), ratelimit::UserLimits{});
  EXPECT_EQ(of("small"), (ratelimit::UserLimits{.rate = {2, 0}, .concurrency_max = 1}));
  EXPECT_EQ(of("shiny"), (ratelimit::UserLimits{.rate = {50, 0}, .concurrency_max = 9}));
}

TEST_F(CallerTest, KnowsTheCommandsThatAreLimited) {
  const auto limits = policy_.command_limits({"imageView2", "facecrop", "imageInfo"});
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0].name, "facecrop");
  EXPECT_EQ(limits[0].concurrency_max, 3U);
}

TEST(ThrottleConfigTest, RefusesWhatCannotBeMeant) {
  const auto refusal = [](const std::string& keys) {
    return refusal_of_config("gateway: {" + keys + "}");
  };
  EXPECT_EQ(refusal("tier: gold"), "gateway: tier is \"gold\", which is not under tiers");
  EXPECT_EQ(refusal("users: {a: {tier: gold}}"),
            "gateway: users.a.tier is \"gold\", which is not under tiers");
  EXPECT_EQ(refusal("users: {a: {tier: paid, access_key: K}}"),
            "gateway: users.a has one of access_key and secret_key; it needs both or neither");
  EXPECT_EQ(refusal("users: {a: {tier: paid, access_key: K, secret_key: S}, "
                    "b: {tier: paid, access_key: K, secret_key: T}}"),
            "gateway: users.b.access_key is another user's too");
  EXPECT_EQ(refusal("users: {\"a b\": {tier: paid}}"),
            "gateway: users.a b: a name has 1 to 128 letters, digits, '-', '_', '.' and '@'");
  EXPECT_NE(refusal("trusted_proxies: [10.0.0.1/8]").find("\"10.0.0.1/8\" is no block"),
            std::string::npos);
  EXPECT_NE(refusal("tiers: {free: {rate_per_s: -1}}").find("gateway.tiers.free.rate_per_s"),
            std::string::npos);
}

TEST(ThrottleConfigTest, LimitsTheNamelessByDefault) {
  const ThrottleConfig config = config_of("");
  EXPECT_EQ(config.tiers.at("free").rate_per_s, 100);
  EXPECT_EQ(config.tiers.at("free").burst, 200);
  EXPECT_EQ(config.tiers.at("free").concurrency_max, 64);
  EXPECT_EQ(config.tiers.at("paid").rate_per_s, 0);
}

}  // namespace
}  // namespace millrace::gateway
