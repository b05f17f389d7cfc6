// SPDX-License-Identifier: Apache-2.0
#include "net/request_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <fmt/format.h>

namespace millrace::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t kFirstRead = 4 << 10;  // what an idle connection holds
constexpr std::size_t kBodyRead = 16 << 10;
constexpr std::size_t kUnreadMax = 64 << 10;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_decimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

// Beast's parser for heads, writing straight into a HttpRequest. Made anew for each message, in the
// same place. Bodies are read here: Beast lets a quoted extension of a chunk run over line ends.
struct RequestReader::Parser {
  struct Message final : http::basic_parser<true> {
    explicit Message(HttpRequest& into) : request(into) {}

    void on_request_impl(http::verb, boost::beast::string_view method,
                         boost::beast::string_view target, int version, ErrorCode&) override {
      request.method.assign(method.data(), method.size());
      request.target.assign(target.data(), target.size());
      http_1_0 = version == 10;
    }
    void on_field_impl(http::field field, boost::beast::string_view name,
                       boost::beast::string_view value, ErrorCode& problem) override {
      switch (field) {
        case http::field::host:
          if (++hosts > 1) problem = http::error::bad_field;
          break;
        case http::field::transfer_encoding:
          // Anything else would leave the end of the message to interpretation.
          if (http_1_0 || !equal_ignoring_case(view_of(value), "chunked")) {
            problem = http::error::bad_transfer_encoding;
          }
          break;
        case http::field::content_length:
          // Beast takes "4, 4" and the same length twice.
          if (++lengths > 1 || !is_decimal(view_of(value))) {
            problem = http::error::bad_content_length;
          }
          break;
        case http::field::expect:
          expects_continue = equal_ignoring_case(view_of(value), "100-continue");
          break;
        default:
          break;
      }
      request.headers.add(view_of(name), view_of(value));
    }
    void on_header_impl(ErrorCode& problem) override {
      if (hosts == 0 && !http_1_0) problem = http::error::bad_field;
    }
    // Not called: it is given heads only.
    void on_body_init_impl(boost::optional<std::uint64_t> const&, ErrorCode&) override {}
    std::size_t on_body_impl(boost::beast::string_view, ErrorCode&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, ErrorCode&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, ErrorCode&) override {
      return 0;
    }
    void on_finish_impl(ErrorCode&) override {}
    void on_response_impl(int, boost::beast::string_view, int, ErrorCode&) override {}

    HttpRequest& request;
    int hosts = 0;
    int lengths = 0;
    bool http_1_0 = false;
    bool expects_continue = false;
  };

  std::optional<Message> message;
};

