// SPDX-License-Identifier: Apache-2.0
#include "net/chunk_reader.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace millrace::net {
namespace {

using Step = ChunkReader::Step;

struct Read {
  Step step = Step::NeedMore;
  std::string body;
  std::size_t consumed = 0;
};

// As a connection would, `piece` bytes at a time.
Read read(std::string_view bytes, std::size_t piece) {
  ChunkReader reader;
  Read result;
  for (std::size_t came = 0;;) {
    const std::string_view there = bytes.substr(result.consumed, came - result.consumed);
    std::size_t consumed = 0;
    result.step = reader.advance(there, consumed);
    result.consumed += consumed;
    if (result.step == Step::Data && consumed < there.size()) {
      const auto data = there.substr(consumed, reader.data_left());
      result.body += data;
      result.consumed += data.size();
      reader.took(data.size());
      continue;
    }
    if (result.step == Step::End || result.step == Step::Malformed || came == bytes.size()) {
      return result;
    }
    came = std::min(came + piece, bytes.size());
  }
}

Read read(std::string_view bytes) {
  const Read whole = read(bytes, bytes.size());
  for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
    const Read other = read(bytes, piece);
    EXPECT_EQ(other.step, whole.step) << bytes;
    if (whole.step == Step::End) EXPECT_EQ(other.body, whole.body) << bytes;
    if (whole.step == Step::End) EXPECT_EQ(other.consumed, whole.consumed) << bytes;
  }
  return whole;
}

TEST(ChunkReaderTest, JoinsChunksAndLeavesWhatFollows) {
  const Read result = read("4\r\nbody\r\n0A;e=v;q=\"x;y\"\r\n0123456789\r\n0\r\n\r\nGET /");
  EXPECT_EQ(result.step, Step::End);
  EXPECT_EQ(result.body, "body0123456789");
  EXPECT_EQ(result.consumed, 42U);
}

TEST(ChunkReaderTest, ABodyMayBeEmptyAndHaveTrailers) {
  EXPECT_EQ(read("0\r\n\r\n").step, Step::End);
  const Read result = read("000;e\r\nA: b\r\nC:\r\n\r\nmore");
  EXPECT_EQ(result.step, Step::End);
  EXPECT_EQ(result.consumed, 19U);
}

TEST(ChunkReaderTest, BearsPaddedSizes) { EXPECT_EQ(read("1 \t\r\nx\r\n0 ;e\r\n\r\n").body, "x"); }

TEST(ChunkReaderTest, WaitsForWhatIsNotThere) {
  for (const char* part : {"", "1", "1\r", "1\r\n", "1\r\nx", "1\r\nx\r", "1\r\nx\r\n", "0\r\n",
                           "0\r\n\r", "0\r\nA: b\r\n"}) {
    EXPECT_NE(read(part).step, Step::End) << part;
    EXPECT_NE(read(part).step, Step::Malformed) << part;
  }
}

TEST(ChunkReaderTest, RefusesWhatTwoReadersMayReadDifferently) {
  using namespace std::string_literals;
  for (const std::string& body : {"\r\n"s,
                                  "x\r\n"s,
                                  "-1\r\nx\r\n"s,
                                  "+1\r\nx\r\n"s,
                                  "0x1\r\nx\r\n"s,
                                  " 1\r\nx\r\n"s,
                                  "1\nx\n"s,
                                  "1\r\nx\n0\r\n"s,
                                  "1\r\nxy\r\n"s,
                                  "1 1\r\nx\r\n"s,
                                  "1,1\r\nx\r\n"s,
                                  "10000000000000001\r\n"s,
                                  "00000000000000001\r\n"s,
                                  "1;a\nb\r\nx\r\n"s,
                                  "1;a\rb\r\nx\r\n"s,
                                  "1;\0\r\nx\r\n"s,
                                  "1;q=\"\r\nx\r\n0\r\n\"\r\n\r\n"s,
                                  "0\r\nA: b\n\r\n"s,
                                  "0\r\n A: b\r\n\r\n"s,
                                  "0\r\nA : b\r\n\r\n"s,
                                  "0\r\nA\r\n\r\n"s,
                                  "0\r\n: b\r\n\r\n"s,
                                  "0\r\n\n"s,
                                  "1;"s + std::string(5'000, 'e'),
                                  "0\r\nA: "s + std::string(17'000, 'b')}) {
    EXPECT_EQ(read(body).step, Step::Malformed) << body.substr(0, 60);
  }
}

TEST(ChunkReaderTest, TheLargestSizeIsASize) {
  ChunkReader reader;
  std::size_t consumed = 0;
  EXPECT_EQ(reader.advance("FFFFFFFFFFFFFFFF\r\nx", consumed), Step::Data);
  EXPECT_EQ(reader.data_left(), UINT64_MAX);
  reader.took(1);
  EXPECT_EQ(reader.advance("", consumed), Step::Data);
}

}  // namespace
}  // namespace millrace::net
