// SPDX-License-Identifier: Apache-2.0
#include "storage/http_bucket.h"

#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/original.h"
#include "tests/storage/run.h"
#include "tests/storage/scripted_origin.h"
#include "tests/storage/temp_folder.h"

namespace millrace::storage {
namespace {

using base::Reason;
using testing::HasSubstr;

// An answer that says of itself that it is the connection's last.
std::string http(const std::string& status, const std::string& fields, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + fields + "\r\n" + body;
}
std::string ok(const std::string& body, const std::string& fields = "") {
  return http("200 OK", fields + "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

class HttpBucketTest : public testing::Test {
 protected:
  void serve(ScriptedOrigin::Script script, const std::string& prefix = "") {
    origin_ = std::make_unique<ScriptedOrigin>(std::move(script));
    use("http://" + origin_->authority() + prefix);
  }
  // The same bytes to every request.
  void serve_bytes(std::string bytes, bool hold_open = false) {
    serve([bytes = std::move(bytes), hold_open](const std::string&) {
      return ScriptedOrigin::Answer{bytes, hold_open};
    });
  }
  void use(const std::string& url) {
    config_.kind = "http";
    config_.origin = url;
    bucket_ = std::make_unique<HttpBucket>(io_, config_);
  }
  std::string get(const std::string& key = "a.jpg", OpenOptions options = {}) {
    if (options.deadline.is_never()) {
      options.deadline = base::Deadline::after(base::Clock::now(), std::chrono::seconds(50));
    }
    return run(io_, storage::get(*bucket_, key, std::move(options)));
  }
  std::string part(std::uint64_t offset, std::optional<std::uint64_t> length) {
    return get("a.jpg", {.range = ByteRange{offset, length}});
  }
  [[nodiscard]] std::string first_line(std::size_t index = 0) const {
    const auto heads = origin_->requests();
    return index < heads.size() ? heads[index].substr(0, heads[index].find("\r\n")) : "none";
  }

  net::asio::io_context io_;
  BucketConfig config_;
  std::unique_ptr<ScriptedOrigin> origin_;
  std::unique_ptr<HttpBucket> bucket_;
};

TEST_F(HttpBucketTest, AsksForTheKeyBeneathThePrefix) {
  serve([](const std::string&) { return ScriptedOrigin::Answer{ok("content")}; }, "/pre%20fix/");
  EXPECT_EQ(get("a b/c%d?.jpg"), "content");
  EXPECT_EQ(first_line(), "GET /pre%20fix/a%20b/c%25d%3F.jpg HTTP/1.1");
  const std::string head = origin_->requests().at(0);
  EXPECT_THAT(head, HasSubstr("Host: " + origin_->authority() + "\r\n"));
  EXPECT_THAT(head, HasSubstr("Accept-Encoding: identity\r\n"));
  EXPECT_EQ(bucket_->origin(), origin_->authority());
}

TEST_F(HttpBucketTest, KeysThatAServerWouldResolveAreNeverSent) {
  serve_bytes(ok("content"));
  for (const std::string& key : {std::string("../a"), std::string("a/../../b"), std::string("a/.."),
                                 std::string("./a"), std::string(), std::string("a\0b", 3)}) {
    EXPECT_EQ(get(key), "no_key");
  }
  EXPECT_TRUE(origin_->requests().empty());
  EXPECT_EQ(get("%2e%2e/a"), "content");  // literally so named
  EXPECT_EQ(first_line(), "GET /%252e%252e/a HTTP/1.1");
}

TEST_F(HttpBucketTest, GivesTheFactsOfTheOrigin) {
  serve_bytes(ok("content",
                 "ETag: \"v1\"\r\nContent-Type: image/webp\r\n"
                 "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  auto opened = run(io_, bucket_->open("a.jpg", {}));
  ASSERT_TRUE(opened);
  const auto& reader = std::get<std::unique_ptr<EntryReader>>(*opened);
  EXPECT_EQ(reader->facts().validator, "\"v1\"");
  EXPECT_EQ(reader->facts().media_type, "image/webp");
  EXPECT_EQ(reader->facts().size_bytes, 7U);
  EXPECT_EQ(reader->facts().modified_unix_s, 784'111'777);
  EXPECT_EQ(reader->length(), 7U);
}

TEST_F(HttpBucketTest, ReadsBodiesOfEveryShape) {
  const std::string big(1'000'000, 'x');
  serve_bytes(ok(big));
  EXPECT_EQ(get(), big);
  serve_bytes(ok(""));
  EXPECT_EQ(get(), "");
  serve_bytes(
      http("200 OK", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"));
  EXPECT_EQ(get(), "abcdefg");
  serve_bytes(http("200 OK", "", "until the end"));
  EXPECT_EQ(get(), "until the end");
}

TEST_F(HttpBucketTest, BrokenBodiesAreFailures) {
  const std::vector<std::string> broken = {
      http("200 OK", "Content-Length: 10\r\n", "short"),
      http("200 OK", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
      http("200 OK", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n4\r\nde"),
      http("200 OK", "Transfer-Encoding: chunked\r\n", "x\r\nabc\r\n0\r\n\r\n"),
      http("206 Partial Content", "Content-Length: 1\r\nContent-Range: bytes 0-0/1\r\n", "a"),
      http("200 OK", "Content-Length: 7\r\nContent-Encoding: gzip\r\n", "content"),
      "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "",
  };
  for (const std::string& bytes : broken) {
    serve_bytes(bytes);
    EXPECT_EQ(get(), "origin_failed") << bytes;
  }
}

TEST_F(HttpBucketTest, StatusesHaveTheirReasons) {
  for (const auto& [status, reason] : std::vector<std::pair<std::string, std::string>>{
           {"404 Not Found", "no_key"},
           {"410 Gone", "no_key"},
           {"403 Forbidden", "no_key"},
           {"401 Unauthorized", "origin_failed"},
           {"416 Range Not Satisfiable", "origin_failed"},
           {"429 Too Many Requests", "origin_failed"},
           {"500 Internal Server Error", "origin_failed"},
           {"503 Service Unavailable", "origin_failed"}}) {
    serve_bytes(http(status, "Content-Length: 4\r\n", "oops"));
    EXPECT_EQ(get(), reason) << status;
  }
  serve_bytes(http("416 Range Not Satisfiable", "Content-Length: 0\r\n", ""));
  EXPECT_EQ(part(5, 5), "bad_range");
}

TEST_F(HttpBucketTest, ReadsRangesOfAnOriginThatKnowsThem) {
  serve_bytes(http("206 Partial Content",
                   "Content-Length: 3\r\nContent-Range: bytes 4-6/10\r\nETag: \"v1\"\r\n", "456"));
  EXPECT_EQ(part(4, 3), "456");
  EXPECT_THAT(origin_->requests().at(0), HasSubstr("Range: bytes=4-6\r\n"));
  EXPECT_EQ(part(5, 3), "origin_failed");
  EXPECT_EQ(part(4, 4), "origin_failed");
}

TEST_F(HttpBucketTest, ReadsRangesOfAnOriginThatIgnoresThem) {
  const std::string chunked = "a\r\n0123456789\r\n0\r\n\r\n";
  for (const std::string& bytes :
       {ok("0123456789"), http("200 OK", "Transfer-Encoding: chunked\r\n", chunked)}) {
    serve_bytes(bytes);
    EXPECT_EQ(part(4, 3), "456");
    EXPECT_EQ(part(7, {}), "789");
    EXPECT_EQ(part(7, 100), "789");
    EXPECT_EQ(part(0, 2), "01");
    EXPECT_EQ(part(10, {}), "bad_range");
    EXPECT_EQ(part(11, 1), "bad_range");
    EXPECT_EQ(part(3, 0), "bad_range");
  }
}

TEST_F(HttpBucketTest, AsksWhetherWhatIsKnownStillHolds) {
  serve_bytes(http("304 Not Modified", "ETag: \"v1\"\r\n", ""));
  EXPECT_EQ(get("a.jpg", {.known_validator = "\"v1\""}), "not modified");
  EXPECT_THAT(origin_->requests().at(0), HasSubstr("If-None-Match: \"v1\"\r\n"));
  EXPECT_EQ(get(), "origin_failed");  // 304 to no question
  serve_bytes(ok("content", "ETag: \"v2\"\r\n"));
  EXPECT_EQ(get("a.jpg", {.known_validator = "\"v1\""}), "content");
  EXPECT_EQ(get("a.jpg", {.known_validator = "\"v2\""}), "not modified");
}

TEST_F(HttpBucketTest, FollowsRedirectsAtTheOriginItself) {
  serve([this](const std::string& head) {
    if (head.starts_with("GET /a.jpg ")) {
      return ScriptedOrigin::Answer{http("302 Found", "Location: /b.jpg?v=1\r\n", "")};
    }
    if (head.starts_with("GET /b.jpg?v=1 ")) {
      return ScriptedOrigin::Answer{
          http("301 Moved", "Location: http://" + origin_->authority() + "/dir/c.jpg\r\n", "")};
    }
    if (head.starts_with("GET /dir/c.jpg ")) {
      return ScriptedOrigin::Answer{http("307 Temporary Redirect", "Location: d.jpg\r\n", "")};
    }
    return ScriptedOrigin::Answer{ok("arrived")};
  });
  EXPECT_EQ(get(), "arrived");
  EXPECT_EQ(first_line(3), "GET /dir/d.jpg HTTP/1.1");
}

TEST_F(HttpBucketTest, NeverLeavesTheOriginNorRunsInCircles) {
  const ScriptedOrigin other([](const std::string&) { return ScriptedOrigin::Answer{ok("evil")}; });
  for (const std::string& location :
       {"http://" + other.authority() + "/a.jpg", "//" + other.authority() + "/a.jpg",
        std::string("https://127.0.0.1/a.jpg"), std::string("file:///etc/passwd")}) {
    serve_bytes(http("302 Found", "Content-Length: 0\r\nLocation: " + location + "\r\n", ""));
    EXPECT_EQ(get(), "origin_failed") << location;
  }
  EXPECT_TRUE(other.requests().empty());
  serve_bytes(http("302 Found", "Content-Length: 0\r\nLocation: /a.jpg\r\n", ""));
  EXPECT_EQ(get(), "origin_failed");
  EXPECT_EQ(origin_->requests().size(), 4U);
}

TEST_F(HttpBucketTest, StatsByHead) {
  serve_bytes(http("200 OK", "Content-Length: 1234\r\nETag: \"v1\"\r\n", ""));
  const auto facts = run(io_, bucket_->stat("a.png", {}));
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->size_bytes, 1234U);
  EXPECT_EQ(facts->validator, "\"v1\"");
  EXPECT_EQ(facts->media_type, "image/png");
  EXPECT_EQ(first_line(), "HEAD /a.png HTTP/1.1");
}

TEST_F(HttpBucketTest, StatsByGetWhereHeadIsNotKnown) {
  serve([](const std::string& head) {
    if (head.starts_with("HEAD")) {
      return ScriptedOrigin::Answer{http("405 Method Not Allowed", "Content-Length: 0\r\n", "")};
    }
    return ScriptedOrigin::Answer{ok("content")};
  });
  const auto facts = run(io_, bucket_->stat("a.png", {}));
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->size_bytes, 7U);
  serve_bytes(http("404 Not Found", "Content-Length: 0\r\n", ""));
  EXPECT_EQ(run(io_, bucket_->stat("a.png", {})).error().reason, Reason::NoKey);
}

TEST_F(HttpBucketTest, OriginalsInPart) {
  serve([](const std::string& head) {
    if (head.starts_with("HEAD")) {
      return ScriptedOrigin::Answer{http("200 OK", "Content-Length: 10\r\nETag: \"v1\"\r\n", "")};
    }
    if (head.find("Range: bytes=7-9\r\n") != std::string::npos) {
      return ScriptedOrigin::Answer{
          http("206 Partial Content",
               "Content-Length: 3\r\nContent-Range: bytes 7-9/10\r\nETag: \"v1\"\r\n", "789")};
    }
    return ScriptedOrigin::Answer{ok("0123456789", "ETag: \"v1\"\r\n")};
  });
  auto opened = run(io_, open_original(*bucket_, "a", {.range = "bytes=-3"}, {}));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->decision.status(), 206);
  EXPECT_EQ(run(io_, drain(*opened->reader)), "789");
  opened = run(io_, open_original(*bucket_, "a", {.if_none_match = "\"v1\""}, {}));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->decision.status(), 304);
}

TEST_F(HttpBucketTest, NobodyListeningIsAFailure) {
  serve_bytes("");
  const std::string authority = origin_->authority();
  bucket_.reset();
  origin_.reset();
  use("http://" + authority);
  EXPECT_EQ(get(), "origin_failed");
}

TEST_F(HttpBucketTest, SilentOriginEndsAtTheDeadline) {
  serve_bytes("", true);
  EXPECT_EQ(get("a.jpg", {.deadline = base::Deadline::after(base::Clock::now(),
                                                            std::chrono::milliseconds(100))}),
            "deadline");
}

TEST_F(HttpBucketTest, OriginThatStallsInMidBodyIsGivenUp) {
  config_.read_timeout = std::chrono::milliseconds(100);
  serve_bytes(http("200 OK", "Content-Length: 10\r\n", "01234"), true);
  EXPECT_EQ(get(), "origin_failed");
}

TEST_F(HttpBucketTest, CancellationEndsTheWait) {
  serve_bytes("", true);
  net::CancelSource source;
  net::asio::steady_timer timer(io_, std::chrono::milliseconds(50));
  timer.async_wait([&source](const boost::system::error_code&) { source.cancel(); });
  EXPECT_EQ(get("a.jpg", {.cancel = source.token()}), "client_gone");
}

TEST_F(HttpBucketTest, ReadsOverTlsFromAnOriginThatItsAuthorityVouchesFor) {
  const TestCertificate certificate = make_certificate();
  const TempFolder folder;
  folder.write("ca.pem", certificate.certificate_pem);
  const ScriptedOrigin secure(
      [](const std::string&) { return ScriptedOrigin::Answer{ok("secret content")}; },
      &certificate);
  config_.ca_file = folder / "ca.pem";
  use("https://" + secure.authority());
  EXPECT_EQ(get(), "secret content");

  // Another authority, and the system's own.
  folder.write("other.pem", make_certificate().certificate_pem);
  config_.ca_file = folder / "other.pem";
  use("https://" + secure.authority());
  EXPECT_EQ(get(), "origin_failed");
  config_.ca_file.clear();
  use("https://" + secure.authority());
  EXPECT_EQ(get(), "origin_failed");
  EXPECT_EQ(secure.requests().size(), 1U);
}

TEST_F(HttpBucketTest, PlainOriginBehindHttpsIsAFailure) {
  serve_bytes(ok("content"));
  use("https://" + origin_->authority());
  EXPECT_EQ(get("a.jpg",
                {.deadline = base::Deadline::after(base::Clock::now(), std::chrono::seconds(20))}),
            "origin_failed");
}

}  // namespace
}  // namespace millrace::storage