RequestReader::RequestReader(const HttpServerLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

std::span<char> RequestReader::space() {
  if (head_complete_) return buffer_.space(kBodyRead, kUnreadMax);
  return buffer_.space(kFirstRead, std::max<std::size_t>(limits_.headers_max.count, kFirstRead));
}

ReadBuffer RequestReader::rest() {
  parser_.reset();
  request_ = {};
  return std::exchange(buffer_, {});
}

RequestReader::Step RequestReader::refuse(base::Reason reason, std::string sentence) {
  refusal_ = base::make_error(reason, std::move(sentence));
  return Step::Refused;
}

RequestReader::Step RequestReader::advance() {
  if (refusal_.public_message.size() > 0) return Step::Refused;
  return head_complete_ ? advance_body() : advance_head();
}

// Walks the lines that are complete, so that a head is parsed once, when all of it has come.
RequestReader::Step RequestReader::advance_head() {
  const std::string_view bytes = buffer_.readable();
  for (;;) {
    const std::size_t feed = bytes.find('\n', line_start_);
    const std::size_t line_end = feed == std::string_view::npos ? bytes.size() : feed;
    if (!request_line_complete_ && line_end - line_start_ > limits_.request_line_max.count) {
      return refuse(
          base::Reason::TargetTooLong,
          fmt::format("The request line is longer than {} bytes.", limits_.request_line_max.count));
    }
    if (line_end >= limits_.headers_max.count) break;
    if (feed == std::string_view::npos) return Step::NeedMore;
    if (feed == line_start_ || bytes[feed - 1] != '\r') {
      return refuse(base::Reason::BadTarget, "A line of the request does not end with CR LF.");
    }
    const bool blank = feed == line_start_ + 1;
    if (blank && !request_line_complete_) {
      // RFC 9112 section 2.2: one empty line before a request is ignored.
      if (line_start_ > 0) return refuse(base::Reason::BadTarget, "The request line is empty.");
    } else if (blank) {
      return finish_head(feed + 1);
    } else if (request_line_complete_ &&
               (bytes[line_start_] == ' ' || bytes[line_start_] == '\t')) {
      return refuse(base::Reason::BadTarget, "A header field is folded over two lines.");
    } else {
      request_line_complete_ = true;
    }
    line_start_ = feed + 1;
  }
  return refuse(
      base::Reason::HeaderTooLarge,
      fmt::format("The header fields are larger than {} bytes.", limits_.headers_max.count));
}

RequestReader::Step RequestReader::finish_head(std::size_t head_size) {
  std::string_view head = buffer_.readable().substr(0, head_size);
  if (head.starts_with("\r\n")) head.remove_prefix(2);

  if (!parser_) parser_ = std::make_unique<Parser>();
  auto& message = parser_->message.emplace(request_);
  message.header_limit(UINT32_MAX);  // the limits above are the ones that count
  message.body_limit(limits_.body_max.count);
  ErrorCode problem;
  message.put(boost::asio::const_buffer(head.data(), head.size()), problem);
  buffer_.consume(head_size);
  line_start_ = 0;
  if (problem == http::error::body_limit) {
    return refuse(base::Reason::BodyTooLarge,
                  fmt::format("The body is larger than {} bytes.", limits_.body_max.count));
  }
  if (problem || !message.is_header_done()) {
    return refuse(base::Reason::BadTarget,
                  fmt::format("The request is not HTTP/1.1 as RFC 9112 has it: {}.",
                              problem ? problem.message() : "it has no end"));
  }
  if (!take_origin_form()) {
    return refuse(base::Reason::BadTarget,
                  "The request target is neither a path that begins with / nor an http URL.");
  }
  head_complete_ = true;
  keep_alive_ = message.keep_alive();
  http_1_0_ = message.http_1_0;
  chunks_.reset();
  if (message.chunked()) chunks_.emplace();
  body_left_ = message.content_length().value_or(0);
  continue_wanted_ = message.expects_continue && !http_1_0_ && (chunks_ || body_left_ > 0);
  return advance_body();
}

// RFC 9112 section 3.2.2: a server accepts the absolute form too. The Host field decides, so the
// authority goes.
bool RequestReader::take_origin_form() {
  std::string& target = request_.target;
  if (target.starts_with('/')) return true;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string::npos) return false;
  const std::string_view name = std::string_view(target).substr(0, scheme);
  if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return false;
  const std::size_t authority = scheme + 3;
  const std::size_t path = target.find_first_of("/?", authority);
  if (path == authority) return false;
  if (path == std::string::npos) {
    target = "/";
  } else {
    target.erase(0, path);
    if (target.front() == '?') target.insert(target.begin(), '/');
  }
  return true;
}

RequestReader::Step RequestReader::advance_body() {
  if (!chunks_ && body_left_ == 0) return Step::Complete;
  if (buffer_.empty()) {
    return std::exchange(continue_wanted_, false) ? Step::Continue : Step::NeedMore;
  }
  continue_wanted_ = false;
  if (chunks_) return advance_chunks(*chunks_);
  body_left_ -= take_body(body_left_);
  return body_left_ == 0 ? Step::Complete : Step::NeedMore;
}

RequestReader::Step RequestReader::advance_chunks(ChunkReader& chunks) {
  for (;;) {
    std::size_t consumed = 0;
    const ChunkReader::Step step = chunks.advance(buffer_.readable(), consumed);
    buffer_.consume(consumed);
    switch (step) {
      case ChunkReader::Step::Data:
        if (chunks.data_left() > limits_.body_max.count - request_.body.size()) {
          return refuse(base::Reason::BodyTooLarge,
                        fmt::format("The body is larger than {} bytes.", limits_.body_max.count));
        }
        if (buffer_.empty()) return Step::NeedMore;
        chunks.took(take_body(chunks.data_left()));
        break;
      case ChunkReader::Step::NeedMore:
        return Step::NeedMore;
      case ChunkReader::Step::End:
        return Step::Complete;
      case ChunkReader::Step::Malformed:
        return refuse(base::Reason::BadTarget,
                      "The body is not chunked as RFC 9112 section 7.1 has it.");
    }
  }
}

// Of what has come, at most `wanted` bytes. How many that were.
std::size_t RequestReader::take_body(std::uint64_t wanted) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, buffer_.size()));
  request_.body.append(buffer_.readable().substr(0, count));
  buffer_.consume(count);
  return count;
}

void RequestReader::next_request() {
  request_.method.clear();
  request_.target.clear();
  request_.headers.clear();
  if (request_.body.capacity() > kBodyRead) request_.body = {};
  request_.body.clear();
  request_line_complete_ = head_complete_ = continue_wanted_ = false;
  line_start_ = 0;
  buffer_.shrink(kFirstRead);
}

}  // namespace millrace::net
