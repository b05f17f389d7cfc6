// SPDX-License-Identifier: Apache-2.0
// Whatever a client sends, it gets the error of docs/errors.md or a closed connection, and the next
// client is served.
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

class BadInputTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    System::Options options;
    // Short, so that slow clients need not be waited for long. Nothing below depends on how exact
    // they are.
    options.config_yaml =
        std::string(kNoLimits) + "  header_timeout_ms_max: 1500\n  body_timeout_ms_max: 1500\n";
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("g.jpg", encode_jpeg(make_picture(320, 200), 80));
  }
  static void TearDownTestSuite() { system_.reset(); }
  void TearDown() override {
    EXPECT_EQ(system_->get("/photos/g.jpg?imageView2/2/w/50").status, 200)
        << "the next client is not served";
  }
  static void expect_error(const HttpReply& reply, int status, const std::string& reason,
                           const std::string& part_of_sentence = "") {
    ASSERT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/json");
    const auto json = nlohmann::json::parse(reply.body, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << reply.body;
    EXPECT_EQ(json.value("reason", ""), reason) << reply.body;
    EXPECT_EQ(json.value("code", 0), status);
    EXPECT_NE(json.value("error", "").find(part_of_sentence), std::string::npos) << reply.body;
  }
  static std::optional<HttpReply> raw(const std::string& bytes) {
    RawConnection connection(system_->media_port());
    connection.send(bytes);
    return connection.read_reply();
  }
  static std::unique_ptr<System> system_;
};
std::unique_ptr<System> BadInputTest::system_;

TEST_F(BadInputTest, ParametersAreNamedWithWhatIsAllowed) {
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w/0"), 400, "bad_parameter", "from 1 to");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w/abc"), 400, "bad_parameter", "abc");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/width/10"), 400, "bad_parameter", "width");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w"), 400, "bad_parameter");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w/10/w/20"), 400, "bad_parameter");
  expect_error(system_->get("/photos/g.jpg?imageView2"), 400, "bad_parameter");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w/10/format/exe"), 400, "bad_parameter",
               "webp");
  expect_error(system_->get("/photos/g.jpg?facecrop/10"), 400, "bad_parameter");
  expect_error(system_->get("/photos/g.jpg?imageInfo/1"), 400, "bad_parameter");
}

TEST_F(BadInputTest, UnknownCommandsAreNamed) {
  expect_error(system_->get("/photos/g.jpg?imageview2/2/w/10"), 400, "unknown_command",
               "imageView2");
  expect_error(system_->get("/photos/g.jpg?imageView2/2/w/10%7Cnothing"), 400, "unknown_command",
               "nothing");
}

TEST_F(BadInputTest, TargetsThatNameNothing) {
  expect_error(system_->get("/"), 400, "bad_target");
  expect_error(system_->get("/photos"), 400, "bad_target");
  expect_error(system_->get("/photos/"), 400, "bad_target");
  expect_error(system_->get("/nobucket/g.jpg?imageInfo"), 404, "no_bucket");
  expect_error(system_->get("/nobucket/g.jpg"), 404, "no_bucket");
  expect_error(system_->get("/photos/none.jpg"), 404, "no_key");
  expect_error(system_->get("/photos/%zz.jpg"), 400, "bad_target");
  expect_error(system_->get("/photos/a%00b.jpg"), 400, "bad_target");
  expect_error(system_->get("/photos/g.jpg?"), 400, "bad_target");
  expect_error(system_->get("/photos/..%2f..%2f..%2fetc%2fpasswd"), 404, "no_key");
  expect_error(system_->get("/photos/../../etc/passwd?imageInfo"), 404, "no_key");
}

TEST_F(BadInputTest, MethodsThatChangeThingsAreRefused) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "BREW"}) {
    const HttpReply reply = system_->get("/photos/g.jpg", {{"Content-Length", "0"}}, method);
    expect_error(reply, 405, "bad_method");
    EXPECT_NE(reply.header("allow").find("GET"), std::string::npos);
  }
}

TEST_F(BadInputTest, NotHttpAtAll) {
  const auto reply = raw("\x16\x03\x01 hello\r\n\r\n");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 400);
}

TEST_F(BadInputTest, HalfARequestThenNothingMore) {
  RawConnection connection(system_->media_port());
  connection.send("GET /photos/g.jpg HTTP/1.1\r\nHos");
  connection.close();
}

