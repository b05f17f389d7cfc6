// SPDX-License-Identifier: Apache-2.0
#include "net/server_core.h"

#include <cerrno>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/log.h"
#include "net/raw_socket.h"
#include "net/server_connection.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using ErrorCode = boost::system::error_code;

constexpr auto kTick = 100ms;
// Another thread's permits are released without a word to this one.
constexpr auto kGateTick = 5ms;
constexpr auto kExhaustedPause = 100ms;
constexpr auto kLingerTimeout = 2s;
constexpr int kAcceptBatch = 16;
constexpr int kWakeBatch = 64;

}  // namespace

struct ServerCore::Listener {
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

  explicit Listener(asio::io_context& io) : descriptor(io), pause(io) {}

  void close() {
    closed = true;
    ErrorCode ignored;
    descriptor.close(ignored);
    pause.cancel();
    wake_up.notify();
    // Not the file of a successor that has bound the same path since.
    struct stat now{};
    if (!unix_path.empty() && ::stat(unix_path.c_str(), &now) == 0 && now.st_ino == inode &&
        now.st_dev == device) {
      ::unlink(unix_path.c_str());
    }
    unix_path.clear();
  }

  Descriptor descriptor;
  Timer pause;
  WakeUp wake_up;
  std::string unix_path;
  ino_t inode = 0;
  dev_t device = 0;
  int family = 0;
  bool exhausted = false;  // said once, until an accept succeeds
  bool closed = false;
};

ServerCore::ServerCore(asio::io_context& io, HttpServer::Options options, HttpHandler handler)
    : io_(io),
      options_(std::move(options)),
      handler_(std::move(handler)),
      tick_timer_(io),
      gate_timer_(io) {}

ServerCore::~ServerCore() = default;

base::Result<void> ServerCore::listen(const Endpoint& endpoint) {
  auto fd = listen_on(endpoint, options_.reuse_port, options_.limits.listen_backlog);
  if (!fd) return base::fail(std::move(fd).error());
  auto listener = std::make_shared<Listener>(io_);
  if (endpoint.is_unix()) {
    struct stat made{};
    if (::stat(endpoint.unix_path.c_str(), &made) == 0) {
      listener->unix_path = endpoint.unix_path;
      listener->inode = made.st_ino;
      listener->device = made.st_dev;
    }
  }
  const Endpoint local = local_endpoint_of(fd->get());
  listener->family = endpoint.is_unix()                          ? AF_UNIX
                     : local.host.find(':') != std::string::npos ? AF_INET6
                                                                 : AF_INET;
  ErrorCode problem;
  listener->descriptor.assign(fd->get(), problem);
  if (problem) {
    return base::fail(base::Reason::Internal,
                      "Cannot listen on " + endpoint.text() + ": " + problem.message() + ".");
  }
  [[maybe_unused]] const int owned = fd->release();
  if (listeners_.empty()) local_endpoint_ = local;
  listeners_.push_back(listener);
  asio::co_spawn(io_, accept(shared_from_this(), listener), asio::detached);
  return {};
}

Endpoint ServerCore::local_endpoint() const { return local_endpoint_; }

Awaitable<void> ServerCore::accept(std::shared_ptr<ServerCore> core,
                                   std::shared_ptr<Listener> listener) {
  while (!listener->closed) {
    if (!core->may_accept()) {
      core->accept_paused_ = true;
      co_await listener->wake_up.wait();
      continue;
    }
    ErrorCode ignored;  // a closed listener ends the loop, a wait that fails is tried again
    if (core->accept_some(*listener)) {
      co_await listener->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                               asio::redirect_error(asio::use_awaitable, ignored));
    } else {
      listener->pause.expires_after(kExhaustedPause);
      co_await listener->pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
}

bool ServerCore::may_accept() {
  if (!gate_open()) {
    arm_gate_tick();
    return false;
  }
  return staying() < options_.limits.connections_max || !list(Phase::Idle).empty();
}

// Above the limit, the oldest idle connection makes room; its coroutine ends a moment later.
void ServerCore::make_room() {
  if (staying() <= options_.limits.connections_max) return;
  if (ServerConnection* const oldest = list(Phase::Idle).pop_front()) {
    ++leaving_;
    oldest->evict();
  }
}

// False when the system has no descriptor or memory left, so that waiting for readiness would spin.
bool ServerCore::accept_some(Listener& listener) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    if (i > 0 && !may_accept()) return true;
    base::UniqueFd fd(::accept4(listener.descriptor.native_handle(), nullptr, nullptr,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return true;
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        if (!std::exchange(listener.exhausted, true)) {
          const std::string text = std::generic_category().message(error);
          base::log_error("accept_paused", {{"server", options_.name}, {"error", text}});
        }
        return false;
      }
      continue;  // the client gave up before us: ECONNABORTED and its kin
    }
    listener.exhausted = false;
    if (listener.family != AF_UNIX) set_no_delay(fd.get());
    ServerConnection::Socket socket(io_.get_executor());
    ErrorCode problem;
    socket.assign(asio::generic::stream_protocol(listener.family, 0), fd.get(), problem);
    if (problem) {
      base::log_error("accept_failed",
                      {{"server", options_.name}, {"error", std::string_view(problem.message())}});
      continue;
    }
    [[maybe_unused]] const int owned = fd.release();
    ++counts.accepted;
    ++counts.connections;
    make_room();
    arm_tick();
    asio::co_spawn(io_, ServerConnection::run(shared_from_this(), std::move(socket)),
                   asio::detached);
  }
  return true;
}

