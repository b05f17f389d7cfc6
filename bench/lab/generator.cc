// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/generator.h"

#include <algorithm>
#include <optional>
#include <random>
#include <time.h>
#include <utility>

namespace millrace::bench {
namespace {

using std::chrono::steady_clock;

// An arrival that is due is taken up before anything that came back is read, but not more than so
// many in a row: answers are read in between, or their time would be measured wrong.
constexpr int kBurstMax = 32;

Nanoseconds thread_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

std::vector<double> weights_of(const Scenario& scenario, const std::vector<std::string>& names) {
  std::vector<double> weights;
  for (const Mix& mix : scenario.mixes) {
    const bool meant =
        names.empty() || std::find(names.begin(), names.end(), mix.name) != names.end();
    weights.push_back(!meant ? 0 : names.empty() ? mix.weight : std::max(mix.weight, 1e-9));
  }
  return weights;
}

// The generator's own use of its core, step by step.
class StepMeter {
 public:
  StepMeter(RunResult& result, const ClientPool& pool) : result_(result), pool_(pool) { begin(0); }

  void enter(std::size_t step) {
    while (step_ < step) {
      close();
      begin(step_ + 1);
    }
  }
  void close() {
    GeneratorUse& use = result_.steps[step_].generator;
    const auto cpu = std::chrono::duration<double>(thread_cpu() - cpu_).count();
    const auto wall = std::chrono::duration<double>(steady_clock::now() - begun_).count();
    use.cpu_share = wall > 0 ? cpu / wall : 0;
    use.cpu_us_per_request = taken_ > 0 ? cpu * 1e6 / static_cast<double>(taken_) : 0;
    use.waited_for_connection = pool_.waited_for_connection - waited_;
    use.connections_opened = pool_.connections_opened - opened_;
    use.connections_max_seen = pool_.connections_max_seen;
  }
  void took(Nanoseconds late) {
    ++taken_;
    result_.steps[step_].generator.late_start.add(
        std::chrono::duration_cast<std::chrono::microseconds>(late).count());
  }

 private:
  void begin(std::size_t step) {
    step_ = step;
    cpu_ = thread_cpu();
    begun_ = steady_clock::now();
    waited_ = pool_.waited_for_connection;
    opened_ = pool_.connections_opened;
    taken_ = 0;
  }

  RunResult& result_;
  const ClientPool& pool_;
  std::size_t step_ = 0;
  Nanoseconds cpu_{0};
  SteadyTime begun_;
  std::uint64_t waited_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace

Generator::Generator(const Scenario& scenario, RequestMaker& maker, const sockaddr_in& server)
    : scenario_(scenario), maker_(maker), server_(server) {}

Generator::ClosedLoop Generator::run_closed(std::size_t in_flight, Milliseconds duration,
                                            const std::vector<std::string>& mixes) {
  const std::vector<double> weights = weights_of(scenario_, mixes);
  std::discrete_distribution<std::size_t> which(weights.begin(), weights.end());
  std::mt19937_64 random(scenario_.seed);
  ClosedLoop found;
  std::size_t ended = 0;
  ClientPool pool(server_, in_flight, [&](const ClientRequest&, const Outcome& outcome) {
    found.tally.add(outcome);
    ++ended;
  });
  const auto send = [&] {
    const std::size_t mix = which(random);
    pool.submit({.intended = steady_clock::now(),
                 .step = 0,
                 .mix = mix,
                 .deadline = scenario_.mixes[mix].deadline,
                 .is_head = scenario_.mixes[mix].method == "HEAD",
                 .text = maker_.next(mix)});
  };
  const SteadyTime begin = steady_clock::now();
  const SteadyTime end = begin + duration;
  for (std::size_t i = 0; i < in_flight; ++i) send();
  while (steady_clock::now() < end) {
    // A server that refuses at once is not asked without end in one turn: new requests go out here.
    const std::size_t again = std::exchange(ended, 0);
    for (std::size_t i = 0; i < again; ++i) send();
    pool.poll(end);
  }
  const double took_s = std::chrono::duration<double>(steady_clock::now() - begin).count();
  // Answers that are on their way count neither in the numerator nor in the time.
  found.good_per_s = static_cast<double>(found.tally.good) / took_s;
  pool.abandon_all();
  return found;
}

void Generator::run_open(Schedule& schedule, SteadyTime start, RunResult& result) {
  Recorder recorder(result, schedule.windows());
  ClientPool pool(server_, scenario_.connections_max,
                  [&](const ClientRequest& request, const Outcome& outcome) {
                    recorder.add(request.step, request.mix, request.intended - start, outcome);
                  });
  StepMeter meter(result, pool);
  std::optional<Arrival> arrival = schedule.next();
  while (arrival) {
    for (int burst = 0; arrival && burst < kBurstMax; ++burst) {
      const SteadyTime intended = start + arrival->at;
      const SteadyTime now = steady_clock::now();
      if (intended > now) break;
      meter.enter(arrival->step);
      meter.took(now - intended);
      const Mix& mix = scenario_.mixes[arrival->mix];
      pool.submit({.intended = intended,
                   .step = arrival->step,
                   .mix = arrival->mix,
                   .deadline = mix.deadline,
                   .is_head = mix.method == "HEAD",
                   .text = maker_.next(arrival->mix)});
      arrival = schedule.next();
    }
    pool.poll(arrival ? start + arrival->at : start + schedule.end());
  }
  const SteadyTime end = start + schedule.end();
  while (steady_clock::now() < end) pool.poll(end);
  meter.enter(result.steps.size() - 1);
  meter.close();
  const SteadyTime patience = end + scenario_.drain;
  while (pool.outstanding() > 0 && steady_clock::now() < patience) pool.poll(patience);
  pool.abandon_all();
}

}  // namespace millrace::bench
