// SPDX-License-Identifier: Apache-2.0
#include "net/request_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace millrace::net {
namespace {

using base::Reason;
using Step = RequestReader::Step;

// Feeds `bytes` in pieces of at most `piece` until the reader wants no more or they are spent.
Step feed(RequestReader& reader, std::string_view bytes, std::size_t piece = 1 << 20) {
  Step step = reader.advance();
  while (step == Step::NeedMore && !bytes.empty()) {
    const auto space = reader.space();
    const std::size_t count = std::min({space.size(), bytes.size(), piece});
    std::memcpy(space.data(), bytes.data(), count);
    reader.commit(count);
    bytes.remove_prefix(count);
    step = reader.advance();
  }
  return step;
}

class RequestReaderTest : public ::testing::Test {
 protected:
  Reason refusal_of(std::string_view bytes) {
    RequestReader reader(limits_);
    EXPECT_EQ(feed(reader, bytes), Step::Refused) << bytes.substr(0, 200);
    return reader.refusal().reason;
  }
  HttpServerLimits limits_;
};

TEST_F(RequestReaderTest, ReadsARequestByteByByte) {
  RequestReader reader(limits_);
  ASSERT_EQ(feed(reader, "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", 1),
            Step::Complete);
  EXPECT_EQ(reader.request().method, "POST");
  EXPECT_EQ(reader.request().target, "/a?b");
  EXPECT_EQ(reader.request().headers.find("host"), "h");
  EXPECT_EQ(reader.request().body, "body");
  EXPECT_TRUE(reader.keep_alive());
}

TEST_F(RequestReaderTest, JoinsChunksAndDropsTrailers) {
  RequestReader reader(limits_);
  ASSERT_EQ(feed(reader,
                 "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
                 3),
            Step::Complete);
  EXPECT_EQ(reader.request().body, "abcde");
  EXPECT_EQ(reader.request().headers.find("Trailer"), std::nullopt);
}

TEST_F(RequestReaderTest, ReadsTrailersByteByByteBehindNoBody) {
  RequestReader reader(limits_);
  ASSERT_EQ(feed(reader,
                 "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "0\r\nTrailer: t\r\n\r\n",
                 1),
            Step::Complete);
  EXPECT_EQ(reader.request().body, "");
}

TEST_F(RequestReaderTest, KeepsTheNextRequestOfAPipeline) {
  RequestReader reader(limits_);
  ASSERT_EQ(feed(reader, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"),
            Step::Complete);
  EXPECT_EQ(reader.request().target, "/1");
  EXPECT_TRUE(reader.has_unread());
  reader.next_request();
  ASSERT_EQ(reader.advance(), Step::Complete);
  EXPECT_EQ(reader.request().target, "/2");
  EXPECT_TRUE(reader.is_http_1_0());
  EXPECT_FALSE(reader.keep_alive());
  EXPECT_FALSE(reader.has_unread());
}

TEST_F(RequestReaderTest, AsksForTheBodyOnceWhenTheClientWaits) {
  RequestReader reader(limits_);
  ASSERT_EQ(feed(reader,
                 "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                 "Expect: 100-continue\r\n\r\n"),
            Step::Continue);
  EXPECT_EQ(reader.advance(), Step::NeedMore);
  EXPECT_EQ(feed(reader, "ok"), Step::Complete);
}

TEST_F(RequestReaderTest, StripsSchemeAndAuthority) {
  for (const auto& [received, expected] :
       {std::pair{"http://h:1/a?b", "/a?b"}, {"HTTP://h", "/"}, {"https://h?q", "/?q"}}) {
    RequestReader reader(limits_);
    ASSERT_EQ(feed(reader, "GET " + std::string(received) + " HTTP/1.1\r\nHost: h\r\n\r\n"),
              Step::Complete);
    EXPECT_EQ(reader.request().target, expected);
  }
}

TEST_F(RequestReaderTest, RefusesWhatTwoServersMayReadDifferently) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (const std::string& bytes : {
           post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: gzip\r\n\r\n",
           post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
           post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
           post + "Content-Length: 3, 4\r\n\r\nabcd",
           post + "Content-Length: 3, 3\r\n\r\nabc",
           post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
           post + "Content-Length: +3\r\n\r\nabc",
           post + "Content-Length: -1\r\n\r\n",
           post + "Content-Length: 0x3\r\n\r\nabc",
           post + "Content-Length: 99999999999999999999999\r\n\r\n",
           post + "Content-Length : 3\r\n\r\nabc",
           post + "X: a\r\n folded\r\n\r\n",
           post + "X: a\r\n\tfolded\r\n\r\n",
           post + std::string("X: a\0b\r\n\r\n", 10),
           post + "X: a\nY: b\r\n\r\n",
           post + "Host: other\r\n\r\n",
           post + ": empty\r\n\r\n",
           std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("GET / HTTP/1.1\n\n"),
           std::string("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
           std::string("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("\x16\x03\x01 hello\r\n\r\n"),
       }) {
    EXPECT_EQ(refusal_of(bytes), Reason::BadTarget) << bytes;
  }
}

TEST_F(RequestReaderTest, RefusesMalformedChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view body :
       {"x\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-3\r\nabc\r\n", "\r\nabc\r\n"}) {
    EXPECT_EQ(refusal_of(head + std::string(body)), Reason::BadTarget) << body;
  }
  EXPECT_EQ(refusal_of(head + "1;" + std::string(70'000, 'e')), Reason::BadTarget);
}

TEST_F(RequestReaderTest, HoldsItsLimits) {
  const std::string tail = "\r\nHost: h\r\n\r\n";
  const auto with_line_of = [&](std::size_t bytes) {
    const std::string fixed = "GET / HTTP/1.1";
    return "GET /" + std::string(bytes - fixed.size(), 'a') + " HTTP/1.1" + tail;
  };
  const std::size_t line_max = limits_.request_line_max.count;
  RequestReader longest(limits_);
  EXPECT_EQ(feed(longest, with_line_of(line_max - 1)), Step::Complete);
  EXPECT_EQ(refusal_of(with_line_of(line_max + 2)), Reason::TargetTooLong);

  const auto with_head_of = [](std::size_t bytes) {
    const std::string fixed = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
    return "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(bytes - fixed.size(), 'a') + "\r\n\r\n";
  };
  const std::size_t head_max = limits_.headers_max.count;
  HttpServerLimits small;
  small.headers_max = {200};
  RequestReader one_read(small);
  EXPECT_EQ(feed(one_read, with_head_of(201)), Step::Refused) << "wherever reads are cut";
  RequestReader largest(limits_);
  EXPECT_EQ(feed(largest, with_head_of(head_max)), Step::Complete);
  EXPECT_EQ(refusal_of(with_head_of(head_max + 1)), Reason::HeaderTooLarge);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nX: " + std::string(head_max, 'a')),
            Reason::HeaderTooLarge);
}

TEST_F(RequestReaderTest, RefusesABodyAboveTheLimitBeforeReadingIt) {
  limits_.body_max = {10};
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(refusal_of(head + "Content-Length: 11\r\n\r\n"), Reason::BodyTooLarge);
  EXPECT_EQ(refusal_of(head + "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n"),
            Reason::BodyTooLarge);
  RequestReader reader(limits_);
  EXPECT_EQ(feed(reader, head + "Content-Length: 10\r\n\r\n0123456789"), Step::Complete);
}

}  // namespace
}  // namespace millrace::net
