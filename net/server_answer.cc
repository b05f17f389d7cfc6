// SPDX-License-Identifier: Apache-2.0
// The writing half of ServerConnection. A small answer costs one sendmsg: the head's text and the
// first bytes of the body go together, and the socket is awaited only when it is full. A body that
// is a file costs a sendfile more: the head is held back (MSG_MORE) until the file's first bytes,
// so that they share a packet.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/redirect_error.hpp>

#include "base/log.h"
#include "net/descriptor_passing.h"
#include "net/server_connection.h"

namespace millrace::net {
namespace {

using ErrorCode = boost::system::error_code;
using base::Reason;

constexpr std::string_view kCrLf = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

void append_chunk_size(std::string& out, std::size_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end).append(kCrLf);
}

base::Failure misuse(std::string detail) {
  return base::fail(Reason::Internal, "The server failed.", std::move(detail));
}

}  // namespace

// Writes the head's text and decides how the end of the body is told. False when the head cannot be
// sent safely.
bool ServerConnection::begin(const HttpHead& head, std::optional<std::uint64_t> content_length) {
  const bool bodyless = head.status == 204 || head.status == 304;
  frame_ = {};
  frame_.http_1_0 = reader_.is_http_1_0();
  frame_.keep_alive = reader_.keep_alive() && !refusing_ && !core_->draining();
  if (!bodyless && content_length) {
    frame_.framing = Framing::Length;
    frame_.length = *content_length;
  } else if (!bodyless) {
    frame_.framing = frame_.http_1_0 ? Framing::UntilClose : Framing::Chunked;
    if (frame_.http_1_0) frame_.keep_alive = false;
  }
  head_text_.clear();
  if (!append_answer_head(head_text_, head.status, head.headers, frame_)) {
    base::log_error("unsafe_answer_head", {{"server", core_->options().name},
                                           {"status", static_cast<std::int64_t>(head.status)}});
    return false;
  }
  body_left_ = content_length.value_or(0);
  body_dropped_ = bodyless || request().is_head();
  started_ = true;
  finished_ =
      frame_.framing == Framing::NoBody || (frame_.framing == Framing::Length && body_left_ == 0);
  parts_[0] = part_of(head_text_);
  part_count_ = 1;
  return true;
}

// Adds body bytes to what goes out next, framed.
void ServerConnection::queue_body(std::string_view bytes) {
  if (frame_.framing == Framing::Length) {
    body_left_ -= bytes.size();
    if (body_left_ == 0) finished_ = true;
  }
  if (body_dropped_ || bytes.empty()) return;
  if (frame_.framing == Framing::Chunked) {
    // head_text_ holds the head, or nothing; the size line goes behind it.
    append_chunk_size(head_text_, bytes.size());
    parts_[0] = part_of(head_text_);
    parts_[1] = part_of(bytes);
    parts_[2] = part_of(kCrLf);
    part_count_ = 3;
  } else {
    parts_[part_count_++] = part_of(bytes);
  }
}

Awaitable<base::Result<void>> ServerConnection::respond(HttpHead head, std::string_view body) {
  if (started_) co_return misuse("respond after the head was sent");
  if (broken_) co_return broken();
  if (!begin(head, body.size())) {
    co_await respond_error(*this, base::make_error(Reason::Internal, "The server failed."), "");
    co_return misuse("the answer's head is unsafe");
  }
  if (frame_.framing == Framing::Length) queue_body(body);
  finished_ = true;
  co_return co_await send();
}

Awaitable<base::Result<void>> ServerConnection::respond_file(HttpHead head, FileBody body,
                                                             std::uint64_t& sent_bytes) {
  sent_bytes = 0;
  if (started_) co_return misuse("respond_file after the head was sent");
  if (broken_) co_return broken();
  if (!begin(head, body.size_bytes)) {
    co_await respond_error(*this, base::make_error(Reason::Internal, "The server failed."), "");
    co_return misuse("the answer's head is unsafe");
  }
  finished_ = true;
  file_ = body_dropped_ ? FileBody{} : body;
  file_at_ = 0;
  auto sent = co_await send();
  sent_bytes = static_cast<std::uint64_t>(file_at_);
  file_ = {};
  if (file_cut_) {
    abort();
    co_return misuse("the file of an answer is shorter than it should be");
  }
  co_return sent;
}

Awaitable<base::Result<void>> ServerConnection::respond_beside(HttpHead head, int fd) {
  if (started_) co_return misuse("respond_beside after the head was sent");
  if (broken_) co_return broken();
  if (!begin(head, 0)) {
    co_await respond_error(*this, base::make_error(Reason::Internal, "The server failed."), "");
    co_return misuse("the answer's head is unsafe");
  }
  finished_ = true;
  beside_fd_ = fd;
  auto sent = co_await send();
  beside_fd_ = -1;
  co_return sent;
}

Awaitable<base::Result<void>> ServerConnection::start(HttpHead head,
                                                      std::optional<std::uint64_t> content_length,
                                                      std::string_view first) {
  if (started_) co_return misuse("start after the head was sent");
  if (broken_) co_return broken();
  if (content_length && first.size() > *content_length) {
    co_return misuse("the first bytes are more than content_length");
  }
  if (!begin(head, content_length)) {
    co_await respond_error(*this, base::make_error(Reason::Internal, "The server failed."), "");
    co_return misuse("the answer's head is unsafe");
  }
  queue_body(first);
  co_return co_await send();
}

