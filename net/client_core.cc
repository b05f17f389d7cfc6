// SPDX-License-Identifier: Apache-2.0
#include "net/client_core.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "net/client_call.h"
#include "net/raw_socket.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;

// Deadlines and cancellations are noticed within one tick, at no cost for a call that ends before.
constexpr auto kTick = 50ms;
constexpr auto kIdleTick = 1s;
// The quick tick goes on for so long after the last call, so that calls in turn do not set the
// timer each time.
constexpr auto kStayQuick = 2s;
constexpr std::size_t kBuffersKept = 64;

void combine(std::size_t& seed, std::size_t hash) { seed ^= hash + (seed << 6) + (seed >> 2); }

}  // namespace

std::size_t ClientCore::EndpointHash::operator()(const Endpoint& endpoint) const {
  std::size_t seed = std::hash<std::string>()(endpoint.host);
  combine(seed, std::hash<std::string>()(endpoint.unix_path));
  combine(seed, endpoint.port);
  combine(seed, endpoint.tls ? 1 : 0);
  return seed;
}

ClientCore::ClientCore(asio::io_context& io, HttpClient::Options options)
    : io_(io), options_(std::move(options)), timer_(io) {}

ClientCore::~ClientCore() = default;

ClientCore::Pool& ClientCore::join(ClientCall& call, const Endpoint& endpoint) {
  const auto [place, added] = pools_.try_emplace(endpoint);
  Pool& pool = place->second;
  if (added) pool.endpoint = endpoint;
  ++pool.users;
  active_.push_back(call);
  joined_since_tick_ = true;
  if (period_ != kTick) arm(kTick);
  return pool;
}

void ClientCore::leave(ClientCall& call, Pool& pool) {
  static_cast<ListHook<ActiveCalls>&>(call).unlink();
  static_cast<ListHook<WaitingCalls>&>(call).unlink();
  --pool.users;
  // A place that fell free for this call alone goes to the next.
  if (pool.open < limits().connections_per_endpoint_max || !pool.idle.empty()) wake_one(pool);
}

bool ClientCore::is_stale(ClientConnection& connection) {
  const Peek seen = peek(connection.socket.native_handle());
  // Over TLS a session ticket may lie there; on a plain one, bytes that nobody asked for.
  return seen == Peek::Closed || (seen == Peek::Readable && !connection.tls);
}

std::unique_ptr<ClientConnection> ClientCore::take_idle(Pool& pool, bool checked) {
  while (!pool.idle.empty()) {
    auto connection = std::move(pool.idle.back());
    pool.idle.pop_back();
    if (!checked || !is_stale(*connection)) return connection;
    --pool.open;
  }
  return nullptr;
}

void ClientCore::drop_stale(Pool& pool) {
  const std::size_t before = pool.idle.size();
  std::erase_if(pool.idle, [](const auto& connection) { return is_stale(*connection); });
  pool.open -= before - pool.idle.size();
}

bool ClientCore::reserve(Pool& pool) {
  if (pool.open >= limits().connections_per_endpoint_max) {
    if (pool.idle.empty()) return false;
    pool.idle.erase(pool.idle.begin());
    --pool.open;
  }
  ++pool.open;
  return true;
}

void ClientCore::give_back(Pool& pool, std::unique_ptr<ClientConnection> connection) {
  if (stopped_ || pool.idle.size() >= limits().idle_per_endpoint_max) {
    forget(pool, std::move(connection));
    return;
  }
  connection->used = true;
  connection->idle_since = base::Clock::now();
  pool.idle.push_back(std::move(connection));
  wake_one(pool);
}

void ClientCore::forget(Pool& pool, std::unique_ptr<ClientConnection> connection) {
  connection.reset();
  --pool.open;
  wake_one(pool);
}

void ClientCore::wake_one(Pool& pool) {
  if (ClientCall* const first = pool.waiting.pop_front()) first->wake();
}

base::Result<std::shared_ptr<TlsContext>> ClientCore::tls_context() {
  if (!tls_context_) {
    auto made = TlsContext::make(options_.ca_file);
    if (!made) return base::fail(std::move(made).error());
    tls_context_ = std::move(*made);
  }
  return tls_context_;
}

ReadBuffer ClientCore::take_buffer() {
  if (buffers_.empty()) return {};
  ReadBuffer buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void ClientCore::return_buffer(ReadBuffer buffer) {
  buffer.clear();
  if (buffer.capacity() > 0 && buffers_.size() < kBuffersKept && !stopped_) {
    buffers_.push_back(std::move(buffer));
  }
}

void ClientCore::arm(base::Duration period) {
  if (stopped_) return;
  period_ = period;
  timer_.expires_after(period);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code problem) {
    const auto core = weak.lock();
    if (core && !problem) core->tick();
  });
}

void ClientCore::tick() {
  period_ = {};
  const base::TimePoint now = base::Clock::now();
  if (std::exchange(joined_since_tick_, false) || !active_.empty()) busy_at_ = now;
  ClientCall* next = nullptr;
  for (ClientCall* call = active_.front(); call != nullptr; call = next) {
    next = active_.after(*call);
    call->check(now);
  }
  if (now - idle_checked_at_ >= kIdleTick) expire_idle(now);
  if (now - busy_at_ < kStayQuick) {
    arm(kTick);
  } else if (!pools_.empty()) {
    arm(kIdleTick);
  }
}

void ClientCore::expire_idle(base::TimePoint now) {
  idle_checked_at_ = now;
  for (auto place = pools_.begin(); place != pools_.end();) {
    Pool& pool = place->second;
    const auto fresh = std::find_if(pool.idle.begin(), pool.idle.end(), [&](const auto& one) {
      return now - one->idle_since < limits().idle_timeout;
    });
    pool.open -= static_cast<std::size_t>(fresh - pool.idle.begin());
    pool.idle.erase(pool.idle.begin(), fresh);
    drop_stale(pool);
    place = pool.open == 0 && pool.users == 0 ? pools_.erase(place) : std::next(place);
  }
}

void ClientCore::close_idle() {
  for (auto& [endpoint, pool] : pools_) {
    pool.open -= pool.idle.size();
    pool.idle.clear();
  }
}

void ClientCore::stop() {
  stopped_ = true;
  timer_.cancel();
  close_idle();
  buffers_.clear();
  ClientCall* next = nullptr;
  for (ClientCall* call = active_.front(); call != nullptr; call = next) {
    next = active_.after(*call);
    call->interrupt();
  }
}

}  // namespace millrace::net
