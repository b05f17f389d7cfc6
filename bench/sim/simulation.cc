// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/simulation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/lab/target.h"
#include "bench/sim/cores.h"
#include "bench/sim/draws.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_agent.h"
#include "bench/sim/sim_attackers.h"
#include "bench/sim/sim_client.h"
#include "bench/sim/sim_gateway.h"
#include "bench/sim/sim_port.h"
#include "bench/sim/sim_server.h"

namespace millrace::bench::sim {
namespace {

using base::Reason;

constexpr std::size_t kWarmUpPerWorker = 2;
constexpr int kScaleRounds = 8;
constexpr double kScaleGoodEnough = 0.01;
constexpr base::Duration kSettle = std::chrono::milliseconds(50);  // before the first step

// One machine with one server of the scenario on it, and its clients.
class World {
 public:
  World(const Scenario& scenario, const SimServer& server, const SimOptions& options,
        RequestMaker maker, double service_factor)
      : scenario_(scenario),
        server_(server),
        costs_(options.costs),
        maker_(std::move(maker)),
        work_draws_(scenario.seed, 2),
        mix_draws_(scenario.seed, 4),
        cores_(events_, options.cores),
        port_(events_, cores_, server.gateway, costs_, scenario.seed),
        agent_(events_, cores_, scenario, server_, costs_,
               [this, service_factor](std::size_t mix) {
                 const Mix& of = scenario_.mixes[mix];
                 const double ms =
                     work_draws_.lognormal(of.service_ms * service_factor, of.service_spread);
                 return base::Duration(std::llround(ms * 1e6));
               }),
        gateway_(events_, scenario, server_, costs_, port_, agent_),
        client_(events_, cores_, scenario, costs_, port_, gateway_,
                [this](const SimClient::Request& request, const Outcome& outcome) {
                  if (ended_) ended_(request, outcome);
                }) {}

  void warm_up();
  // Answers of 200 a second of the calibration's closed loop.
  double find_capacity();
  void run_steps(double capacity_per_s, RunResult& result);

 private:
  double run_closed(std::size_t in_flight, base::Duration duration);
  std::size_t draw_mix(const std::vector<std::string>& names);
  void plan_events(base::TimePoint start, RunResult& result);
  void plan_signal(const Event& event, base::TimePoint at, RunResult& result);
  void next_arrival(Schedule& schedule, base::TimePoint start);
  void watch(base::TimePoint start, RunResult& result, Recorder& recorder);

