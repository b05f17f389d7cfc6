// SPDX-License-Identifier: Apache-2.0
// The bytes of one connection, as any client may send them: however they are cut into reads, the
// same requests come out, each ends where a second, naive reading of RFC 9112 ends it, and nothing
// in it could break a message that is made of it.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "net/message_head.h"
#include "net/request_reader.h"
#include "tests/fuzz/check.h"

namespace millrace::fuzz {
namespace {

using net::HttpRequest;
using net::HttpServerLimits;
using net::RequestReader;
using Step = RequestReader::Step;

struct Seen {
  HttpRequest request;
  bool keep_alive = false;
  std::size_t end = 0;  // bytes fed when it was complete
};
struct Reading {
  std::vector<Seen> requests;
  bool refused = false;
};

Reading read_in_pieces(std::string_view bytes, std::size_t piece, const HttpServerLimits& limits) {
  Reading reading;
  RequestReader reader(limits);
  std::size_t fed = 0;
  for (;;) {
    const Step step = reader.advance();
    if (step == Step::Continue) continue;
    if (step == Step::Complete) {
      reading.requests.push_back({reader.request(), reader.keep_alive(), fed});
      reader.next_request();
      continue;
    }
    if (step == Step::Refused) {
      check_sentence(reader.refusal());
      check(reader.advance() == Step::Refused, "a refusal is final");
      reading.refused = true;
      return reading;
    }
    if (fed == bytes.size()) return reading;
    const auto space = reader.space();
    check(!space.empty(), "who needs more has room for it");
    const std::size_t count = std::min({space.size(), bytes.size() - fed, piece});
    std::memcpy(space.data(), bytes.data() + fed, count);
    reader.commit(count);
    fed += count;
  }
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

std::vector<std::string_view> values_of(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const net::Header& field : request.headers) {
    if (net::equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The chunks of `rest` joined, and how long they are with the trailers.
std::optional<std::pair<std::string, std::size_t>> unchunk(std::string_view rest) {
  std::string joined;
  for (std::size_t at = 0;;) {
    const std::size_t line_end = rest.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    std::string_view size_text = rest.substr(at, line_end - at);
    size_text = size_text.substr(0, size_text.find_first_of("; \t"));
    const auto size = number(size_text, 16);
    if (!size) return std::nullopt;
    at = line_end + 2;
    if (*size == 0) {
      if (rest.substr(at).starts_with("\r\n")) return std::pair(joined, at + 2);
      const std::size_t end = rest.find("\r\n\r\n", at);
      if (end == std::string_view::npos) return std::nullopt;
      return std::pair(joined, end + 4);
    }
    if (*size > rest.size() - at) return std::nullopt;
    joined += rest.substr(at, *size);
    at += *size;
    if (!rest.substr(at).starts_with("\r\n")) return std::nullopt;
    at += 2;
  }
}

void check_framing(const HttpRequest& request, std::string_view raw) {
  const auto lengths = values_of(request, "Content-Length");
  const auto codings = values_of(request, "Transfer-Encoding");
  check(lengths.empty() || codings.empty(), "a message has one framing");
  check(codings.size() <= 1, "one transfer coding");
  const std::size_t head_end = raw.find("\r\n\r\n", raw.starts_with("\r\n") ? 2 : 0);
  check(head_end != std::string_view::npos, "a head ends with an empty line");
  const std::string_view rest = raw.substr(head_end + 4);
  if (!codings.empty()) {
    const auto whole = unchunk(rest);
    check(whole && whole->second == rest.size(), "a chunked message ends with its last chunk");
    check(whole && whole->first == request.body, "chunks join to the body");
  } else if (!lengths.empty()) {
    for (const std::string_view length : lengths) {
      check(number(length, 10) == rest.size(), "the body is as long as every Content-Length says");
    }
    check(rest == request.body, "the body is what follows the head");
  } else {
    check(rest.empty() && request.body.empty(), "without a length there is no body");
  }
}

void check_request(const HttpRequest& request, const HttpServerLimits& limits) {
  check(request.target.starts_with('/'), "a target is in origin form");
  check(values_of(request, "Host").size() <= 1, "one Host");
  check(request.body.size() <= limits.body_max.count, "a body is within its limit");
  net::Headers own;  // what may go into a message of ours: no framing fields
  std::size_t head_size = request.method.size() + request.target.size();
  for (const net::Header& field : request.headers) {
    check(std::ranges::none_of(field.value, is_control), "a value has no control characters");
    head_size += field.name.size() + field.value.size();
    own.add(field.name, field.value);
  }
  check(head_size <= limits.headers_max.count, "a head is within its limit");

  std::string again;
  check(net::append_request_head(again, request.method, request.target, "h", own,
                                 request.body.size()),
        "what was read can be written");
  again += request.body;
  const Reading second = read_in_pieces(again, again.size(), HttpServerLimits{});
  check(second.requests.size() == 1 && !second.refused, "what was written is one request");
  const HttpRequest& same = second.requests[0].request;
  check(same.method == request.method && same.target == request.target && same.body == request.body,
        "and the same one");
}

void try_limits(std::string_view bytes, const HttpServerLimits& limits) {
  const Reading slow = read_in_pieces(bytes, 1, limits);
  std::size_t begin = 0;
  for (const Seen& seen : slow.requests) {
    check_request(seen.request, limits);
    check_framing(seen.request, bytes.substr(begin, seen.end - begin));
    begin = seen.end;
  }
  for (const std::size_t piece : {std::size_t{7}, std::max<std::size_t>(bytes.size(), 1)}) {
    const Reading fast = read_in_pieces(bytes, piece, limits);
    check(fast.requests.size() == slow.requests.size(), "reads may be cut anywhere");
    check(fast.refused == slow.refused, "a refusal does not hang on how reads are cut");
    for (std::size_t i = 0; i < fast.requests.size(); ++i) {
      const HttpRequest& one = fast.requests[i].request;
      const HttpRequest& other = slow.requests[i].request;
      check(one.method == other.method && one.target == other.target && one.body == other.body,
            "the same requests come out");
      check(std::ranges::equal(one.headers, other.headers,
                               [](const auto& a, const auto& b) {
                                 return a.name == b.name && a.value == b.value;
                               }),
            "with the same fields");
      check(fast.requests[i].keep_alive == slow.requests[i].keep_alive, "and the same connection");
    }
  }
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = millrace::fuzz::text_of(bytes, size);
  millrace::net::HttpServerLimits small;
  small.request_line_max = {40};
  small.headers_max = {120};
  small.body_max = {20};
  millrace::fuzz::try_limits(text, small);
  millrace::fuzz::try_limits(text, {});
  return 0;
}
