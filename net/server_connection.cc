// SPDX-License-Identifier: Apache-2.0
#include "net/server_connection.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace millrace::net {
namespace {

using ErrorCode = boost::system::error_code;
using base::Reason;

// What a client may still send after its refusal, so that it can read the answer before the reset.
constexpr std::size_t kLingerBytesMax = 4 << 20;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// One request in flight, on every way out.
class InFlight {
 public:
  explicit InFlight(ServerCore& core) : core_(core) { ++core_.counts.in_flight; }
  ~InFlight() {
    --core_.counts.in_flight;
    core_.gate().left();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  ServerCore& core_;
};

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, Socket socket,
                                   const PeerAddress& peer)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      fd_(socket_.native_handle()),
      peer_(peer),
      reader_(core_->options().limits) {
  core_->enter(*this, Phase::Idle);
}

ServerConnection::~ServerConnection() {
  static_cast<ListHook<PhaseList>&>(*this).unlink();
  core_->return_buffer(reader_.rest());
  if (evicted_) core_->settled();
  core_->left(phase);
}

Awaitable<void> ServerConnection::run(std::shared_ptr<ServerCore> core, Socket socket,
                                      PeerAddress peer) {
  ServerConnection connection(std::move(core), std::move(socket), peer);
  co_await connection.serve();
}

Awaitable<void> ServerConnection::serve() {
  bool more = !core_->stopped();
  while (more) {
    switch (reader_.advance()) {
      case RequestReader::Step::NeedMore: {
        track_reading();
        // Waits without a buffer, and reads no byte of a next request while no permit is left.
        if (dry_ && stop_ == Stop::None) {
          if (phase == Phase::Idle) rest();
          ErrorCode ignored;  // the read says what it was
          co_await socket_.async_wait(Socket::wait_read,
                                      asio::redirect_error(asio::use_awaitable, ignored));
        }
        while (phase == Phase::Idle && stop_ == Stop::None && !core_->gate().open()) {
          core_->gate().park_reader(*this);
          co_await wake_up_.wait();
          core_->gate().unparked();
        }
        more = take_bytes();
        if (!more && stop_ == Stop::TimedOut && phase != Phase::Idle) {
          stop_ = Stop::None;
          co_await refuse(base::make_error(
              Reason::SlowClient, "The request did not come in whole within the time allowed."));
        }
        break;
      }
      case RequestReader::Step::Continue: {
        parts_[0] = part_of(kContinue);
        part_count_ = 1;
        const auto sent = co_await send();
        more = sent.has_value();
        break;
      }
      case RequestReader::Step::Complete:
        co_await answer_request();
        more = !broken_ && frame_.keep_alive && stop_ == Stop::None;
        if (more) {
          reader_.next_request();
          // Requests sent ahead take turns with those of other clients.
          if (reader_.has_unread()) co_await asio::post(core_->io(), asio::use_awaitable);
        } else if (!broken_ && (reader_.has_unread() || peek(fd_) == Peek::Readable)) {
          co_await linger();
        }
        break;
      case RequestReader::Step::Refused:
        co_await refuse(reader_.refusal());
        more = false;
        break;
    }
  }
}

void ServerConnection::track_reading() {
  const Phase wanted = reader_.idle()            ? Phase::Idle
                       : reader_.head_complete() ? Phase::Body
                                                 : Phase::Head;
  if (wanted == phase) return;
  core_->enter(*this, wanted);
  if (wanted == Phase::Body) received_at_ = since;
}

// Reads what is there, which may be nothing yet. False when the connection ends here.
bool ServerConnection::take_bytes() {
  if (stop_ == Stop::Cut || (stop_ == Stop::TimedOut && phase != Phase::Idle)) return false;
  if (stop_ != Stop::None && !core_->gate().open()) return false;
  if (!reader_.has_buffer()) reader_.use(core_->take_buffer());
  const std::span<char> space = reader_.space();
  const ssize_t count = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
  dry_ = count < static_cast<ssize_t>(space.size());
  if (count > 0) {
    // A request may have crossed the decision to close an idle connection; it is served.
    stop_ = Stop::None;
    if (std::exchange(evicted_, false)) core_->settled();
    reader_.commit(static_cast<std::size_t>(count));
    return true;
  }
  const bool nothing_yet = count < 0 && (errno == EAGAIN || errno == EINTR);
  return nothing_yet && stop_ == Stop::None;
}

// What an idle connection holds: itself.
void ServerConnection::rest() {
  core_->return_buffer(reader_.rest());
  head_text_ = std::string();
}

Awaitable<void> ServerConnection::answer_request() {
  const bool body_awaited = phase == Phase::Body;
  core_->enter(*this, Phase::Handling);
  if (!body_awaited) received_at_ = since;
  ++core_->counts.requests;
  started_ = finished_ = false;
  frame_ = {};
  frame_.keep_alive = false;

  GateQueue& gate = core_->gate();
  while (!gate.try_enter()) {
    gate.park_request(*this);
    co_await wake_up_.wait();
    gate.unparked();
    if (stop_ == Stop::Cut) co_return;
  }
  const InFlight in_flight(*core_);

  bool threw = true;
  try {
    co_await core_->handler()(*this);
    threw = false;
  } catch (const std::exception& problem) {
    base::log_error("handler_threw", {{"server", core_->options().name},
                                      {"error", std::string_view(problem.what())}});
  } catch (...) {
    base::log_error("handler_threw", {{"server", core_->options().name}});
  }
  client_gone_ = nullptr;
  before_last_bytes_ = nullptr;
  if (broken_ || finished_) co_return;
  if (started_) {
    if (!threw) base::log_error("answer_unfinished", {{"server", core_->options().name}});
    abort();
    co_return;
  }
  if (!threw) base::log_error("answer_missing", {{"server", core_->options().name}});
  co_await respond_error(*this, base::make_error(Reason::Internal, "The server failed."), "");
}

// The answer to what never became a request; afterwards the connection closes.
Awaitable<void> ServerConnection::refuse(base::Error error) {
  const auto& refusal = core_->options().refusal;
  auto answer = refusal ? refusal(error) : error_answer(error, "");
  started_ = finished_ = false;
  refusing_ = true;
  const auto sent = co_await respond(std::move(answer.first), answer.second);
  if (sent) co_await linger();
}

// Closing with unread bytes would reset the connection, and the client would lose the answer.
Awaitable<void> ServerConnection::linger() {
  if (core_->stopped()) co_return;
  ::shutdown(fd_, SHUT_WR);
  rest();
  core_->enter(*this, Phase::Lingering);
  const std::span<char> space = core_->scratch();
  std::size_t drained = 0;
  while (drained < kLingerBytesMax && stop_ == Stop::None) {
    const ssize_t count = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
    if (count > 0) {
      drained += static_cast<std::size_t>(count);
      continue;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) break;
    ErrorCode ignored;
    co_await socket_.async_wait(Socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void ServerConnection::interrupt(Stop why) {
  if (stop_ == Stop::Cut) return;
  stop_ = why;
  if (why == Stop::Cut) {
    broken_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    if (const auto callback = std::exchange(client_gone_, nullptr)) callback();
  }
  ErrorCode ignored;
  socket_.cancel(ignored);
  wake_up_.notify();
}

void ServerConnection::evict() {
  evicted_ = true;
  interrupt(phase == Phase::Idle ? Stop::TimedOut : Stop::Cut);
}

void ServerConnection::notice_client_gone() {
  if (!client_gone_ || broken_ || peek(fd_) != Peek::Closed) return;
  const auto callback = std::exchange(client_gone_, nullptr);
  callback();
}

void ServerConnection::on_client_gone(std::function<void()> callback) {
  client_gone_ = std::move(callback);
}

}  // namespace millrace::net
