// SPDX-License-Identifier: Apache-2.0
// The bytes that an origin or a node answers: however they are cut into reads, the same answer
// comes out, and a connection is used again only where its end was beyond doubt.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include "net/response_reader.h"
#include "tests/fuzz/check.h"

namespace millrace::fuzz {
namespace {

using net::ResponseReader;
using Step = ResponseReader::Step;

constexpr std::size_t kHeadersMax = 512;

struct Reading {
  int status = 0;
  net::Headers headers;
  std::string body;
  bool head = false;
  bool failed = false;
  bool complete = false;
  bool reusable = false;
};

Reading read_in_pieces(std::string_view bytes, std::size_t piece, bool to_head) {
  Reading reading;
  net::ReadBuffer buffer;
  ResponseReader reader(buffer, kHeadersMax, to_head);
  std::size_t fed = 0;
  for (;;) {
    const Step step = reading.head ? reader.advance_body() : reader.advance_head();
    switch (step) {
      case Step::Head:
        reading.head = true;
        reading.status = reader.status();
        reading.headers = reader.headers();
        continue;
      case Step::Piece:
        check(!reader.piece().empty(), "a piece is not empty");
        reading.body += reader.piece();
        continue;
      case Step::Failed:
        check(!reader.problem().empty(), "a failure says why");
        reading.failed = true;
        return reading;
      case Step::End:
        reading.complete = true;
        // What follows an answer was not asked for; with all bytes there, that is seen.
        reading.reusable = reader.reusable() && fed == bytes.size();
        return reading;
      case Step::NeedMore:
        break;
    }
    if (fed == bytes.size()) {
      reading.complete = reader.end_of_stream();
      check(!reader.reusable() || reading.complete, "what is closed is not used again");
      return reading;
    }
    const auto space = reader.space();
    check(!space.empty(), "who needs more has room for it");
    const std::size_t count = std::min({space.size(), bytes.size() - fed, piece});
    std::memcpy(space.data(), bytes.data() + fed, count);
    reader.commit(count);
    fed += count;
  }
}

std::vector<std::string_view> values_of(const net::Headers& headers, std::string_view name) {
  std::vector<std::string_view> values;
  for (const net::Header& field : headers) {
    if (net::equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

void check_answer(const Reading& reading, bool to_head) {
  check(reading.status >= 200 && reading.status <= 999, "a status is final");
  const auto lengths = values_of(reading.headers, "Content-Length");
  const auto codings = values_of(reading.headers, "Transfer-Encoding");
  check(codings.empty() || lengths.empty(), "an answer has one framing");
  check(codings.size() <= 1, "one transfer coding");
  const bool bodyless = to_head || reading.status == 204 || reading.status == 304;
  if (bodyless) check(reading.body.empty(), "such an answer has no body");
  for (const net::Header& field : reading.headers) {
    check(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
          "a value is one line");
  }
  if (bodyless || !reading.complete) return;
  for (std::string_view length : lengths) {  // "4, 4" is borne of a server: RFC 9110 section 8.6
    while (!length.empty()) {
      length.remove_prefix(std::min(length.find_first_not_of(", \t"), length.size()));
      if (length.empty()) break;
      std::size_t value = 0;
      const auto [end, error] =
          std::from_chars(length.data(), length.data() + length.size(), value);
      check(error == std::errc{}, "a length is a number");
      check(value == reading.body.size(), "the body is as long as every Content-Length says");
      length.remove_prefix(static_cast<std::size_t>(end - length.data()));
    }
  }
}

void try_answer(std::string_view bytes, bool to_head) {
  const Reading slow = read_in_pieces(bytes, 1, to_head);
  if (slow.head) check_answer(slow, to_head);
  for (const std::size_t piece : {std::size_t{7}, std::max<std::size_t>(bytes.size(), 1)}) {
    const Reading fast = read_in_pieces(bytes, piece, to_head);
    check(fast.head == slow.head && fast.status == slow.status, "reads may be cut anywhere");
    check(fast.failed == slow.failed && fast.complete == slow.complete,
          "the end does not hang on how reads are cut");
    check(fast.failed || fast.body == slow.body, "the same body comes out");
    check(!fast.reusable || slow.reusable, "nor does the use of the connection");
    check(std::ranges::equal(
              fast.headers, slow.headers,
              [](const auto& a, const auto& b) { return a.name == b.name && a.value == b.value; }),
          "the same fields come out");
  }
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = millrace::fuzz::text_of(bytes, size);
  millrace::fuzz::try_answer(text, false);
  millrace::fuzz::try_answer(text, true);
  return 0;
}
