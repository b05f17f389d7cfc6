// SPDX-License-Identifier: Apache-2.0
// What the ports answer without any node: originals, methods, health, and the end.
#include <future>

#include <nlohmann/json.hpp>

#include "gateway/host_bucket.h"
#include "gateway/request_record.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

class MediaPortTest : public GatewayTest {
 protected:
  void SetUp() override {
    for (int i = 0; large_.size() < 3'000'000; ++i) large_ += std::to_string(i) + ",";
    large_.resize(3'000'000);
    write_photo("large.bin", large_);
    write_photo("a b.jpg", "small");
    write_photo("page.html", "<script>alert(1)</script>");
    write_photo("drawing.svg", "<svg/>");
    start_gateway();
  }
  std::string large_;
};

TEST_F(MediaPortTest, ServesAnOriginal) {
  const Reply reply = get("/photos/a%20b.jpg");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, "small");
  EXPECT_EQ(reply.header("content-type"), "image/jpeg");
  EXPECT_EQ(reply.header("accept-ranges"), "bytes");
  EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(reply.header("content-security-policy"), "");
  EXPECT_EQ(reply.header("cache-control"), "public, max-age=31536000");
  EXPECT_NE(reply.header("etag"), "");
  EXPECT_NE(reply.header("last-modified"), "");
  EXPECT_EQ(reply.header("x-reqid").size(), 24U);
  EXPECT_TRUE(get("/photos/large.bin").body == large_);
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"original\",reason=\"ok\"}") == 2;
  }));
}

