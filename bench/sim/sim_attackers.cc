// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_attackers.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "bench/lab/attack.h"
#include "bench/sim/sim_client.h"

namespace millrace::bench::sim {
namespace {

constexpr base::Duration kLookAgain = std::chrono::milliseconds(20);
constexpr base::Duration kServeIntervalMin = std::chrono::milliseconds(50);  // as the lab has it
constexpr base::Duration kGoneNoticed = std::chrono::milliseconds(250);      // at the latest

base::Duration seconds(double span_s) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(span_s));
}

}  // namespace

struct SimAttackers::Run {
  Attack attack;
  std::vector<StepWindow> windows;
  std::size_t mix = 0;
  std::set<SimPort::ConnectionPtr> held;
  std::size_t knocking = 0;  // in the backlog, or on their way
  bool was_active = false;
  std::size_t opened = 0;
  std::size_t most = 0;
  std::size_t closed_by_server = 0;
  std::size_t refused = 0;

  [[nodiscard]] bool holds() const {
    return attack.kind != "dead_client" && attack.kind != "syn_burst";
  }
};

SimAttackers::SimAttackers(EventQueue& events, Cores& cores, const Scenario& scenario,
                           const std::vector<StepWindow>& steps, base::TimePoint start,
                           const SimCosts& costs, SimPort& port, SimGateway& gateway,
                           NextHead next_head)
    : events_(events),
      start_(start),
      costs_(costs),
      port_(port),
      gateway_(gateway),
      next_head_(std::move(next_head)),
      thread_(scenario.attackers.empty() ? nullptr
                                         : &cores.add_thread("attackers", Standing::Service)),
      draws_(scenario.seed, 3) {
  for (const Attack& attack : scenario.attackers) {
    auto run = std::make_shared<Run>();
    run->attack = attack;
    run->windows = windows_of(attack, scenario, steps);
    for (std::size_t i = 0; i < scenario.mixes.size(); ++i) {
      if (scenario.mixes[i].name == attack.mix) run->mix = i;
    }
    runs_.push_back(run);
    events_.at(start_, [this, run] { pace(run); });
  }
}

SimAttackers::~SimAttackers() = default;

bool SimAttackers::active(const Run& run) const {
  const Nanoseconds at = events_.now() - start_;
  return std::ranges::any_of(run.windows, [at](const StepWindow& window) {
    return at >= window.begin && at < window.end;
  });
}

// Opens at its pace as long as some are missing; what the server closes is opened again.
void SimAttackers::pace(const RunPtr& run) {
  const bool is_active = active(*run);
  if (!is_active && run->was_active) drop_all(*run);
  run->was_active = is_active;
  const std::size_t so_far = run->holds() ? run->held.size() + run->knocking : run->opened;
  if (!is_active || so_far >= run->attack.count) {
    events_.after(kLookAgain, [this, run] { pace(run); });
    return;
  }
  ++run->knocking;
  thread_->run(costs_.attacker_action, [this, run] { open_one(run); });
  events_.after(seconds(1 / std::max(run->attack.rate_per_s, 0.001)), [this, run] { pace(run); });
}

void SimAttackers::open_one(const RunPtr& run) {
  const std::size_t number = run->opened++;
  const bool bare_syn = run->attack.kind == "syn_burst" && number % 2 == 1;
  if (bare_syn) {
    --run->knocking;
    return;
  }
  auto server = std::make_shared<SimPort::ConnectionPtr>();
  port_.connect(
      [this, run, server](SimPort::ConnectionPtr connection) {
        --run->knocking;
        *server = std::move(connection);
        if (*server) {
          opened(run, *server);
        } else {
          ++run->refused;
        }
      },
      [run, server] { run->closed_by_server += run->held.erase(*server); });
}

void SimAttackers::opened(const RunPtr& run, const SimPort::ConnectionPtr& connection) {
  const std::string& kind = run->attack.kind;
  if (kind == "syn_burst") return port_.close(connection);
  if (kind == "dead_client") return ask(run, connection);
  run->held.insert(connection);
  run->most = std::max(run->most, run->held.size());
  if (kind == "slow_writer") {
    port_.enter(connection, SimPort::Phase::Head);
    write_slowly(run, connection);
  } else if (kind == "slow_reader") {
    ask(run, connection);
  }
}

// A field that never ends, a few bytes at a time: each costs the gateway a look.
void SimAttackers::write_slowly(const RunPtr& run, const SimPort::ConnectionPtr& connection) {
  if (!connection->open) return;
  const base::Duration pause =
      std::max(kServeIntervalMin, seconds(1 / std::max(run->attack.bytes_per_s, 0.001)));
  thread_->run(costs_.attacker_action, [] {});
  port_.thread(connection->lane).run(costs_.gateway_peek, [] {});
  events_.after(pause, [this, run, connection] { write_slowly(run, connection); });
}

void SimAttackers::ask(const RunPtr& run, const SimPort::ConnectionPtr& connection) {
  const bool dies = run->attack.kind == "dead_client";
  port_.enter(connection, SimPort::Phase::Handling);
  port_.enter_gate([this, run, connection, dies] {
    const auto exchange =
        gateway_.handle(connection->lane, request_of(next_head_(run->mix), run->mix),
                        [this, run, connection, dies](const SimReply& reply) {
                          port_.enter(connection, SimPort::Phase::Idle);
                          if (dies) return port_.close(connection);
                          const double read_s = static_cast<double>(reply.body_bytes) /
                                                std::max(run->attack.bytes_per_s, 0.001);
                          events_.after(seconds(read_s), [this, run, connection] {
                            if (connection->open && run->held.contains(connection))
                              ask(run, connection);
                          });
                        });
    if (!dies) return;
    events_.after(seconds(draws_.uniform() * std::chrono::duration<double>(kGoneNoticed).count()),
                  [this, connection, exchange] {
                    gateway_.client_gone(exchange);
                    port_.close(connection);
                  });
  });
}

void SimAttackers::drop_all(Run& run) {
  for (const SimPort::ConnectionPtr& connection : std::exchange(run.held, {})) {
    port_.close(connection);
  }
}

std::vector<std::string> SimAttackers::summaries() const {
  std::vector<std::string> lines;
  for (const RunPtr& run : runs_) {
    const std::string head = fmt::format("{} ({}): ", run->attack.name, run->attack.kind);
    lines.push_back(
        run->holds()
            ? head + fmt::format("{} connections at a time, {} opened, {} closed by the server, {} "
                                 "refused",
                                 run->most, run->opened, run->closed_by_server, run->refused)
            : head + fmt::format("{} thrown away, {} refused", run->opened, run->refused));
  }
  return lines;
}

}  // namespace millrace::bench::sim