  const Scenario& scenario_;
  const SimServer& server_;
  SimCosts costs_;
  RequestMaker maker_;
  Draws work_draws_;
  Draws mix_draws_;
  EventQueue events_;
  Cores cores_;
  SimPort port_;
  SimAgent agent_;
  SimGateway gateway_;
  SimClient client_;
  SimClient::Done ended_;
};

std::size_t World::draw_mix(const std::vector<std::string>& names) {
  const auto weight_of = [&](const Mix& mix) {
    if (names.empty()) return mix.weight;
    return std::ranges::count(names, mix.name) > 0 ? std::max(mix.weight, 1e-9) : 0.0;
  };
  double sum = 0;
  for (const Mix& mix : scenario_.mixes) sum += weight_of(mix);
  double left = mix_draws_.uniform() * sum;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < scenario_.mixes.size(); ++i) {
    const double weight = weight_of(scenario_.mixes[i]);
    if (weight <= 0) continue;
    chosen = i;
    if (left <= weight) break;
    left -= weight;
  }
  return chosen;
}

double World::run_closed(std::size_t in_flight, base::Duration duration) {
  const base::TimePoint end = events_.now() + duration;
  std::uint64_t good = 0;
  const auto send = [this] {
    const std::size_t mix = draw_mix(scenario_.calibration.mixes);
    client_.submit({.step = 0, .mix = mix, .intended = events_.now(), .head = maker_.next(mix)});
  };
  ended_ = [&](const SimClient::Request&, const Outcome& outcome) {
    if (outcome.status == 200 && !outcome.late && events_.now() <= end) ++good;
    if (events_.now() < end) send();
  };
  for (std::size_t i = 0; i < in_flight; ++i) send();
  events_.run_until(end);
  ended_ = {};
  // As in the lab: what is on its way counts for nothing, and is left behind.
  client_.abandon_all();
  return static_cast<double>(good) / std::chrono::duration<double>(duration).count();
}

void World::warm_up() {
  if (scenario_.warm_up.count() == 0) return;
  (void)run_closed(kWarmUpPerWorker * server_.workers, scenario_.warm_up);
}

double World::find_capacity() {
  const Calibration& calibration = scenario_.calibration;
  return run_closed(calibration.in_flight_per_worker * server_.workers, calibration.duration);
}

void World::plan_signal(const Event& event, base::TimePoint at, RunResult& result) {
  if (event.process != "millrace-image-worker") {
    result.notes.push_back(event.name + ": signals to " + event.process + " are not simulated");
    return;
  }
  // The first process of this name in the lab may be the one that probes; here it is one that
  // works.
  const std::size_t last = event.all ? agent_.workers().count() : 1;
  result.notes.push_back(fmt::format("{}: {} to {} of {} workers", event.name, event.signal, last,
                                     agent_.workers().count()));
  events_.at(at, [this, last, signal = event.signal] {
    for (std::size_t worker = 0; worker < last; ++worker) {
      if (signal == "STOP") agent_.workers().freeze(worker);
      if (signal == "KILL" || signal == "TERM") agent_.kill_worker(worker);
    }
    if (signal == "CONT") agent_.workers().thaw_all();
  });
  if (event.signal == "STOP" && event.duration.count() > 0) {
    events_.at(at + event.duration, [this] { agent_.workers().thaw_all(); });
  }
}

void World::plan_events(base::TimePoint start, RunResult& result) {
  for (const Event& event : scenario_.events) {
    const base::TimePoint at = start + event.at;
    if (event.action != "origin") {
      plan_signal(event, at, result);
      continue;
    }
    const std::string before = agent_.sources().state_of(event.bucket);
    events_.at(at, [this, event] { agent_.sources().become(event.bucket, event.state); });
    result.notes.push_back(
        fmt::format("{}: the origin of {} is {}", event.name, event.bucket, event.state));
    if (event.duration.count() == 0) continue;
    events_.at(at + event.duration,
               [this, event, before] { agent_.sources().become(event.bucket, before); });
  }
}

void World::next_arrival(Schedule& schedule, base::TimePoint start) {
  const auto arrival = schedule.next();
  if (!arrival) return;
  events_.at(start + arrival->at, [this, &schedule, start, arrival = *arrival] {
    client_.submit({.step = arrival.step,
                    .mix = arrival.mix,
                    .intended = start + arrival.at,
                    .head = maker_.next(arrival.mix)});
    next_arrival(schedule, start);
  });
}

// Processor time by step and by piece of the series.
void World::watch(base::TimePoint start, RunResult& result, Recorder& recorder) {
  using Used = std::map<std::string, double>;
  const auto since = [](const Used& now, const Used& before, const std::string& name) {
    const auto found = before.find(name);
    return now.at(name) - (found == before.end() ? 0 : found->second);
  };
  for (std::size_t i = 0; i < result.steps.size(); ++i) {
    auto before = std::make_shared<Used>();
    const StepWindow& window = result.steps[i].window;
    events_.at(start + window.begin, [this, before] { *before = cores_.used_ms(); });
    events_.at(start + window.end, [this, before, since, &step = result.steps[i]] {
      const Used now = cores_.used_ms();
      for (const auto& [name, ms] : now) {
        const double used = since(now, *before, name);
        if (name == "generator") {
          step.generator.cpu_share = used / 1e3 / step.seconds();
          const double requests = step.offered_per_s() * step.seconds();
          step.generator.cpu_us_per_request = requests > 0 ? used * 1e3 / requests : 0;
        } else {
          step.processes[name].cpu_user_ms = used;
        }
      }
    });
  }
  auto before = std::make_shared<Used>();
  events_.at(start, [this, before] { *before = cores_.used_ms(); });
  const Nanoseconds bin(std::llround(result.bin_s * 1e9));
  for (std::size_t i = 0; i < result.series.size(); ++i) {
    events_.at(start + bin * (static_cast<int>(i) + 1), [this, before, since, i, &recorder, bin] {
      const Used now = cores_.used_ms();
      SeriesBin* at = recorder.bin_at(bin * static_cast<int>(i));
      for (const auto& [name, ms] : now) {
        if (at != nullptr && name != "generator") at->cpu_ms[name] = since(now, *before, name);
      }
      *before = now;
    });
  }
}

void World::run_steps(double capacity_per_s, RunResult& result) {
  Schedule schedule(scenario_, capacity_per_s);
  Recorder recorder(result, schedule.windows());
  const base::TimePoint start = events_.now() + kSettle;
  std::size_t submitted_step = 0;
  ended_ = [&](const SimClient::Request& request, const Outcome& outcome) {
    submitted_step = std::max(submitted_step, request.step);
    recorder.add(request.step, request.mix, request.intended - start, outcome);
  };
  client_.late_start = {};
  watch(start, result, recorder);
  plan_events(start, result);
  const SimAttackers attackers(events_, cores_, scenario_, schedule.windows(), start, costs_, port_,
                               gateway_, [this](std::size_t mix) { return maker_.next(mix); });
  next_arrival(schedule, start);
  events_.run_until(start + schedule.end());
  const base::TimePoint patience = events_.now() + scenario_.drain;
  while (client_.outstanding() > 0 && events_.now() < patience) {
    events_.run_until(std::min(patience, events_.now() + std::chrono::milliseconds(10)));
  }
  client_.abandon_all();
  ended_ = {};
  for (StepResult& step : result.steps) {
    step.generator.late_start = client_.late_start;
    step.generator.connections_max_seen = client_.connections_max_seen;
    for (auto& [name, use] : step.processes) {
      use.processes = name == "millrace-image-worker" ? server_.workers + 1 : 1;
    }
  }
  if (client_.waited_for_connection > 0) {
    result.notes.push_back(fmt::format("{} requests waited for one of {} connections",
                                       client_.waited_for_connection, scenario_.connections_max));
  }
  for (std::string& line : attackers.summaries()) result.notes.push_back(std::move(line));
}

// The factor on all service times with which the simulated machine has the capacity that was
// measured. The calibration in virtual time is monotonous in it; each round divides by what is
// left.
double factor_for(const Scenario& scenario, const SimServer& server, const SimOptions& options,
                  const RequestMaker& maker) {
  double factor = 1;
  for (int round = 0; round < kScaleRounds; ++round) {
    World world(scenario, server, options, maker, factor);
    world.warm_up();
    const double found = world.find_capacity();
    if (found <= 0) return factor;
    const double off = found / options.capacity_per_s;
    if (std::abs(off - 1) < kScaleGoodEnough) break;
    factor *= off;
  }
  return factor;
}

}  // namespace

