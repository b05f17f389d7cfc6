// SPDX-License-Identifier: Apache-2.0
#include "net/server_listener.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "net/raw_socket.h"
#include "net/server_core.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using ErrorCode = boost::system::error_code;

constexpr auto kFullPause = 5ms;     // for what another thread frees
constexpr auto kLeavingPause = 5ms;  // until a connection that must go is gone
constexpr auto kExhaustedPause = 100ms;
constexpr auto kSayAgain = 10s;
constexpr auto kHold = 1s;  // then it is tried whether there are more descriptors again
constexpr int kAcceptBatch = 16;
constexpr std::size_t kVitalReserve = 8;

// Errors stand in errno.
base::UniqueFd accept_from(int listener, SocketAddress& peer) {
  peer.length = sizeof(peer.storage);
  return base::UniqueFd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer.storage),
                                  &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

base::UniqueFd accept_beside_others(int listener, SocketAddress& peer) {
  const std::shared_lock beside_others(accept_lock());
  return accept_from(listener, peer);
}

// The client learns it at once, and nothing of the connection stays with the kernel.
void reset_connection(base::UniqueFd fd) {
  const ::linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

}  // namespace

ServerListener::ServerListener(asio::io_context& io, HttpServer::Standing standing)
    : standing_(standing),
      descriptor_(io),
      pause_(io),
      reserve_(standing == HttpServer::Standing::Vital ? kVitalReserve : 1) {}

base::Result<std::shared_ptr<ServerListener>> ServerListener::bind(
    asio::io_context& io, const Endpoint& endpoint, const HttpServer::Options& options) {
  auto fd = listen_on(endpoint, options.reuse_port, options.limits.listen_backlog);
  if (!fd) return base::fail(std::move(fd).error());
  auto made = std::make_shared<ServerListener>(io, options.standing);
  if (endpoint.is_unix()) {
    struct stat file{};
    if (::stat(endpoint.unix_path.c_str(), &file) == 0) {
      made->unix_path_ = endpoint.unix_path;
      made->inode_ = file.st_ino;
      made->device_ = file.st_dev;
    }
  }
  made->endpoint_ = local_endpoint_of(fd->get());
  made->family_ = endpoint.is_unix()                                    ? AF_UNIX
                  : made->endpoint_.host.find(':') != std::string::npos ? AF_INET6
                                                                        : AF_INET;
  ErrorCode problem;
  made->descriptor_.assign(fd->get(), problem);
  if (problem) {
    return base::fail(base::Reason::Internal,
                      "Cannot listen on " + endpoint.text() + ": " + problem.message() + ".");
  }
  [[maybe_unused]] const int owned = fd->release();
  return made;
}

void ServerListener::close() {
  closed_ = true;
  ErrorCode ignored;
  descriptor_.close(ignored);
  pause_.cancel();
  // Not the file of a successor that has bound the same path since.
  struct stat now{};
  if (!unix_path_.empty() && ::stat(unix_path_.c_str(), &now) == 0 && now.st_ino == inode_ &&
      now.st_dev == device_) {
    ::unlink(unix_path_.c_str());
  }
  unix_path_.clear();
}

Awaitable<void> ServerListener::run(std::shared_ptr<ServerListener> self,
                                    std::shared_ptr<ServerCore> core) {
  while (!self->closed_) {
    if (self->held_at_ && base::Clock::now() - *self->held_at_ >= kHold) {
      self->held_at_.reset();
      core->release_hold();
    }
    const Milliseconds pause = core->may_accept() ? self->accept_some(*core) : kFullPause;
    if (pause > 0ms) {
      co_await self->sleep(pause);
      continue;
    }
    ErrorCode ignored;  // a closed listener ends the loop, a wait that fails is tried again
    co_await self->descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                                          asio::redirect_error(asio::use_awaitable, ignored));
  }
}

Awaitable<void> ServerListener::sleep(Milliseconds span) {
  sleeping_ = true;
  pause_.expires_after(span);
  ErrorCode ignored;
  co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  sleeping_ = false;
}

void ServerListener::wake() {
  if (std::exchange(sleeping_, false)) pause_.cancel();
}

// Zero: wait for the next connection. Otherwise how long to leave the socket alone.
ServerListener::Milliseconds ServerListener::accept_some(ServerCore& core) {
  reserve_.refill();
  std::size_t ceiling = SIZE_MAX;
  if (standing_ == HttpServer::Standing::Public) {
    // The kernel gives the lowest free number, so a number tells how many are in use at least.
    const std::size_t limit = descriptor_limit();
    ceiling = limit - std::min(limit, descriptors_kept(limit));
  }
  for (int i = 0; i < kAcceptBatch; ++i) {
    if (i > 0 && !core.may_accept()) return kFullPause;
    SocketAddress peer;
    base::UniqueFd fd = accept_beside_others(descriptor_.native_handle(), peer);
    if (!fd && is_exhaustion(errno)) {
      say_exhausted(core, errno);
      // A vital port serves from what was put aside; the last one is for refusing.
      if (reserve_.held() <= 1) return without_descriptor(core);
      const std::unique_lock alone(accept_lock());
      reserve_.lend();
      fd = accept_from(descriptor_.native_handle(), peer);
    }
    if (!fd && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0ms;
    if (!fd) continue;  // the client gave up before us: ECONNABORTED and its kin
    const bool above = static_cast<std::size_t>(fd.get()) >= ceiling;
    if (above) {
      say_exhausted(core, EMFILE);
      held_at_ = base::Clock::now();
      if (!core.hold_connections(static_cast<std::size_t>(fd.get()) - ceiling)) {
        core.metrics().refused.add();
        reset_connection(std::move(fd));
        return kExhaustedPause;
      }
    }
    core.admit(std::move(fd), family_, peer);
    // Whoever gives way must have gone before the next one comes, or a whole batch would be above.
    if (above) return kLeavingPause;
  }
  return 0ms;
}

ServerListener::Milliseconds ServerListener::without_descriptor(ServerCore& core) {
  if (core.push_out()) return kLeavingPause;
  refuse_backlog(core);
  return kExhaustedPause;
}

void ServerListener::refuse_backlog(ServerCore& core) {
  const std::unique_lock alone(accept_lock());
  if (!reserve_.lend()) return;
  for (int i = 0; i < kAcceptBatch; ++i) {
    SocketAddress ignored;
    base::UniqueFd fd = accept_from(descriptor_.native_handle(), ignored);
    if (!fd) break;
    core.metrics().refused.add();
    reset_connection(std::move(fd));
  }
  reserve_.refill();
}

void ServerListener::say_exhausted(ServerCore& core, int error) {
  core.metrics().exhausted.add();
  const base::TimePoint now = base::Clock::now();
  if (said_at_ && now - *said_at_ < kSayAgain) return;
  said_at_ = now;
  const std::string text = std::generic_category().message(error);
  base::log_error("descriptors_exhausted",
                  {{"server", core.options().name},
                   {"error", text},
                   {"limit", static_cast<std::int64_t>(descriptor_limit())},
                   {"connections", static_cast<std::int64_t>(core.counts.connections)}});
}

}  // namespace millrace::net