void ServerCore::left() {
  --counts.connections;
  if (stopped_) return;
  wake_listeners();
  if (draining_ && counts.connections == 0) report_drained();
}

void ServerCore::enter(ServerConnection& connection, Phase phase) {
  connection.phase = phase;
  connection.since = base::Clock::now();
  list(phase).push_back(connection);
  if (phase == Phase::Idle && accept_paused_) wake_listeners();
}

void ServerCore::park_reader(ServerConnection& connection) {
  parked_readers_.push_back(connection);
  arm_gate_tick();
}

void ServerCore::park_request(ServerConnection& connection) {
  parked_requests_.push_back(connection);
  arm_gate_tick();
}

void ServerCore::permit_released() {
  if (ServerConnection* const first = parked_requests_.pop_front()) {
    first->wake();
  } else if (gate_ticking_ && gate_open()) {
    wake_parked();
  }
}

void ServerCore::wake_parked() {
  for (int i = 0; i < kWakeBatch && !parked_requests_.empty(); ++i) {
    parked_requests_.pop_front()->wake();
  }
  while (ServerConnection* const reader = parked_readers_.pop_front()) reader->wake();
  wake_listeners();
}

void ServerCore::wake_listeners() {
  accept_paused_ = false;
  for (const auto& listener : listeners_) listener->wake_up.notify();
}

void ServerCore::arm_gate_tick() {
  if (stopped_ || std::exchange(gate_ticking_, true)) return;
  gate_timer_.expires_after(kGateTick);
  gate_timer_.async_wait([weak = weak_from_this()](ErrorCode problem) {
    const auto core = weak.lock();
    if (!core || problem) return;
    core->gate_ticking_ = false;
    if (core->gate_open()) {
      core->wake_parked();  // whoever finds no room parks again, and arms this again
    } else {
      core->arm_gate_tick();
    }
  });
}

std::chrono::milliseconds ServerCore::timeout_of(Phase phase) const {
  const HttpServerLimits& limits = options_.limits;
  switch (phase) {
    case Phase::Idle:
      return limits.idle_timeout;
    case Phase::Head:
      return limits.header_timeout;
    case Phase::Body:
      return limits.body_timeout;
    case Phase::Writing:
      return limits.write_timeout;
    case Phase::Lingering:
      return kLingerTimeout;
    case Phase::Handling:
      break;  // the handler has its own deadline
  }
  return std::chrono::milliseconds::max();
}

void ServerCore::arm_tick() {
  if (stopped_ || std::exchange(ticking_, true)) return;
  tick_timer_.expires_after(kTick);
  tick_timer_.async_wait([weak = weak_from_this()](ErrorCode problem) {
    const auto core = weak.lock();
    if (!core || problem) return;
    core->ticking_ = false;
    core->tick();
    if (core->counts.connections > 0) core->arm_tick();
  });
}

void ServerCore::tick() {
  const base::TimePoint now = base::Clock::now();
  for (const Phase phase :
       {Phase::Idle, Phase::Head, Phase::Body, Phase::Writing, Phase::Lingering}) {
    const auto timeout = timeout_of(phase);
    for (ServerConnection* first = list(phase).front();
         first != nullptr && now - first->since >= timeout; first = list(phase).front()) {
      list(phase).pop_front();
      first->interrupt(ServerConnection::Stop::TimedOut);
    }
  }
  ServerConnection* next = nullptr;
  for (ServerConnection* one = list(Phase::Handling).front();
       one != nullptr && now - one->since >= kTick; one = next) {
    next = list(Phase::Handling).after(*one);
    one->notice_client_gone();
  }
  if (draining_ && drained_ && drain_deadline_.expired(now)) {
    cut_all();
    report_drained();
  }
}

void ServerCore::drain(base::Deadline deadline, std::function<void()> drained) {
  draining_ = true;
  drain_deadline_ = deadline;
  drained_ = std::move(drained);
  for (const auto& listener : std::exchange(listeners_, {})) listener->close();
  List& idle = list(Phase::Idle);
  for (ServerConnection* one = idle.front(); one != nullptr; one = idle.after(*one)) {
    one->interrupt(ServerConnection::Stop::Drained);
  }
  if (counts.connections == 0) report_drained();
}

void ServerCore::report_drained() {
  if (drained_) asio::post(io_, std::exchange(drained_, nullptr));
}

void ServerCore::cut_all() {
  for (List& each : lists_) {
    ServerConnection* next = nullptr;
    for (ServerConnection* one = each.front(); one != nullptr; one = next) {
      next = each.after(*one);
      one->interrupt(ServerConnection::Stop::Cut);
    }
  }
}

void ServerCore::stop() {
  stopped_ = true;
  drained_ = nullptr;
  tick_timer_.cancel();
  gate_timer_.cancel();
  for (const auto& listener : std::exchange(listeners_, {})) listener->close();
  cut_all();
}

}  // namespace millrace::net
