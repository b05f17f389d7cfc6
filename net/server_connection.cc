// SPDX-License-Identifier: Apache-2.0
#include "net/server_connection.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>

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
    if (!core_.options().gate) return;
    core_.options().gate->release();
    core_.permit_released();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  ServerCore& core_;
};

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, Socket socket)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      fd_(socket_.native_handle()),
      reader_(core_->options().limits) {
  core_->enter(*this, Phase::Idle);
}

ServerConnection::~ServerConnection() {
  if (evicted_) core_->not_leaving();
  core_->left();
}

Awaitable<void> ServerConnection::run(std::shared_ptr<ServerCore> core, Socket socket) {
  ServerConnection connection(std::move(core), std::move(socket));
  co_await connection.serve();
}

Awaitable<void> ServerConnection::serve() {
  bool more = !core_->stopped();
  while (more) {
    switch (reader_.advance()) {
      case RequestReader::Step::NeedMore: {
        track_reading();
        while (phase == Phase::Idle && stop_ == Stop::None && !core_->gate_open()) {
          core_->park_reader(*this);
          co_await wake_up_.wait();
        }
        std::size_t count = 0;
        ErrorCode problem;
        if (stop_ == Stop::None) {
          const std::span<char> space = reader_.space();
          count =
              co_await socket_.async_receive(asio::buffer(space.data(), space.size()),
                                             asio::redirect_error(asio::use_awaitable, problem));
        }
        more = after_receive(count);
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

// False when the connection ends here.
bool ServerConnection::after_receive(std::size_t count) {
  if (stop_ == Stop::Cut) return false;
  if (stop_ == Stop::Drained && count == 0) {
    // A request may have crossed the decision to close; it is served.
    const std::span<char> space = reader_.space();
    const ssize_t late = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
    if (late > 0) count = static_cast<std::size_t>(late);
  }
  if (count == 0) return false;  // closed, broken, or nothing came in time
  if (stop_ == Stop::TimedOut && phase != Phase::Idle) return false;
  stop_ = Stop::None;
  if (std::exchange(evicted_, false)) core_->not_leaving();
  reader_.commit(count);
  return true;
}

Awaitable<void> ServerConnection::answer_request() {
  const bool body_awaited = phase == Phase::Body;
  core_->enter(*this, Phase::Handling);
  if (!body_awaited) received_at_ = since;
  ++core_->counts.requests;
  started_ = finished_ = false;
  frame_ = {};
  frame_.keep_alive = false;

  const auto& gate = core_->options().gate;
  while (gate && !gate->try_acquire()) {
    core_->park_request(*this);
    co_await wake_up_.wait();
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
  core_->enter(*this, Phase::Lingering);
  std::size_t drained = 0;
  while (drained < kLingerBytesMax && stop_ == Stop::None) {
    const std::span<char> space = reader_.scratch();
    ErrorCode problem;
    const std::size_t count =
        co_await socket_.async_receive(asio::buffer(space.data(), space.size()),
                                       asio::redirect_error(asio::use_awaitable, problem));
    if (count == 0) break;
    drained += count;
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
  interrupt(Stop::TimedOut);
}

void ServerConnection::notice_client_gone() {
  if (!client_gone_ || broken_ || peek(fd_) != Peek::Closed) return;
  const auto callback = std::exchange(client_gone_, nullptr);
  callback();
}

void ServerConnection::on_client_gone(std::function<void()> callback) {
  client_gone_ = std::move(callback);
}

std::string ServerConnection::peer_address() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  ::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  return host_text(address);
}

}  // namespace millrace::net
