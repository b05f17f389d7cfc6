// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/closed_loop.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "bench/lab/client_pool.h"
#include "bench/lab/process_watch.h"
#include "bench/lab/tally.h"
#include "bench/speed/medians.h"

namespace millrace::bench::speed {
namespace {

using std::chrono::steady_clock;

constexpr double kMbPerMib = 1.048576;
constexpr std::chrono::seconds kPatience{60};  // of one request
constexpr std::chrono::milliseconds kMore{50};

std::vector<std::string> programs_under(pid_t root) {
  std::vector<std::string> names;
  for (const auto& [name, pids] : processes_by_name(root)) names.push_back(name);
  return names;
}

void add_processes(ProcessWatch& watch, SteadyTime begin, SteadyTime end, Round& round) {
  // A window may be shorter than the second from one look at memory to the next.
  double now_mib = 0;
  for (const auto& [name, use] : watch.now()) now_mib += use.pss_mib_max;
  RunResult result;
  StepResult& step = result.steps.emplace_back();
  step.window = {.begin = Nanoseconds(0), .end = end - begin};
  watch.finish(begin, result);
  double cpu_ms = 0;
  double most_mib = 0;
  const double answers = std::max(1.0, static_cast<double>(round.answered));
  for (const auto& [name, use] : step.processes) {
    cpu_ms += use.cpu_ms();
    most_mib += use.pss_mib_max;
    round.programs[name] = {use.cpu_ms() / answers, use.pss_mib_max * kMbPerMib, use.processes};
  }
  if (round.answered > 0) round.cpu_ms = cpu_ms / answers;
  round.memory_mb = std::max(most_mib, now_mib) * kMbPerMib;
}

}  // namespace

Round run_closed_loop(const ClosedLoop& loop) {
  Tally tally;
  std::size_t ended = 0;
  bool counts = false;
  std::map<std::size_t, std::vector<double>> bytes;  // by photograph
  ClientPool pool(loop.server, loop.connections,
                  [&](const ClientRequest& request, const Outcome& outcome) {
                    ++ended;
                    if (!counts) return;
                    tally.add(outcome);
                    if (outcome.status != 200) return;
                    bytes[request.mix].push_back(static_cast<double>(outcome.body_bytes));
                  });
  const auto send = [&] {
    ClosedLoop::Request request = loop.next_request();
    pool.submit({.intended = steady_clock::now(),
                 .mix = request.photo,
                 .deadline = kPatience,
                 .text = std::move(request.text)});
  };
  const auto keep_on = [&](SteadyTime until) {
    while (steady_clock::now() < until) {
      // A server that refuses at once is not asked without end in one turn.
      const std::size_t again = std::exchange(ended, 0);
      for (std::size_t i = 0; i < again; ++i) send();
      pool.poll(until);
    }
  };
  std::unique_ptr<ProcessWatch> watch;
  if (loop.watch_root != 0) {
    watch = std::make_unique<ProcessWatch>(loop.watch_root, programs_under(loop.watch_root));
  }
  for (std::size_t i = 0; i < loop.connections; ++i) send();
  keep_on(steady_clock::now() + loop.warm_up);
  counts = true;
  const SteadyTime begin = steady_clock::now();
  keep_on(begin + loop.window);
  // A window without an answer would say nothing: it lasts until there is one.
  while (tally.offered == 0 && steady_clock::now() < begin + kPatience) {
    keep_on(steady_clock::now() + kMore);
  }
  const SteadyTime end = steady_clock::now();
  counts = false;
  const double seconds = std::chrono::duration<double>(end - begin).count();
  Round round;
  round.answered = tally.good;
  round.per_s = static_cast<double>(tally.good) / seconds;
  round.p50_ms = tally.good_latency.quantile_us(0.5) / 1e3;
  round.p99_ms = tally.good_latency.quantile_us(0.99) / 1e3;
  std::vector<double> means;
  means.reserve(bytes.size());
  for (const auto& [photo, values] : bytes) means.push_back(mean(values));
  round.bytes = mean(means);
  for (const auto& [status, count] : tally.by_status) {
    if (status != "200") round.wrong[status] = count;
  }
  if (watch) add_processes(*watch, begin, end, round);
  // What is under way is awaited, so that the next system's round begins on an idle machine.
  const SteadyTime patience = steady_clock::now() + kPatience;
  while (pool.outstanding() > 0 && steady_clock::now() < patience) pool.poll(patience);
  pool.abandon_all();
  return round;
}

}  // namespace millrace::bench::speed
