// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_port.h"

#include <utility>

namespace millrace::bench::sim {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(250);

}  // namespace

SimPort::SimPort(EventQueue& events, Cores& cores, const gateway::GatewayConfig& config,
                 const SimCosts& costs, std::uint64_t seed)
    : events_(events),
      costs_(costs),
      limits_(config.limits.server),
      draws_(seed, 1),
      gate_(config.requests_in_flight_max),
      limit_(config.limits.server.connections_max) {
  const std::size_t lanes = config.threads > 0 ? config.threads : cores.count();
  by_phase_.resize(lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    threads_.push_back(&cores.add_thread("millrace-gateway", Standing::Service));
    shares_.push_back(limit_.join([this, lane](Phase phase) { push_out(lane, phase); }));
  }
  events_.after(kTick, [this] { tick(); });
}

SimPort::~SimPort() {
  for (auto& lists : by_phase_) {
    for (const List& list : lists) {
      for (const ConnectionPtr& connection : list) connection->closed = nullptr;
    }
  }
}

void SimPort::connect(std::function<void(ConnectionPtr)> opened, std::function<void()> closed) {
  if (backlog_.size() >= static_cast<std::size_t>(limits_.listen_backlog) * lanes()) {
    opened(nullptr);
    return;
  }
  backlog_.push_back({std::move(opened), std::move(closed)});
  accept_waiting();
}

void SimPort::accept_waiting() {
  while (!backlog_.empty() && gate_.has_room() && limit_.may_open()) {
    Knock knock = std::move(backlog_.front());
    backlog_.pop_front();
    accept(std::move(knock));
  }
}

void SimPort::accept(Knock knock) {
  auto connection = std::make_shared<Connection>();
  connection->lane = draws_.below(lanes());
  connection->since = events_.now();
  connection->closed = std::move(knock.closed);
  List& list = by_phase_[connection->lane][net::index_of(Phase::Idle)];
  connection->place = list.insert(list.end(), connection);
  publish(connection->lane, Phase::Idle);
  limit_.opened();
  if (limit_.over()) (void)limit_.push_out();
  threads_[connection->lane]->run(costs_.gateway_accept,
                                  [connection, opened = std::move(knock.opened)] {
                                    if (connection->open) opened(connection);
                                  });
}

void SimPort::enter(const ConnectionPtr& connection, Phase phase) {
  if (!connection->open) return;
  auto& lists = by_phase_[connection->lane];
  List& to = lists[net::index_of(phase)];
  const Phase before = connection->phase;
  to.splice(to.end(), lists[net::index_of(before)], connection->place);
  connection->phase = phase;
  connection->since = events_.now();
  publish(connection->lane, before);
  publish(connection->lane, phase);
}

void SimPort::close(const ConnectionPtr& connection) { shut(connection, false); }

void SimPort::shut(const ConnectionPtr& connection, bool by_server) {
  if (!connection->open) return;
  connection->open = false;
  by_phase_[connection->lane][net::index_of(connection->phase)].erase(connection->place);
  publish(connection->lane, connection->phase);
  limit_.closed();
  auto closed = std::exchange(connection->closed, nullptr);
  if (by_server && closed) events_.after(costs_.network, std::move(closed));
  accept_waiting();
}

void SimPort::push_out(std::size_t lane, Phase phase) {
  List& list = by_phase_[lane][net::index_of(phase)];
  if (!list.empty()) {
    ++pushed_out_;
    const ConnectionPtr oldest = list.front();
    shut(oldest, true);
  }
  limit_.settled();
}

void SimPort::publish(std::size_t lane, Phase phase) {
  const List& list = by_phase_[lane][net::index_of(phase)];
  shares_[lane]->publish(phase, list.empty() ? base::TimePoint::max() : list.front()->since);
}

// Members of a phase are in order of entry, and so in order of expiry.
void SimPort::tick() {
  const auto expire = [this](Phase phase, base::Duration timeout) {
    for (auto& lists : by_phase_) {
      List& list = lists[net::index_of(phase)];
      while (!list.empty() && events_.now() - list.front()->since >= timeout) {
        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): shut() takes it off the list
        const ConnectionPtr expired = list.front();
        shut(expired, true);
      }
    }
  };
  expire(Phase::Idle, limits_.idle_timeout);
  expire(Phase::Head, limits_.header_timeout);
  events_.after(kTick, [this] { tick(); });
}

void SimPort::enter_gate(std::function<void()> then) {
  if (gate_.try_acquire()) return then();
  parked_.push_back(std::move(then));
}

void SimPort::leave_gate() {
  gate_.release();
  if (!parked_.empty() && gate_.try_acquire()) {
    const std::function<void()> next = std::move(parked_.front());
    parked_.pop_front();
    next();
  }
  accept_waiting();
}

}  // namespace millrace::bench::sim