TEST_F(MediaPortTest, ServesRanges) {
  const Reply middle = get("/photos/large.bin", {{"Range", "bytes=1000000-1999999"}});
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("content-range"), "bytes 1000000-1999999/3000000");
  EXPECT_TRUE(middle.body == large_.substr(1'000'000, 1'000'000));
  const Reply beyond = get("/photos/large.bin", {{"Range", "bytes=3000000-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.header("content-range"), "bytes */3000000");
  EXPECT_EQ(reason_of(beyond), "bad_range");
  const std::string etag = get("/photos/large.bin", {}, "HEAD").header("etag");
  EXPECT_EQ(get("/photos/large.bin", {{"Range", "bytes=0-9"}, {"If-Range", etag}}).status, 206);
  EXPECT_EQ(get("/photos/large.bin", {{"Range", "bytes=0-9"}, {"If-Range", "\"x\""}}).status, 200);
}

TEST_F(MediaPortTest, ServesHeadOnAConnectionThatLivesOn) {
  RawClient client(media_port());
  for (int i = 0; i < 3; ++i) {
    client.send("HEAD /photos/large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    const Reply reply = client.read_reply(true);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("content-length"), "3000000");
  }
  EXPECT_EQ(get("/photos/none.bin", {}, "HEAD").status, 404);
}

TEST_F(MediaPortTest, CountsOpenAndIdleConnections) {
  const auto shows = [this](double open, double idle) {
    return eventually([&] {
      return metric("millrace_http_connections{server=\"media\"}") == open &&
             metric("millrace_http_connections_idle{server=\"media\"}") == idle;
    });
  };
  RawClient first(media_port());
  RawClient second(media_port());
  EXPECT_TRUE(shows(2, 2));
  second.send("GET /photos/");
  EXPECT_TRUE(shows(2, 1));
  second.send("page.html HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(second.read_reply().status, 200);
  EXPECT_TRUE(shows(2, 2));
  first.close();
  second.close();
  EXPECT_TRUE(shows(0, 0));
}

TEST_F(MediaPortTest, AnswersConditionsWith304) {
  const Reply first = get("/photos/a%20b.jpg");
  EXPECT_EQ(get("/photos/a%20b.jpg", {{"If-None-Match", first.header("etag")}}).status, 304);
  EXPECT_EQ(get("/photos/a%20b.jpg", {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(get("/photos/a%20b.jpg", {{"If-None-Match", first.header("etag")}}, "HEAD").status,
            304);
  EXPECT_EQ(get("/photos/a%20b.jpg", {{"If-Modified-Since", first.header("last-modified")}}).status,
            304);
}

TEST_F(MediaPortTest, KeepsPagesFromRunningScripts) {
  for (const char* target : {"/photos/page.html", "/photos/drawing.svg"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(reply.header("content-security-policy").find("sandbox"), std::string::npos) << target;
  }
}

TEST_F(MediaPortTest, NamesDownloadsOfOriginals) {
  EXPECT_EQ(get("/photos/a%20b.jpg?attname=").header("content-disposition"),
            "attachment;filename=\"a b.jpg\"");
  EXPECT_EQ(get("/photos/a%20b.jpg?attname=x.jpg").header("content-disposition"),
            "attachment;filename=\"x.jpg\"");
}

TEST_F(MediaPortTest, SaysWhatIsNotThere) {
  EXPECT_EQ(reason_of(get("/photos/none.jpg")), "no_key");
  EXPECT_EQ(get("/photos/none.jpg").status, 404);
  EXPECT_EQ(reason_of(get("/nobucket/a.jpg")), "no_bucket");
  EXPECT_EQ(reason_of(get("/")), "bad_target");
  EXPECT_EQ(reason_of(get("/photos/../../etc/passwd")), "no_key");
}

TEST_F(MediaPortTest, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "BREW"}) {
    const Reply reply = get("/photos/a%20b.jpg", {{"Content-Length", "0"}}, method);
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reason_of(reply), "bad_method");
    EXPECT_EQ(reply.header("allow"), "GET, HEAD, OPTIONS");
  }
}

TEST_F(MediaPortTest, AnswersCorsPreflights) {
  const Reply reply = get("/photos/a%20b.jpg",
                          {{"Origin", "https://app.example"},
                           {"Access-Control-Request-Method", "GET"},
                           {"Access-Control-Request-Headers", "if-none-match"}},
                          "OPTIONS");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("access-control-allow-origin"), "*");
  EXPECT_EQ(reply.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(reply.header("access-control-allow-headers"), "*");
  EXPECT_NE(reply.header("access-control-max-age"), "");
}

TEST_F(MediaPortTest, GivesEvenTheUnreadableARequestId) {
  RawClient client(media_port());
  client.send("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n");
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.status, 414);
  EXPECT_EQ(reason_of(reply), "target_too_long");
  EXPECT_EQ(reply.header("x-reqid").size(), 24U);
}

TEST_F(MediaPortTest, TheAccessLogTellsWhoAskedBehindAProxy) {
  config_.access_log.requests = "all";
  config_.throttle.trusted_proxies = {"127.0.0.0/8"};
  start_gateway();
  write_photo("a.jpg", "original");
  testing::internal::CaptureStderr();
  (void)get("/photos/a.jpg", {{"X-Forwarded-For", "192.0.2.1, 2001:db8:1:2::7"}});
  (void)get("/photos/nosuch.jpg", {});
  (void)get("/nosuch/a.jpg", {{"X-Forwarded-For", "203.0.113.9"}});  // refused before it is counted
  gateway_.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(
      log.find(R"("client":"2001:db8:1:2::7","peer":"127.0.0.1","user":"ip:2001:db8:1:2::/64")"),
      std::string::npos)
      << log;
  EXPECT_NE(log.find(R"("client":"127.0.0.1","peer":"127.0.0.1","user":"ip:127.0.0.1")"),
            std::string::npos);
  EXPECT_NE(log.find(R"("client":"203.0.113.9","peer":"127.0.0.1","user":"")"), std::string::npos);
}

TEST_F(MediaPortTest, OpsPortTellsHealth) {
  EXPECT_EQ(fetch(ops_port(), "/livez").status, 200);
  const Reply ready = fetch(ops_port(), "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("no node"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(fetch(ops_port(), "/version").body)["program"],
            "millrace-gateway");
  EXPECT_NE(fetch(ops_port(), "/metrics").body.find("millrace_gateway_requests_total"),
            std::string::npos);
  EXPECT_EQ(fetch(ops_port(), "/nothing").status, 404);
  EXPECT_EQ(fetch(ops_port(), "/livez", {{"Content-Length", "0"}}, "POST").status, 405);
  start_agent([](net::HttpExchange& exchange) -> net::Awaitable<void> {
    (void)co_await exchange.respond(picture_head(), "picture");
  });
  const Reply now = fetch(ops_port(), "/readyz");
  EXPECT_EQ(now.status, 200);
  EXPECT_EQ(nlohmann::json::parse(now.body)["kinds"], nlohmann::json::array({"image"}));
}

TEST_F(MediaPortTest, ApiPortListsCommands) {
  start_agent([](net::HttpExchange& exchange) -> net::Awaitable<void> {
    (void)co_await exchange.respond(picture_head(), "picture");
  });
  const auto json = nlohmann::json::parse(fetch(api_port(), "/v1/commands").body);
  ASSERT_EQ(json["commands"].size(), 4U);
  EXPECT_EQ(json["commands"][0]["name"], "code");
  EXPECT_EQ(json["commands"][1]["name"], "info");
  EXPECT_EQ(json["commands"][2]["name"], "mark");
  EXPECT_EQ(json["commands"][3]["name"], "resize");
  EXPECT_EQ(fetch(api_port(), "/v1/nothing").status, 404);
  EXPECT_EQ(fetch(api_port(), "/v1/commands", {{"Content-Length", "0"}}, "POST").status, 405);
}

TEST_F(MediaPortTest, DrainsAndAcceptsNoMore) {
  std::promise<void> drained;
  const std::uint16_t media = media_port();
  gateway_->drain([&drained] { drained.set_value(); });
  ASSERT_EQ(drained.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(fetch(media, "/photos/a%20b.jpg").status, 0);
  const Reply ready = fetch(ops_port(), "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("draining"), std::string::npos);
}

TEST(GatewayStartTest, RefusesAPortThatIsTaken) {
  GatewayConfig free;
  free.listen = free.api_listen = free.ops_listen = "127.0.0.1:0";
  free.threads = 2;
  const auto first = Gateway::make({.config = free, .buckets = {}, .fleet_key = kFleetKey});
  ASSERT_TRUE(first);
  // The media port too, although its listeners share it among themselves.
  const auto refusal = [&free](std::string GatewayConfig::* key, const net::Endpoint& taken) {
    GatewayConfig config = free;
    config.*key = taken.text();
    const auto second = Gateway::make({.config = config, .buckets = {}, .fleet_key = kFleetKey});
    return second ? "" : second.error().public_message;
  };
  const Gateway::Addresses taken = (*first)->addresses();
  for (const auto& [key, endpoint] : {std::pair(&GatewayConfig::listen, taken.media),
                                      std::pair(&GatewayConfig::api_listen, taken.api),
                                      std::pair(&GatewayConfig::ops_listen, taken.ops)}) {
    EXPECT_NE(refusal(key, endpoint).find(endpoint.text()), std::string::npos) << endpoint.text();
  }
}

TEST(GatewayStartTest, RefusesHostsOfUnknownBuckets) {
  GatewayConfig config;
  config.hosts["img.example"].bucket = "none";
  const auto made = Gateway::make({.config = config, .buckets = {}, .fleet_key = kFleetKey});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, base::Reason::BadParameter);
  EXPECT_NE(made.error().public_message.find("img.example"), std::string::npos);
}

TEST(BucketOfHostTest, IgnoresCaseAndPort) {
  std::map<std::string, HostConfig> hosts;
  hosts["img.example"].bucket = "photos";
  EXPECT_EQ(bucket_of_host(hosts, "img.example"), "photos");
  EXPECT_EQ(bucket_of_host(hosts, "IMG.Example:8080"), "photos");
  EXPECT_EQ(bucket_of_host(hosts, "other.example"), std::nullopt);
  EXPECT_EQ(bucket_of_host(hosts, std::nullopt), std::nullopt);
  EXPECT_EQ(bucket_of_host({}, "img.example"), std::nullopt);
}

TEST(IsLoggedTest, FollowsTheConfiguration) {
  AccessLogConfig config;
  const RequestRecord fine;
  RequestRecord failed;
  failed.failure = base::Reason::WorkerDied;
  RequestRecord refused;
  refused.failure = base::Reason::NoKey;
  const base::Duration quick = std::chrono::milliseconds(1);
  EXPECT_FALSE(is_logged(config, fine, quick));
  EXPECT_FALSE(is_logged(config, refused, quick));
  EXPECT_TRUE(is_logged(config, failed, quick));
  EXPECT_TRUE(is_logged(config, fine, config.slow));
  config.requests = "all";
  EXPECT_TRUE(is_logged(config, fine, quick));
  config.requests = "none";
  EXPECT_FALSE(is_logged(config, failed, quick));
}

}  // namespace
}  // namespace millrace::gateway
