// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/answer_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using State = AnswerReader::State;

// The state after `bytes`, given one at a time.
AnswerReader dripped(const std::string& bytes, bool to_head = false) {
  AnswerReader reader;
  reader.start(to_head);
  for (const char c : bytes) reader.feed({&c, 1});
  return reader;
}

TEST(AnswerReaderTest, ReadsALengthWhateverThePieces) {
  const std::string answer =
      "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 23\r\nRETRY-AFTER: 1\r\n\r\n"
      "{\"reason\":\"queue_full\"}";
  AnswerReader whole;
  whole.start(false);
  EXPECT_EQ(whole.feed(answer + "more"), answer.size());
  for (const AnswerReader& reader : {whole, dripped(answer)}) {
    EXPECT_EQ(reader.state(), State::Done);
    EXPECT_EQ(reader.status(), 503);
    EXPECT_EQ(reader.reason(), "queue_full");
    EXPECT_TRUE(reader.has_retry_after());
    EXPECT_TRUE(reader.keeps_alive());
    EXPECT_EQ(reader.body_bytes(), 23U);
  }
}

TEST(AnswerReaderTest, KeepsABodyWhenAskedTo) {
  AnswerReader reader;
  reader.start(false);
  reader.keep_body(8);
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
  reader.feed(answer.substr(0, answer.size() - 6));
  EXPECT_EQ(reader.droppable(), 0U);
  reader.feed(answer.substr(answer.size() - 6));
  EXPECT_EQ(reader.state(), State::Done);
  EXPECT_EQ(reader.kept_body(), "01234567");
  EXPECT_EQ(reader.body_bytes(), 10U);
}

TEST(AnswerReaderTest, ReadsChunksWithTrailers) {
  const AnswerReader reader = dripped(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n");
  EXPECT_EQ(reader.state(), State::Done);
  EXPECT_EQ(reader.body_bytes(), 15U);
}

TEST(AnswerReaderTest, KnowsAnswersWithoutABody) {
  EXPECT_EQ(dripped("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").state(), State::Done);
  EXPECT_EQ(dripped("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true).state(), State::Done);
  const AnswerReader after_continue =
      dripped("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(after_continue.state(), State::Done);
  EXPECT_EQ(after_continue.status(), 204);
}

TEST(AnswerReaderTest, TheEndOfTheConnectionEndsOnlyABodyOfUnknownLength) {
  AnswerReader open = dripped("HTTP/1.0 200 OK\r\n\r\nbytes");
  open.end_of_stream();
  EXPECT_EQ(open.state(), State::Done);
  EXPECT_FALSE(open.keeps_alive());
  AnswerReader cut = dripped("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbytes");
  cut.end_of_stream();
  EXPECT_EQ(cut.state(), State::Broken);
}

TEST(AnswerReaderTest, BytesDroppedUnreadCount) {
  AnswerReader reader = dripped("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(reader.droppable(), 1'000U);
  reader.dropped(1'000);
  EXPECT_EQ(reader.state(), State::Done);
  EXPECT_EQ(reader.body_bytes(), 1'000U);
}

TEST(AnswerReaderTest, RefusesWhatIsNotHttp) {
  EXPECT_EQ(dripped("SSH-2.0-OpenSSH\r\n").state(), State::Broken);
  EXPECT_EQ(dripped("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n").state(), State::Broken);
  EXPECT_EQ(dripped("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").state(),
            State::Broken);
  EXPECT_EQ(dripped("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a')).state(), State::Broken);
}

}  // namespace
}  // namespace millrace::bench