Awaitable<base::Result<void>> ServerConnection::write(std::string_view bytes) {
  if (broken_) co_return broken();
  if (!started_) co_return misuse("write before start");
  if (bytes.empty() || frame_.framing == Framing::NoBody) co_return base::Result<void>();
  if (frame_.framing == Framing::Length && bytes.size() > body_left_) {
    abort();
    co_return misuse("more bytes than content_length");
  }
  if (frame_.framing != Framing::Length && finished_) co_return misuse("write after finish");
  part_count_ = 0;
  head_text_.clear();
  queue_body(bytes);
  co_return co_await send();
}

Awaitable<base::Result<void>> ServerConnection::finish() {
  if (broken_) co_return broken();
  if (!started_) co_return misuse("finish before start");
  if (finished_) co_return base::Result<void>();
  finished_ = true;
  if (body_dropped_ || frame_.framing == Framing::UntilClose) co_return base::Result<void>();
  if (frame_.framing == Framing::Length) {
    abort();
    co_return misuse("fewer bytes than content_length");
  }
  parts_[0] = part_of(kLastChunk);
  part_count_ = 1;
  co_return co_await send();
}

void ServerConnection::abort() {
  if (broken_) return;
  broken_ = true;
  started_ = true;
  if (frame_.framing == Framing::UntilClose) {
    // An orderly close would read as the end of the body.
    const ::linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  ErrorCode ignored;
  socket_.close(ignored);
  fd_ = -1;
}

base::Result<void> ServerConnection::broken() {
  broken_ = true;
  if (stop_ == Stop::TimedOut) {
    return base::fail(Reason::SlowClient, "The client reads too slowly.");
  }
  return base::fail(Reason::ClientGone, "The client closed the connection.");
}

// As much of parts_, and then of the file, as the socket takes.
Sent ServerConnection::transmit() {
  const std::span<iovec> parts = std::span(parts_).first(part_count_);
  if (finished_ && file_.size_bytes == 0) announce_last_bytes();
  std::size_t progress = 0;
  Sent sent = Sent::Blocked;
  if (beside_fd_ >= 0) {
    sent = send_parts_beside(fd_, parts, beside_fd_, progress);
    if (progress > 0) beside_fd_ = -1;
  } else {
    sent = send_parts(fd_, parts, progress, file_.size_bytes > 0 ? MSG_MORE : 0);
  }
  sent_bytes_ += static_cast<std::int64_t>(progress);
  return sent == Sent::All && file_.size_bytes > 0 ? transmit_file() : sent;
}

void ServerConnection::announce_last_bytes() {
  if (const auto callback = std::exchange(before_last_bytes_, nullptr)) callback();
}

// A client that takes bytes as fast as they come has its turn as others have theirs: after a
// mebibyte it is as if the socket had been full for a moment.
Sent ServerConnection::transmit_file() {
  constexpr std::uint64_t kTurnBytes = 1U << 20;
  constexpr std::uint64_t kLastBytes = 64U << 10;
  std::uint64_t turn = 0;
  while (static_cast<std::uint64_t>(file_at_) < file_.size_bytes) {
    if (turn >= kTurnBytes) return Sent::Blocked;
    const std::uint64_t left = file_.size_bytes - static_cast<std::uint64_t>(file_at_);
    if (left <= kLastBytes) announce_last_bytes();
    const std::uint64_t piece = left > kLastBytes && before_last_bytes_ ? left - kLastBytes : left;
    const ssize_t count = ::sendfile(fd_, file_.fd, &file_at_, std::min(piece, kTurnBytes - turn));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN ? Sent::Blocked : Sent::Broken;
    if (count == 0) {
      file_cut_ = true;
      return Sent::Broken;
    }
    sent_bytes_ += count;
    turn += static_cast<std::uint64_t>(count);
  }
  return Sent::All;
}

// Sends parts_ and the file whole.
Awaitable<base::Result<void>> ServerConnection::send() {
  const Sent sent = transmit();
  if (sent == Sent::All) co_return base::Result<void>();
  if (sent == Sent::Broken) co_return broken();
  co_return co_await send_blocked();
}

Awaitable<base::Result<void>> ServerConnection::send_blocked() {
  const Phase before = phase;
  core_->enter(*this, Phase::Writing);
  taken_at_since_ = taken_bytes();
  Sent sent = Sent::Blocked;
  while (sent == Sent::Blocked) {
    ErrorCode problem;
    co_await socket_.async_wait(Socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, problem));
    if (stop_ != Stop::None || problem || broken_) co_return broken();
    sent = transmit();
  }
  if (sent == Sent::Broken) co_return broken();
  core_->enter(*this, before);
  co_return base::Result<void>();
}

// What the client's side has acknowledged. Bytes in the socket's queue are not progress, and a
// socket becomes writable only when a good part of a large queue is gone.
std::int64_t ServerConnection::taken_bytes() const {
  int queued = 0;
  if (fd_ < 0 || ::ioctl(fd_, SIOCOUTQ, &queued) != 0) return sent_bytes_;
  return sent_bytes_ - queued;
}

bool ServerConnection::takes_enough(base::TimePoint now) {
  const std::int64_t taken = taken_bytes();
  const double seconds = std::chrono::duration<double>(now - since).count();
  const double wanted =
      static_cast<double>(core_->options().limits.write_bytes_per_s_min.count) * seconds;
  const bool enough = static_cast<double>(taken - taken_at_since_) >= std::max(1.0, wanted);
  if (enough) taken_at_since_ = taken;
  return enough;
}

}  // namespace millrace::net
