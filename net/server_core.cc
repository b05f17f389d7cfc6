// SPDX-License-Identifier: Apache-2.0
#include "net/server_core.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "net/server_connection.h"
#include "net/server_listener.h"

namespace millrace::net {
namespace {

using ErrorCode = boost::system::error_code;

constexpr std::size_t kBuffersKept = 64;
constexpr std::size_t kBufferBytesKept = 16 << 10;
constexpr std::size_t kScratchBytes = 16 << 10;

}  // namespace

ServerCore::ServerCore(asio::io_context& io, HttpServer::Options options, HttpHandler handler)
    : io_(io),
      options_(std::move(options)),
      handler_(std::move(handler)),
      metrics_(options_.metrics, options_.name),
      limit_(options_.connections
                 ? options_.connections
                 : std::make_shared<ConnectionLimit>(options_.limits.connections_max)),
      gate_(std::make_shared<GateQueue>(io, options_.gate, metrics_, [this] { wake_listeners(); })),
      tick_timer_(io) {}

ServerCore::~ServerCore() { show_idle(); }

base::Result<void> ServerCore::listen(const Endpoint& endpoint) {
  auto listener = ServerListener::bind(io_, endpoint, options_);
  if (!listener) return base::fail(std::move(listener).error());
  if (!share_) join_limit();
  if (listeners_.empty()) local_endpoint_ = (*listener)->endpoint();
  listeners_.push_back(*listener);
  asio::co_spawn(io_, ServerListener::run(*listener, shared_from_this()), asio::detached);
  return {};
}

void ServerCore::join_limit() {
  share_ = limit_->join(
      [&io = io_, weak = weak_from_this(), limit = std::weak_ptr(limit_)](Phase phase) {
        asio::post(io, [weak, limit, phase] {
          if (const auto core = weak.lock(); core && !core->stopped_) {
            core->give_way(phase);
          } else if (const auto still = limit.lock()) {
            still->settled();
          }
        });
      });
}

// Another needs the place; the coroutine of the one that goes ends a moment later.
void ServerCore::give_way(Phase wanted) {
  const auto* const from = std::ranges::find(kGivingWay, wanted);
  for (const auto* phase = from; phase != kGivingWay.end(); ++phase) {
    ServerConnection* const oldest = list(*phase).pop_front();
    if (oldest == nullptr) continue;
    publish(*phase);
    ++counts.pushed_out;
    metrics_.pushed_out[index_of(*phase)].add();
    oldest->evict();
    return;
  }
  limit_->settled();
}

void ServerCore::publish(Phase phase) {
  if (!share_) return;
  const ServerConnection* const oldest = list(phase).front();
  share_->publish(phase, oldest == nullptr ? base::TimePoint::max() : oldest->since);
}

void ServerCore::admit(base::UniqueFd fd, int family, const SocketAddress& peer) {
  if (family != AF_UNIX) set_no_delay(fd.get());
  ServerConnection::Socket socket(io_.get_executor());
  ErrorCode problem;
  socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), problem);
  if (problem) {
    base::log_error("accept_failed",
                    {{"server", options_.name}, {"error", std::string_view(problem.message())}});
    return;
  }
  [[maybe_unused]] const int owned = fd.release();
  ++counts.accepted;
  ++counts.connections;
  ++idle_;
  metrics_.accepted.add();
  metrics_.connections.add(1);
  limit_->opened();
  while (limit_->over() && limit_->push_out()) {
  }
  arm_tick();
  asio::co_spawn(io_,
                 ServerConnection::run(shared_from_this(), std::move(socket), PeerAddress(peer)),
                 asio::detached);
}

bool ServerCore::hold_connections(std::size_t excess) {
  const std::size_t open = limit_->open();
  limit_->hold_at(open - std::min(open, excess));
  return limit_->push_out();
}

void ServerCore::left(Phase phase) {
  publish(phase);
  --counts.connections;
  if (phase == Phase::Idle) --idle_;
  metrics_.connections.add(-1);
  limit_->closed();
  if (stopped_) return;
  wake_listeners();
  if (draining_ && counts.connections == 0) report_drained();
}

void ServerCore::enter(ServerConnection& connection, Phase phase) {
  const Phase before = std::exchange(connection.phase, phase);
  connection.since = base::Clock::now();
  list(phase).push_back(connection);
  publish(phase);
  if (before != phase) publish(before);
  if (before == Phase::Idle) --idle_;
  if (phase == Phase::Idle) ++idle_;
  if (phase == Phase::Idle) wake_listeners();
}

ReadBuffer ServerCore::take_buffer() {
  if (buffers_.empty()) return {};
  ReadBuffer buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void ServerCore::return_buffer(ReadBuffer buffer) {
  buffer.clear();
  if (buffer.capacity() > 0 && buffer.capacity() <= kBufferBytesKept &&
      buffers_.size() < kBuffersKept) {
    buffers_.push_back(std::move(buffer));
  }
}

std::span<char> ServerCore::scratch() {
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<char[]>(kScratchBytes);
  return {scratch_.get(), kScratchBytes};
}

void ServerCore::wake_listeners() {
  for (const auto& listener : listeners_) listener->wake();
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
  if (share_) limit_->leave(share_);
  tick_timer_.cancel();
  gate_->stop();
  for (const auto& listener : std::exchange(listeners_, {})) listener->close();
  cut_all();
}

}  // namespace millrace::net