base::Result<void> take_from_result(std::string_view result_json, SimOptions& options) {
  if (auto learned = options.costs.learn(result_json); !learned) return learned;
  const auto json = nlohmann::json::parse(result_json, nullptr, false);
  options.capacity_per_s = json.value("capacity_per_s", 0.0);
  if (options.capacity_per_s <= 0) {
    return base::fail(Reason::BadParameter, "the result has no capacity_per_s");
  }
  // "AMD EPYC, 2 cores, Linux …"
  const std::string machine = json.value("machine", "");
  const std::size_t end = machine.find(" cores");
  const std::size_t begin = end == std::string::npos ? end : machine.rfind(' ', end - 1);
  if (begin == std::string::npos) return {};
  std::size_t cores = 0;
  std::from_chars(machine.data() + begin + 1, machine.data() + end, cores);
  if (cores > 0) options.cores = cores;
  return {};
}

base::Result<RunResult> simulate(const Scenario& scenario, const SimOptions& options) {
  auto server = server_of(scenario, options.cores);
  if (!server) return base::fail(std::move(server.error()));
  auto maker = RequestMaker::make(scenario, nullptr, "simulated");
  if (!maker) return base::fail(std::move(maker.error()));

  RunResult result;
  result.scenario = scenario;
  result.kind = "simulated";
  result.target = "millrace";
  result.machine = fmt::format("virtual time, {} cores", options.cores);
  double factor = 1;
  if (options.capacity_per_s > 0) {
    factor = factor_for(scenario, *server, options, *maker);
    result.notes.push_back(fmt::format(
        "service times are {:.3f} times the scenario's, which gives the measured capacity of "
        "{:.1f}/s",
        factor, options.capacity_per_s));
  }
  World world(scenario, *server, options, *maker, factor);
  world.warm_up();
  if (scenario.needs_capacity()) {
    const double given = scenario.calibration.capacity_per_s;
    const double found = given > 0 ? given : world.find_capacity();
    result.capacity_per_s = options.capacity_per_s > 0 ? options.capacity_per_s : found;
    if (result.capacity_per_s <= 0) {
      return base::fail(Reason::Internal, "no request of the calibration was answered 200");
    }
  }
  world.run_steps(result.capacity_per_s, result);
  return result;
}

}  // namespace millrace::bench::sim
