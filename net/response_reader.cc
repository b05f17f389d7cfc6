// SPDX-License-Identifier: Apache-2.0
#include "net/response_reader.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace millrace::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t kRead = 64 << 10;
// "0\r\n\r\n". Beast (1.74) asserts that it has so much when it looks for the trailers again.
constexpr std::size_t kChunkedMin = 5;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// Beast's parser; body bytes are handed out where they lie in the buffer.
struct ResponseReader::Parser {
  struct Message final : http::basic_parser<false> {
    Message(Headers& into, std::string_view& body) : headers(into), piece(body) {}

    void on_response_impl(int code, boost::beast::string_view, int, ErrorCode&) override {
      status = code;
    }
    void on_field_impl(http::field field, boost::beast::string_view name,
                       boost::beast::string_view value, ErrorCode& problem) override {
      if (in_body) return;
      // Another coding would be handed on as if it were the body itself.
      if (field == http::field::transfer_encoding &&
          !equal_ignoring_case(view_of(value), "chunked")) {
        problem = http::error::bad_transfer_encoding;
        return;
      }
      headers.add(view_of(name), view_of(value));
    }
    void on_header_impl(ErrorCode&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, ErrorCode&) override {
      in_body = true;
    }
    std::size_t on_body_impl(boost::beast::string_view body, ErrorCode&) override {
      piece = view_of(body);
      return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, ErrorCode&) override {
      chunk_seen = true;
    }
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body,
                                   ErrorCode&) override {
      piece = view_of(body);
      return body.size();
    }
    void on_finish_impl(ErrorCode&) override {}
    void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int,
                         ErrorCode&) override {}

    Headers& headers;
    std::string_view& piece;
    int status = 0;
    bool in_body = false;
    bool chunk_seen = false;
  };

  std::optional<Message> message;
};

ResponseReader::ResponseReader(ReadBuffer& buffer, std::size_t headers_bytes_max, bool to_head)
    : buffer_(buffer),
      headers_bytes_max_(headers_bytes_max),
      to_head_(to_head),
      parser_(std::make_unique<Parser>()) {}
ResponseReader::~ResponseReader() = default;

std::span<char> ResponseReader::space() {
  return buffer_.space(kRead, std::max(kRead, headers_bytes_max_));
}

ResponseReader::Step ResponseReader::fail(std::string problem) {
  problem_ = std::move(problem);
  return Step::Failed;
}

ResponseReader::Step ResponseReader::advance_head() {
  for (;;) {
    const std::string_view bytes = buffer_.readable();
    const std::size_t from = searched_ < 3 ? 0 : searched_ - 3;
    const std::size_t end = bytes.find("\r\n\r\n", from);
    if (end == std::string_view::npos) {
      searched_ = bytes.size();
      if (bytes.size() >= headers_bytes_max_) return fail("the answer's header is too large");
      return Step::NeedMore;
    }
    const std::size_t head_size = end + 4;
    if (head_size > headers_bytes_max_) return fail("the answer's header is too large");

    headers_.clear();
    auto& message = parser_->message.emplace(headers_, piece_);
    message.header_limit(UINT32_MAX);
    message.body_limit(UINT64_MAX);  // none would refuse every length on Beast of Boost 1.74
    message.skip(to_head_);
    ErrorCode problem;
    message.put(boost::asio::const_buffer(bytes.data(), head_size), problem);
    buffer_.consume(head_size);
    searched_ = 0;
    if (problem || !message.is_header_done()) {
      return fail("the answer is not HTTP/1.1: " + problem.message());
    }
    status_ = message.status;
    if (status_ == 101) return fail("the answer switches protocols, which nobody asked for");
    if (status_ >= 200) return Step::Head;
  }
}

ResponseReader::Step ResponseReader::advance_body() {
  auto& message = *parser_->message;
  piece_ = {};
  while (!complete() && !buffer_.empty()) {
    if (message.chunked() && !message.chunk_seen && buffer_.size() < kChunkedMin) break;
    const std::string_view taken = piece_;
    const std::string_view bytes = buffer_.readable();
    ErrorCode problem;
    buffer_.consume(message.put(boost::asio::const_buffer(bytes.data(), bytes.size()), problem));
    if (problem == http::error::need_more) {
      if (buffer_.size() >= kRead) return fail("a chunk header or trailer does not end");
      break;
    }
    if (problem) return fail("the answer's body is malformed: " + problem.message());
    // One step past a piece (it reads a chunk's header and no body), so that the end of the body is
    // seen together with its last byte.
    if (!taken.empty()) break;
  }
  if (!piece_.empty()) return Step::Piece;
  return complete() ? Step::End : Step::NeedMore;
}

bool ResponseReader::end_of_stream() {
  if (complete()) return true;
  if (!parser_->message || !parser_->message->is_header_done() || !parser_->message->need_eof()) {
    return false;
  }
  ended_by_close_ = true;
  return true;
}

std::optional<std::uint64_t> ResponseReader::content_length() const {
  const auto length = parser_->message->content_length();
  if (!length) return std::nullopt;
  return *length;
}

bool ResponseReader::complete() const {
  return ended_by_close_ || (parser_->message && parser_->message->is_done());
}

bool ResponseReader::reusable() const {
  return complete() && !ended_by_close_ && parser_->message->keep_alive() && buffer_.empty();
}

}  // namespace millrace::net
