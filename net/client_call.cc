// SPDX-License-Identifier: Apache-2.0
#include "net/client_call.h"

#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/descriptor_passing.h"
#include "net/message_head.h"

namespace millrace::net {
namespace {

using ErrorCode = boost::system::error_code;
using base::Reason;

std::string host_field(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return "localhost";
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  std::string host = ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
  if (endpoint.port != (endpoint.tls ? 443 : 80)) host += ":" + std::to_string(endpoint.port);
  return host;
}

}  // namespace

ClientCall::ClientCall(std::shared_ptr<ClientCore> core, Endpoint endpoint, ClientRequest request,
                       base::Deadline deadline, CancelToken cancel)
    : core_(std::move(core)),
      endpoint_(std::move(endpoint)),
      request_(std::move(request)),
      deadline_(deadline),
      cancel_(std::move(cancel)) {}

ClientCall::~ClientCall() {
  drop();
  core_->return_buffer(std::move(buffer_));
}

bool ClientCall::may_repeat() const {
  if (!request_.repeat_on_stale_connection) return false;
  const std::string& method = request_.method;
  return request_.body.empty() || method == "GET" || method == "HEAD" || method == "PUT" ||
         method == "DELETE" || method == "OPTIONS";
}

Awaitable<base::Result<void>> ClientCall::open() {
  if (!append_request_head(request_text_, request_.method, request_.target, host_field(endpoint_),
                           request_.headers, request_.body.size())) {
    co_return base::fail(Reason::Internal, "The request to the upstream cannot be sent.",
                         "a method, target or field with forbidden characters");
  }
  pool_ = &core_->join(*this, endpoint_);
  check(base::Clock::now());
  const bool repeatable = may_repeat();
  for (bool fresh = false;; fresh = true) {
    if (verdict_ != Verdict::None) co_return base::fail(failure("connect: not tried"));
    if (!fresh) connection_ = core_->take_idle(*pool_, !repeatable);
    if (!connection_) {
      auto obtained = co_await obtain_connection(fresh);
      if (!obtained) co_return obtained;
    }
    const bool pooled = connection_->used;
    auto answered = co_await exchange();
    if (answered) co_return answered;
    core_->forget(*pool_, std::move(connection_));
    // The server closed the idle connection while the request was on its way.
    const bool stale =
        !fresh && pooled && repeatable && !answer_began_ && verdict_ == Verdict::None;
    if (!stale) co_return answered;
    core_->drop_stale(*pool_);
  }
}

Awaitable<base::Result<void>> ClientCall::exchange() {
  if (buffer_.capacity() == 0) buffer_ = core_->take_buffer();
  buffer_.clear();
  descriptors_.clear();
  reader_.emplace(buffer_, core_->limits().headers_max.count, request_.method == "HEAD");
  // A server may answer, and close, without reading the whole request: the answer counts.
  const bool sent = co_await send_request();
  ResponseReader::Step step = ResponseReader::Step::NeedMore;
  while (step == ResponseReader::Step::NeedMore) {
    if (verdict_ != Verdict::None) co_return base::fail(failure("waiting for the answer"));
    ErrorCode problem;
    std::size_t count = 0;
    if (request_.takes_descriptors && endpoint_.is_unix()) {
      count = co_await receive_head_beside(problem);
    } else {
      count = co_await receive(problem);
    }
    if (count == 0) {
      co_return base::fail(failure(std::string(sent ? "read: " : "write: ") + problem.message()));
    }
    answer_began_ = true;
    reader_->commit(count);
    step = reader_->advance_head();
  }
  if (step == ResponseReader::Step::Failed) co_return base::fail(failure(reader_->problem()));
  if (reader_->complete()) {
    body_complete_ = true;
    release();
  }
  co_return base::Result<void>();
}

Awaitable<bool> ClientCall::send_request() {
  if (connection_->tls) {
    request_text_.append(request_.body);
    const ErrorCode problem = co_await connection_->tls->write(request_text_);
    request_text_.resize(request_text_.size() - request_.body.size());
    co_return !problem;
  }
  std::array<iovec, 2> parts{part_of(request_text_), part_of(request_.body)};
  for (;;) {
    std::size_t progress = 0;
    const Sent sent = send_parts(connection_->socket.native_handle(), parts, progress);
    if (sent != Sent::Blocked) co_return sent == Sent::All;
    ErrorCode problem;
    co_await connection_->socket.async_wait(StreamSocket::wait_write,
                                            asio::redirect_error(asio::use_awaitable, problem));
    if (problem || verdict_ != Verdict::None) co_return false;
  }
}

// The next bytes into the reader's space; zero with a problem.
Awaitable<std::size_t> ClientCall::receive(ErrorCode& problem) {
  const std::span<char> space = reader_->space();
  if (connection_->tls) {
    const std::size_t count = co_await connection_->tls->read_some(space, problem);
    co_return count;
  }
  const std::size_t count = co_await connection_->socket.async_receive(
      asio::buffer(space.data(), space.size()), asio::redirect_error(asio::use_awaitable, problem));
  co_return count;
}

// The same over a unix socket, with the descriptors that come along. A first look would find
// nothing: the request has only just gone.
Awaitable<std::size_t> ClientCall::receive_head_beside(ErrorCode& problem) {
  for (;;) {
    co_await connection_->socket.async_wait(StreamSocket::wait_read,
                                            asio::redirect_error(asio::use_awaitable, problem));
    if (problem) co_return 0;
    const ssize_t count =
        receive_beside(connection_->socket.native_handle(), reader_->space(), descriptors_);
    if (count > 0 && descriptors_.size() <= kPassedDescriptorsMax) {
      co_return static_cast<std::size_t>(count);
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    problem = count == 0 ? ErrorCode(asio::error::eof)
                         : ErrorCode(count > 0 ? EPROTO : errno, boost::system::system_category());
    co_return 0;
  }
}

Awaitable<base::Result<std::string_view>> ClientCall::read_some() {
  while (!failed_) {
    switch (reader_->advance_body()) {
      case ResponseReader::Step::Piece:
        if (reader_->complete()) {
          body_complete_ = true;
          release();
        }
        co_return reader_->piece();
      case ResponseReader::Step::End:
        body_complete_ = true;
        release();
        co_return std::string_view();
      case ResponseReader::Step::NeedMore:
        break;
      default:
        failed_ = failure(reader_->problem());
        continue;
    }
    if (verdict_ != Verdict::None) {
      failed_ = failure("in the body");
      break;
    }
    step_deadline_ = base::Clock::now() + core_->limits().read_timeout;
    ErrorCode problem;
    const std::size_t count = co_await receive(problem);
    step_deadline_ = base::TimePoint::max();
    if (count > 0) {
      reader_->commit(count);
    } else if (problem != asio::error::eof || !reader_->end_of_stream()) {
      failed_ = failure("the body broke off: " + problem.message());
    }
  }
  drop();
  co_return base::fail(*failed_);
}

void ClientCall::check(base::TimePoint now) {
  if (verdict_ != Verdict::None) return;
  if (cancel_.cancelled()) {
    decide(Verdict::Cancelled);
  } else if (deadline_.expired(now)) {
    decide(Verdict::Deadline);
  } else if (now >= step_deadline_) {
    decide(Verdict::StepTimeout);
  }
}

void ClientCall::decide(Verdict verdict) {
  verdict_ = verdict;
  ErrorCode ignored;
  if (connection_) connection_->socket.cancel(ignored);
  wake();
}

void ClientCall::interrupt() {
  if (verdict_ == Verdict::None) decide(Verdict::Cancelled);
}

base::Error ClientCall::failure(std::string detail) {
  switch (verdict_) {
    case Verdict::Cancelled:
      return base::make_error(Reason::ClientGone, "The request was cancelled.", std::move(detail));
    case Verdict::Deadline:
      return base::make_error(Reason::Deadline, "The deadline of the request has passed.",
                              std::move(detail));
    case Verdict::StepTimeout:
      detail.append(" (timed out)");
      break;
    case Verdict::None:
      break;
  }
  return base::make_error(Reason::OriginFailed, "The upstream server did not answer as it should.",
                          std::move(detail) + " [" + endpoint_.text() + "]");
}

void ClientCall::release() {
  if (pool_ == nullptr) return;
  if (connection_ && reader_->reusable()) {
    core_->give_back(*pool_, std::move(connection_));
  }
  drop();
}

void ClientCall::drop() {
  if (pool_ == nullptr) return;
  if (connection_) core_->forget(*pool_, std::move(connection_));
  core_->leave(*this, *std::exchange(pool_, nullptr));
}

WakeUp& ClientCall::waker() {
  if (!wake_up_) wake_up_ = std::make_shared<WakeUp>();
  return *wake_up_;
}

}  // namespace millrace::net
