// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/lab_run.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "bench/lab/attackers.h"
#include "bench/lab/events.h"
#include "bench/lab/generator.h"
#include "bench/lab/process_watch.h"
#include "bench/lab/system_under_test.h"

namespace millrace::bench {
namespace {

using base::Reason;
using std::chrono::steady_clock;

constexpr std::size_t kWarmUpPerWorker = 2;

struct Server {
  sockaddr_in address{};
  std::string authority;
};

// http://127.0.0.1:8080: IPv4 by number, or localhost.
base::Result<Server> server_of(std::string_view url) {
  const auto refuse = [&] {
    return base::fail(Reason::BadParameter,
                      fmt::format("the url \"{}\" must be http://<IPv4 address>:<port>", url));
  };
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return refuse();
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.find(':');
  Server server;
  server.authority = rest;
  std::string host(rest.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 80;
  if (colon != std::string_view::npos) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return refuse();
  }
  server.address.sin_family = AF_INET;
  server.address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &server.address.sin_addr) != 1) return refuse();
  return server;
}

// How many there may be then.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

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

// "1a2b3c4-dirty" of the repository that the folder is in; "unknown" outside of one.
std::string commit_of(const std::filesystem::path& folder) {
  std::string quoted = "'";
  for (const char c : folder.string()) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  quoted += "'";
  const std::string command = "git -C " + quoted + " describe --always --dirty 2>/dev/null";
  std::array<char, 128> line{};
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return "unknown";
  const char* const got = std::fgets(line.data(), static_cast<int>(line.size()), output);
  const bool known = ::pclose(output) == 0 && got != nullptr;
  std::string text = known ? got : "unknown";
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// The generator stands for other machines: it gets the core when a request is due. Only this
// thread: what was started before, and what it starts, keeps the usual priority.
bool put_first() {
  const sched_param parameters{.sched_priority = 1};
  return ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
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
  base::Result<Server> bring_up();
  base::Result<void> find_capacity(Generator& generator, RunResult& result);
  void measure(Generator& generator, RequestMaker& maker, const sockaddr_in& server,
               RunResult& result, ProcessWatch& watch);
  void note_doubts(RunResult& result) const;

  const Scenario& scenario_;
  const RunOptions& options_;
  SystemUnderTest system_;
  pid_t root_ = 0;
};

base::Result<Server> Lab::bring_up() {
  const std::string& external = options_.url.empty() ? scenario_.server.url : options_.url;
  root_ = options_.watch_root;
  if (!external.empty()) return server_of(external);
  say("starting millrace");
  if (auto started = system_.start(); !started) return base::fail(std::move(started.error()));
  root_ = system_.pid();
  return server_of(system_.url());
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
  result.date = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
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

std::string machine_line() {
  std::string model = "unknown";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(std::min(line.find(':') + 2, line.size()));
    break;
  }
  utsname system{};
  ::uname(&system);
  double load = 0;
  ::getloadavg(&load, 1);
  return fmt::format("{}, {} cores, Linux {}, load {:.1f} at the start", model,
                     std::thread::hardware_concurrency(), system.release, load);
}

base::Result<RunResult> run_measured(const Scenario& scenario, const RunOptions& options) {
  return Lab(scenario, options).run();
}

}  // namespace millrace::bench
