// SPDX-License-Identifier: Apache-2.0
// The clock of ServerCore: what each phase may take, and who has taken longer.
#include <algorithm>
#include <utility>

#include "net/server_connection.h"
#include "net/server_core.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kTick = 100ms;
// Thousands may expire together (an attack began at one moment); they go in batches, between which
// others are served.
constexpr int kExpireBatch = 64;
constexpr std::chrono::milliseconds kBusyTick = 2ms;
constexpr auto kLingerTimeout = 2s;
// Who stands still with an answer holds a permit. While none is left, that is borne for so long.
constexpr std::chrono::milliseconds kPressedWriteTimeout = 5s;

}  // namespace

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
      return gate_->open() ? limits.write_timeout
                           : std::min(limits.write_timeout, kPressedWriteTimeout);
    case Phase::Lingering:
      return kLingerTimeout;
    case Phase::Handling:
      break;  // the handler has its own deadline
  }
  return std::chrono::milliseconds::max();
}

void ServerCore::arm_tick(bool soon) {
  if (stopped_ || std::exchange(ticking_, true)) return;
  tick_timer_.expires_after(soon ? kBusyTick : kTick);
  tick_timer_.async_wait([weak = weak_from_this()](boost::system::error_code problem) {
    const auto core = weak.lock();
    if (!core || problem) return;
    core->ticking_ = false;
    const bool more = core->tick();
    if (core->counts.connections > 0) core->arm_tick(more);
  });
}

// True when more has expired than one batch.
bool ServerCore::tick() {
  const base::TimePoint now = base::Clock::now();
  bool more = false;
  for (const Phase phase :
       {Phase::Idle, Phase::Head, Phase::Body, Phase::Writing, Phase::Lingering}) {
    if (expire(phase, now)) more = true;
  }
  ServerConnection* next = nullptr;
  for (ServerConnection* one = list(Phase::Handling).front();
       !more && one != nullptr && now - one->since >= kTick; one = next) {
    next = list(Phase::Handling).after(*one);
    one->notice_client_gone();
  }
  if (!more) gate_->drop_gone();
  show_idle();
  if (draining_ && drained_ && drain_deadline_.expired(now)) {
    cut_all();
    report_drained();
  }
  return more;
}

void ServerCore::show_idle() {
  if (idle_ == idle_shown_) return;
  metrics_.idle.add(static_cast<double>(idle_) - static_cast<double>(idle_shown_));
  idle_shown_ = idle_;
}

bool ServerCore::expire(Phase phase, base::TimePoint now) {
  const auto timeout = timeout_of(phase);
  int expired = 0;
  for (ServerConnection* first = list(phase).front();
       first != nullptr && now - first->since >= timeout; first = list(phase).front()) {
    if (++expired > kExpireBatch) break;
    if (phase == Phase::Writing && first->takes_enough(now)) {
      enter(*first, phase);
      continue;
    }
    list(phase).pop_front();
    metrics_.timed_out[index_of(phase)].add();
    first->interrupt(ServerConnection::Stop::TimedOut);
  }
  if (expired > 0) publish(phase);
  return expired > kExpireBatch;
}

}  // namespace millrace::net
