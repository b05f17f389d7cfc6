// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/lab_run.h"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/lab/attackers.h"
#include "bench/lab/events.h"
#include "bench/lab/generator.h"
#include "bench/lab/machine.h"
#include "bench/lab/process_watch.h"
#include "bench/lab/server_address.h"
#include "bench/lab/system_under_test.h"

namespace millrace::bench {
namespace {

using base::Reason;
using std::chrono::steady_clock;

constexpr std::size_t kWarmUpPerWorker = 2;

// At the worst: all that its attackers hold at one time, and the generator's.
std::size_t descriptors_wanted(const Scenario& scenario) {
  constexpr std::size_t kOthers = 64;
  std::size_t wanted = kOthers + scenario.connections_max;
  for (const Attack& attack : scenario.attackers) {
    const bool holds = attack.kind != "dead_client" && attack.kind != "syn_burst";
    if (holds) wanted += attack.count;
  }
  return wanted;
}

std::size_t workers_of(const Scenario& scenario) {
  if (scenario.server.workers > 0) return scenario.server.workers;
  return std::max(1U, std::thread::hardware_concurrency());
}

class Lab {
 public:
  Lab(const Scenario& scenario, const RunOptions& options)
      : scenario_(scenario), options_(options), system_(scenario, system_options(options)) {}

  base::Result<RunResult> run();

 private:
  static SystemOptions system_options(const RunOptions& options) {
    return {.binaries = options.binaries,
            .scenario_folder = options.scenario_folder,
            .log_file = options.server_log};
  }
  void say(const std::string& text) const {
    if (!options_.quiet) std::fputs((text + "\n").c_str(), stderr);
  }
  base::Result<ServerAddress> bring_up();
  base::Result<void> find_capacity(Generator& generator, RunResult& result);
  void measure(Generator& generator, RequestMaker& maker, const sockaddr_in& server,
               RunResult& result, ProcessWatch& watch);
  void note_doubts(RunResult& result) const;

  const Scenario& scenario_;
  const RunOptions& options_;
  SystemUnderTest system_;
  pid_t root_ = 0;
};

base::Result<ServerAddress> Lab::bring_up() {
  const std::string& external = options_.url.empty() ? scenario_.server.url : options_.url;
  root_ = options_.watch_root;
  if (!external.empty()) return server_address_of(external);
  say("starting millrace");
  if (auto started = system_.start(); !started) return base::fail(std::move(started.error()));
  root_ = system_.pid();
  return server_address_of(system_.url());
}

base::Result<void> Lab::find_capacity(Generator& generator, RunResult& result) {
  const Calibration& calibration = scenario_.calibration;
  const std::size_t workers = workers_of(scenario_);
  if (scenario_.warm_up.count() > 0) {
    say("warming up");
    generator.run_closed(kWarmUpPerWorker * workers, scenario_.warm_up, calibration.mixes);
  }
  if (!scenario_.needs_capacity()) return {};
  if (calibration.capacity_per_s > 0) {
    result.capacity_per_s = calibration.capacity_per_s;
    return {};
  }
  const auto found = generator.run_closed(calibration.in_flight_per_worker * workers,
                                          calibration.duration, calibration.mixes);
  result.capacity_per_s = found.good_per_s;
  say(fmt::format("capacity: {:.1f} answers a second", found.good_per_s));
  if (found.tally.good > 0) return {};
  std::string counts;
  for (const auto& [status, count] : found.tally.by_status) {
    counts += fmt::format(" {} x {}", count, status);
  }
  return base::fail(Reason::Internal, "no request of the calibration was answered 200:" + counts);
}

void Lab::measure(Generator& generator, RequestMaker& maker, const sockaddr_in& server,
                  RunResult& result, ProcessWatch& watch) {
  Schedule schedule(scenario_, result.capacity_per_s);
  const SteadyTime start = steady_clock::now() + std::chrono::milliseconds(50);
  say(fmt::format("{} steps, {:.0f} s", scenario_.steps.size(),
                  std::chrono::duration<double>(schedule.end()).count()));
  EventPlayer events(scenario_, start, root_,
                     [this](const std::string& bucket) { return system_.origin(bucket); });
  Attackers attackers(scenario_, schedule.windows(), start, server, maker);
  generator.run_open(schedule, start, result);
  for (std::string& line : attackers.finish()) result.notes.push_back(std::move(line));
  for (std::string& line : events.finish()) result.notes.push_back(std::move(line));
  watch.finish(start, result);
}

void Lab::note_doubts(RunResult& result) const {
  for (const StepResult& step : result.steps) {
    if (step.generator.saturated()) {
      result.notes.push_back(
          fmt::format("step {}: the generator itself was late ({:.1f} ms at p99); its latencies "
                      "are upper bounds",
                      step.name, step.generator.late_start.quantile_us(0.99) / 1e3));
    }
    if (step.generator.waited_for_connection > 0) {
      result.notes.push_back(fmt::format("step {}: {} requests waited for one of {} connections",
                                         step.name, step.generator.waited_for_connection,
                                         scenario_.connections_max));
    }
  }
}

base::Result<RunResult> Lab::run() {
  RunResult result;
  const std::size_t descriptors = raise_descriptor_limit();
  if (const std::size_t wanted = descriptors_wanted(scenario_); wanted > descriptors) {
    result.notes.push_back(
        fmt::format("the scenario may want {} descriptors of the bench, which may have {}: not all "
                    "of its load may be made",
                    wanted, descriptors));
    say(result.notes.back());
  }
  result.scenario = scenario_;
  result.machine = machine_line();
  result.date = date_today();
  result.version = MILLRACE_VERSION;
  result.commit = commit_of(options_.scenario_folder);
  result.target = options_.target ? options_.target->name : "millrace";
  auto server = bring_up();
  if (!server) return base::fail(std::move(server.error()));
  auto maker = RequestMaker::make(scenario_, options_.target ? &*options_.target : nullptr,
                                  server->authority);
  if (!maker) return base::fail(std::move(maker.error()));
  ProcessWatch watch(root_, scenario_.watch);
  result.idle = watch.now();
  if (!put_first()) result.notes.push_back("the generator ran without raised priority");
  Generator generator(scenario_, *maker, server->address);
  auto capacity = find_capacity(generator, result);
  if (!capacity) return base::fail(std::move(capacity.error()));
  measure(generator, *maker, server->address, result, watch);
  const bool again = scenario_.calibration.measure_after && scenario_.needs_capacity() &&
                     scenario_.calibration.capacity_per_s <= 0;
  if (again) {
    result.capacity_after_per_s =
        generator
            .run_closed(scenario_.calibration.in_flight_per_worker * workers_of(scenario_),
                        scenario_.calibration.duration, scenario_.calibration.mixes)
            .good_per_s;
  }
  note_doubts(result);
  return result;
}

}  // namespace

base::Result<RunResult> run_measured(const Scenario& scenario, const RunOptions& options) {
  return Lab(scenario, options).run();
}

}  // namespace millrace::bench
