// SPDX-License-Identifier: Apache-2.0
#include "net/gate_queue.h"

#include <poll.h>
#include <utility>

#include "net/server_connection.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 5ms;
// Woken at once. Not all that wait: with one permit free for ten thousand, that would be ten
// thousand wake-ups a permit.
constexpr int kWakeBatch = 64;

}  // namespace

GateQueue::GateQueue(asio::io_context& io, std::shared_ptr<RequestGate> gate,
                     const ServerMetrics& metrics, std::function<void()> opened)
    : gate_(std::move(gate)), metrics_(metrics), opened_(std::move(opened)), timer_(io) {}

void GateQueue::left() {
  if (!gate_) return;
  gate_->release();
  if (ServerConnection* const first = requests_.pop_front()) {
    first->wake();
  } else if (!gate_->has_room()) {
    return;
  } else if (ServerConnection* const reader = readers_.pop_front()) {
    reader->wake();
  } else {
    opened_();
  }
}

void GateQueue::park(List& list, ServerConnection& connection) {
  list.push_back(connection);
  metrics_.waiting.add(1);
  arm();
}

void GateQueue::wake_some() {
  int woken = 0;
  for (List* const list : {&requests_, &readers_}) {
    for (; woken < kWakeBatch && !list->empty(); ++woken) list->pop_front()->wake();
  }
  opened_();
}

void GateQueue::arm() {
  if (stopped_ || std::exchange(ticking_, true)) return;
  timer_.expires_after(kTick);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code problem) {
    const auto queue = weak.lock();
    if (!queue || problem) return;
    queue->ticking_ = false;
    if (queue->open()) queue->wake_some();  // whoever finds no room parks again
    if (!queue->requests_.empty() || !queue->readers_.empty()) queue->arm();
  });
}

void GateQueue::drop_gone() {
  drop_gone(requests_);
  drop_gone(readers_);
}

// A client that has closed while its request waits unread, or unanswered, is not served: under
// overload that work would be for nobody. (RDHUP, because a read would meet the request first.)
void GateQueue::drop_gone(List& list) {
  if (list.empty()) return;
  std::vector<ServerConnection*> parked;
  std::vector<pollfd> polled;
  for (ServerConnection* one = list.front(); one != nullptr; one = list.after(*one)) {
    parked.push_back(one);
    polled.push_back({.fd = one->descriptor(), .events = POLLRDHUP, .revents = 0});
  }
  if (::poll(polled.data(), polled.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < parked.size(); ++i) {
    if (polled[i].revents == 0) continue;
    static_cast<ListHook<ParkedList>&>(*parked[i]).unlink();
    parked[i]->interrupt(ServerConnection::Stop::Cut);
  }
}

void GateQueue::stop() {
  stopped_ = true;
  timer_.cancel();
}

}  // namespace millrace::net
