// SPDX-License-Identifier: Apache-2.0
// The part of ClientCall that makes a connection: a place in the pool, addresses, connect, TLS.
#include <cerrno>
#include <chrono>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/client_call.h"
#include "net/descriptors.h"
#include "net/resolver.h"

namespace millrace::net {
namespace {

using ErrorCode = boost::system::error_code;

// A unix socket whose backlog is full refuses at once instead of queueing, and does not say when it
// has room.
constexpr std::chrono::milliseconds kBacklogPause{5};

// Said of a connection that was never tried: nothing is wrong with the other side.
constexpr std::string_view kNoDescriptor = "no descriptor: ";

std::string text_of(int error) { return std::generic_category().message(error); }

base::UniqueFd open_socket(int family) {
  return base::UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

}  // namespace

// Sets connection_, taken from the pool (unless `fresh`) or new.
Awaitable<base::Result<void>> ClientCall::obtain_connection(bool fresh) {
  while (!core_->reserve(*pool_)) {
    pool_->waiting.push_back(*this);
    co_await waker().wait();
    static_cast<ListHook<WaitingCalls>&>(*this).unlink();
    if (verdict_ != Verdict::None) {
      co_return base::fail(failure("connect: waiting for a connection"));
    }
    if (!fresh) connection_ = core_->take_idle(*pool_, !may_repeat());
    if (connection_) co_return base::Result<void>();
  }
  auto connected = co_await connect();
  step_deadline_ = base::TimePoint::max();
  if (!connected) core_->forget(*pool_, std::move(connection_));
  co_return connected;
}

Awaitable<base::Result<void>> ClientCall::connect() {
  const base::TimePoint until = base::Clock::now() + core_->limits().connect_timeout;
  step_deadline_ = until;
  auto addresses = co_await resolve();
  if (!addresses) co_return base::fail(std::move(addresses).error());
  std::string problem = "no address";
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // An address that swallows packets leaves time for those after it.
    const base::TimePoint now = base::Clock::now();
    step_deadline_ = now + (until - now) / static_cast<int>(addresses->size() - i);
    problem = co_await connect_to((*addresses)[i]);
    if (problem.empty() && endpoint_.tls) {
      step_deadline_ = base::Clock::now() + core_->limits().connect_timeout;
      problem = co_await handshake();
    }
    if (verdict_ == Verdict::Cancelled || verdict_ == Verdict::Deadline) break;
    if (problem.empty() && verdict_ == Verdict::None) co_return base::Result<void>();
    if (problem.empty()) problem = "no answer";
    if (i + 1 < addresses->size()) verdict_ = Verdict::None;
  }
  connection_.reset();
  if (problem.starts_with(kNoDescriptor)) co_return base::fail(failure(std::move(problem)));
  co_return base::fail(failure("connect: " + problem));
}

Awaitable<base::Result<std::vector<SocketAddress>>> ClientCall::resolve() {
  using Addresses = std::vector<SocketAddress>;
  const SocketAddress known = endpoint_.is_unix()
                                  ? address_of_path(endpoint_.unix_path)
                                  : address_of_literal(endpoint_.host, endpoint_.port);
  if (known.length > 0) co_return Addresses{known};
  waker();
  const auto lookup = NameLookup::begin(core_->io(), endpoint_.host, endpoint_.port, wake_up_);
  while (!lookup->done() && verdict_ == Verdict::None) co_await wake_up_->wait();
  if (verdict_ != Verdict::None) co_return base::fail(failure("connect: resolving the name"));
  if (lookup->addresses().empty()) {
    co_return base::fail(failure("connect: resolving the name: " + lookup->problem()));
  }
  co_return lookup->addresses();
}

Awaitable<std::string> ClientCall::connect_to(SocketAddress address) {
  connection_ = std::make_unique<ClientConnection>(core_->io());
  base::UniqueFd fd = open_socket(address.family());
  if (!fd && is_exhaustion(errno)) {
    core_->close_idle();  // the pooled ones can be made again
    fd = open_socket(address.family());
    if (!fd && is_exhaustion(errno)) co_return std::string(kNoDescriptor) + text_of(errno);
  }
  if (!fd) co_return text_of(errno);
  StreamSocket& socket = connection_->socket;
  ErrorCode problem;
  socket.assign(asio::generic::stream_protocol(address.family(), 0), fd.get(), problem);
  if (problem) co_return problem.message();
  const int handle = fd.release();
  if (address.family() != AF_UNIX) set_no_delay(handle);

  asio::steady_timer pause(core_->io());
  while (::connect(handle, address.get(), address.length) != 0) {
    const int error = errno;
    if (error == EAGAIN && verdict_ == Verdict::None) {
      pause.expires_after(kBacklogPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, problem));
      continue;
    }
    if (error != EINPROGRESS) co_return text_of(error);
    co_await socket.async_wait(StreamSocket::wait_write,
                               asio::redirect_error(asio::use_awaitable, problem));
    if (verdict_ != Verdict::None) co_return "timed out";
    int outcome = 0;
    socklen_t size = sizeof(outcome);
    ::getsockopt(handle, SOL_SOCKET, SO_ERROR, &outcome, &size);
    co_return outcome == 0 ? "" : text_of(outcome);
  }
  co_return std::string();
}

Awaitable<std::string> ClientCall::handshake() {
  auto context = core_->tls_context();
  if (!context) co_return context.error().detail;
  connection_->tls =
      std::make_unique<TlsStream>(std::move(*context), connection_->socket, endpoint_.host);
  const ErrorCode problem = co_await connection_->tls->handshake();
  co_return problem ? "TLS: " + problem.message() : std::string();
}

}  // namespace millrace::net
