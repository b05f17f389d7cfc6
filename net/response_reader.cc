// SPDX-License-Identifier: Apache-2.0
#include "net/response_reader.h"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace millrace::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t kRead = 64 << 10;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// Beast's parser, for heads (see request_reader.cc).
struct ResponseReader::Parser {
  struct Message final : http::basic_parser<false> {
    explicit Message(Headers& into) : headers(into) {}

    void on_response_impl(int code, boost::beast::string_view, int, ErrorCode&) override {
      status = code;
    }
    void on_field_impl(http::field field, boost::beast::string_view name,
                       boost::beast::string_view value, ErrorCode& problem) override {
      // Another coding would be handed on as if it were the body itself.
      if (field == http::field::transfer_encoding &&
          !equal_ignoring_case(view_of(value), "chunked")) {
        problem = http::error::bad_transfer_encoding;
        return;
      }
      headers.add(view_of(name), view_of(value));
    }
    void on_header_impl(ErrorCode&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, ErrorCode&) override {}
    std::size_t on_body_impl(boost::beast::string_view, ErrorCode&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, ErrorCode&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, ErrorCode&) override {
      return 0;
    }
    void on_finish_impl(ErrorCode&) override {}
    void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int,
                         ErrorCode&) override {}

    Headers& headers;
    int status = 0;
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
    auto& message = parser_->message.emplace(headers_);
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
    if (status_ < 200) continue;
    keep_alive_ = message.keep_alive();
    if (const auto length = message.content_length()) content_length_ = *length;
    begin_body(message.chunked());
    return Step::Head;
  }
}

void ResponseReader::begin_body(bool chunked) {
  if (to_head_ || status_ == 204 || status_ == 304) {
    done_ = true;
  } else if (chunked) {
    chunks_.emplace();
  } else if (content_length_) {
    body_left_ = *content_length_;
    done_ = body_left_ == 0;
  } else {
    until_close_ = true;
  }
}

ResponseReader::Step ResponseReader::advance_body() {
  piece_ = {};
  if (chunks_) {
    if (!advance_chunks(*chunks_)) return fail("the answer's body is not chunked as it should be");
  } else if (!complete()) {
    const std::uint64_t wanted = until_close_ ? UINT64_MAX : body_left_;
    body_left_ -= take_piece(wanted);
    done_ = !until_close_ && body_left_ == 0;
  }
  if (!piece_.empty()) return Step::Piece;
  return complete() ? Step::End : Step::NeedMore;
}

// One piece at most, and a look past it, so that the end of the body is seen together with its last
// byte. False: malformed.
bool ResponseReader::advance_chunks(ChunkReader& chunks) {
  while (!complete()) {
    std::size_t consumed = 0;
    const ChunkReader::Step step = chunks.advance(buffer_.readable(), consumed);
    buffer_.consume(consumed);
    if (step == ChunkReader::Step::Malformed) return false;
    if (step == ChunkReader::Step::NeedMore) break;
    if (step == ChunkReader::Step::End) {
      done_ = true;
    } else if (!piece_.empty() || buffer_.empty()) {
      break;
    } else {
      chunks.took(take_piece(chunks.data_left()));
    }
  }
  return true;
}

std::size_t ResponseReader::take_piece(std::uint64_t wanted) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, buffer_.size()));
  piece_ = buffer_.readable().substr(0, count);
  buffer_.consume(count);
  return count;
}

bool ResponseReader::end_of_stream() {
  if (until_close_) ended_by_close_ = true;
  return complete();
}

bool ResponseReader::complete() const { return done_ || ended_by_close_; }

bool ResponseReader::reusable() const {
  return complete() && !ended_by_close_ && keep_alive_ && buffer_.empty();
}

}  // namespace millrace::net
