// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_client.h"

#include <algorithm>
#include <utility>

namespace millrace::bench::sim {

SimRequest request_of(const std::string& head, std::size_t mix) {
  SimRequest request;
  request.mix = mix;
  std::size_t at = head.find("\r\n");
  const std::size_t begin = head.find(' ') + 1;
  request.target = head.substr(begin, head.find(' ', begin) - begin);
  while (at != std::string::npos && at + 2 < head.size()) {
    at += 2;
    const std::size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) {
      request.headers.add(line.substr(0, colon), line.substr(colon + 2));
    }
    at = end;
  }
  return request;
}

SimClient::SimClient(EventQueue& events, Cores& cores, const Scenario& scenario,
                     const SimCosts& costs, SimPort& port, SimGateway& gateway, Done done)
    : events_(events),
      scenario_(scenario),
      costs_(costs),
      port_(port),
      gateway_(gateway),
      done_(std::move(done)),
      thread_(cores.add_thread("generator", Standing::Generator)) {}

void SimClient::submit(Request request) {
  const std::uint64_t id = next_id_++;
  const base::TimePoint intended = request.intended;
  outstanding_.emplace(id, std::move(request));
  thread_.run(costs_.generator_send, [this, id, intended] {
    const base::Duration late = events_.now() - intended - costs_.generator_send;
    late_start.add(std::chrono::duration_cast<std::chrono::microseconds>(late).count());
    send(id);
  });
}

void SimClient::send(std::uint64_t id) {
  if (!outstanding_.contains(id)) return;
  if (!idle_.empty()) {
    const ConnectionPtr connection = idle_.back();
    idle_.pop_back();
    return send_on(connection, id);
  }
  if (connections_ < scenario_.connections_max) return open_for(id);
  ++waited_for_connection;
  waiting_.push_back(id);
}

void SimClient::open_for(std::uint64_t id) {
  ++connections_;
  ++connections_opened;
  connections_max_seen = std::max<std::uint64_t>(connections_max_seen, connections_);
  auto connection = std::make_shared<Connection>();
  connection->request = id;
  events_.after(costs_.network, [this, connection, id] {
    port_.connect(
        [this, connection, id](SimPort::ConnectionPtr server) {
          connection->server = std::move(server);
          if (connection->server) return send_on(connection, id);
          --connections_;
          finish(id, {.status = 0, .reason = "connect_failed"});
        },
        [this, connection] { lost(connection); });
  });
}

void SimClient::send_on(const ConnectionPtr& connection, std::uint64_t id) {
  connection->request = id;
  events_.after(costs_.network, [this, connection, id] {
    const auto found = outstanding_.find(id);
    if (!connection->server->open || found == outstanding_.end()) return;
    SimRequest request = request_of(found->second.head, found->second.mix);
    port_.enter(connection->server, SimPort::Phase::Handling);
    port_.enter_gate([this, connection, id, request = std::move(request)]() mutable {
      gateway_.handle(connection->server->lane, std::move(request),
                      [this, connection, id](const SimReply& reply) {
                        port_.enter(connection->server, SimPort::Phase::Idle);
                        events_.after(costs_.network, [this, connection, id, reply] {
                          answered(connection, id, reply);
                        });
                      });
    });
  });
}

void SimClient::answered(const ConnectionPtr& connection, std::uint64_t id, const SimReply& reply) {
  thread_.run(costs_.generator_receive, [this, connection, id, reply] {
    connection->request = 0;
    if (connection->server->open) idle_.push_back(connection);
    const auto found = outstanding_.find(id);
    if (found != outstanding_.end()) {
      const base::Duration latency = events_.now() - found->second.intended;
      finish(id,
             {.status = reply.status,
              .reason = reply.reason ? base::word_of(*reply.reason) : std::string_view{},
              .latency_us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count(),
              .late = latency > scenario_.mixes[found->second.mix].deadline,
              .asks_to_wait = reply.asks_to_wait,
              .body_bytes = reply.body_bytes});
    }
    next_waiting();
  });
}

// The server has ended it.
void SimClient::lost(const ConnectionPtr& connection) {
  --connections_;
  std::erase(idle_, connection);
  if (connection->request != 0) {
    finish(std::exchange(connection->request, 0), {.status = 0, .reason = "reset"});
  }
  next_waiting();
}

void SimClient::next_waiting() {
  while (!waiting_.empty() && (!idle_.empty() || connections_ < scenario_.connections_max)) {
    const std::uint64_t id = waiting_.front();
    waiting_.pop_front();
    send(id);
  }
}

void SimClient::finish(std::uint64_t id, Outcome outcome) {
  const auto found = outstanding_.find(id);
  if (found == outstanding_.end()) return;
  const Request request = std::move(found->second);
  outstanding_.erase(found);
  done_(request, outcome);
}

void SimClient::abandon_all() {
  std::vector<std::uint64_t> ids;
  ids.reserve(outstanding_.size());
  for (const auto& [id, request] : outstanding_) ids.push_back(id);
  std::ranges::sort(ids);
  for (const std::uint64_t id : ids) finish(id, {.status = 0, .reason = "unanswered"});
}

}  // namespace millrace::bench::sim