TEST_F(BadInputTest, SlowClientIsTurnedAway) {
  RawConnection connection(system_->media_port());
  connection.send("GET /photos/g.jpg HTTP/1.1\r\nHos");
  const auto reply = connection.read_reply();  // the server, not this client, ends the wait
  ASSERT_TRUE(reply);
  expect_error(*reply, 408, "slow_client");
  EXPECT_EQ(connection.read_until_close(), "");
}

TEST_F(BadInputTest, MebibyteHeaderIsRefusedUnread) {
  RawConnection connection(system_->media_port());
  connection.send("GET /photos/g.jpg HTTP/1.1\r\nHost: x\r\nX-Long: ");
  connection.send(std::string(1 << 20, 'a'));  // may fail once the server has had enough
  const auto reply = connection.read_reply();
  ASSERT_TRUE(reply);
  expect_error(*reply, 431, "header_too_large");
}

TEST_F(BadInputTest, LongRequestLineIsRefused) {
  const auto reply = raw("GET /photos/" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(reply);
  expect_error(*reply, 414, "target_too_long");
}

TEST_F(BadInputTest, BodyOnGetIsReadAndIgnoredWithinLimits) {
  RawConnection connection(system_->media_port());
  const std::string request =
      "GET /photos/g.jpg?imageInfo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  connection.send(request + request);
  for (int i = 0; i < 2; ++i) {
    const auto reply = connection.read_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200) << reply->body;
  }
}

TEST_F(BadInputTest, HugeBodyOnGetIsRefused) {
  const auto reply = raw(
      "GET /photos/g.jpg?imageInfo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n");
  ASSERT_TRUE(reply);
  expect_error(*reply, 413, "body_too_large");
}

TEST_F(BadInputTest, TwoLengthsAreRefused) {
  const auto reply =
      raw("GET /photos/g.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
          "chunked\r\n\r\n0\r\n\r\n");
  ASSERT_TRUE(reply);
  expect_error(*reply, 400, "bad_target");
}

TEST_F(BadInputTest, ClientThatLeavesCostsNobodyElse) {
  system_->add_photo("big.jpg", encode_jpeg(make_picture(3000, 2000), 90));
  for (int i = 0; i < 8; ++i) {
    RawConnection connection(system_->media_port());
    connection.send("GET /photos/big.jpg?imageView2/2/w/" + std::to_string(900 + i) +
                    "/format/png HTTP/1.1\r\nHost: x\r\n\r\n");
  }
}

TEST_F(BadInputTest, FilesThatAreNoPictures) {
  system_->add_photo("notes.jpg", "just text, whatever the name says");
  expect_error(system_->get("/photos/notes.jpg?imageView2/2/w/50"), 415, "unsupported_media");
  system_->add_photo("empty.jpg", "");
  expect_error(system_->get("/photos/empty.jpg?imageView2/2/w/50"), 415, "unsupported_media");
  system_->add_photo("cut.jpg", encode_jpeg(make_picture(320, 200), 80).substr(0, 120));
  expect_error(system_->get("/photos/cut.jpg?imageView2/2/w/50"), 422, "corrupt_media");
  // A PNG header that promises 60,000 x 60,000 pixels.
  std::string bomb = encode(make_picture(8, 8), ".png");
  bomb.replace(16, 8, std::string("\x00\x00\xea\x60\x00\x00\xea\x60", 8));
  system_->add_photo("bomb.png", bomb);
  const HttpReply refused = system_->get("/photos/bomb.png?imageView2/2/w/50");
  EXPECT_EQ(refused.status, 422) << refused.body;
  system_->add_photo("fat.jpg", std::string(21 << 20, 'x'));
  expect_error(system_->get("/photos/fat.jpg?imageView2/2/w/50"), 413, "source_too_large");
}

TEST_F(BadInputTest, HealthIsAnsweredOnTheOpsPort) {
  EXPECT_EQ(fetch(system_->ops_port(), "/livez").status, 200);
  EXPECT_EQ(fetch(system_->ops_port(), "/readyz").status, 200);
  EXPECT_EQ(fetch(system_->ops_port(), "/version").status, 200);
  const HttpReply metrics = fetch(system_->ops_port(), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("millrace_gateway_"), std::string::npos);
  EXPECT_EQ(fetch(system_->ops_port(), "/nothing").status, 404);
}

}  // namespace
}  // namespace millrace::test
