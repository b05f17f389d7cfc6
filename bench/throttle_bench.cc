// SPDX-License-Identifier: Apache-2.0

// What one decision of the Throttle costs, with the permit given back at once: nanoseconds of
// processor time and of the clock, for threads that decide at the same time about the same user,
// about many, about one who is refused, under a command's limit, and about ever new ones. Prints
// JSON. The clock shows waiting for locks, on a machine that has nothing else to do.
//
//   throttle_bench [--rounds N] [--decisions N]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/deadline.h"
#include "ratelimit/throttle.h"

namespace {

using namespace millrace;
using base::Clock;

struct Load {
  std::string_view name;
  std::size_t users = 1;  // 0: each decision is about a new one
  ratelimit::UserLimits limits;
  bool command = false;
};

constexpr ratelimit::UserLimits kAdmits{.rate = {.rate_per_s = 1e9, .burst = 1'000'000},
                                        .concurrency_max = 1'000};
constexpr ratelimit::UserLimits kRefuses{.rate = {.rate_per_s = 0.001, .burst = 1},
                                         .concurrency_max = 1'000};
const std::vector<Load> kLoads = {
    {.name = "one user", .users = 1, .limits = kAdmits},
    {.name = "10,000 users", .users = 10'000, .limits = kAdmits},
    {.name = "10,000 users, a command's limit",
     .users = 10'000,
     .limits = kAdmits,
     .command = true},
    {.name = "one user, refused", .users = 1, .limits = kRefuses},
    {.name = "ever new users", .users = 0, .limits = kRefuses},
};

std::vector<std::string> keys_of(std::size_t count) {
  std::vector<std::string> keys;
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    keys.push_back(fmt::format("ip:198.51.{}.{}", i / 256, i));
  return keys;
}

void decide_many(ratelimit::Throttle& throttle, const Load& load,
                 const std::vector<std::string>& keys, std::size_t thread, std::size_t decisions) {
  const ratelimit::CommandLimit command{.name = "imageView2", .concurrency_max = 1'000};
  std::string fresh;
  for (std::size_t i = 0; i < decisions; ++i) {
    if (keys.empty()) fresh = fmt::format("ip:{}.{}", thread, i);
    ratelimit::ThrottleRequest request;
    // A step that shares no factor with the count visits all of them, far apart in memory.
    request.user_key = keys.empty() ? fresh : keys[(i * 7'919 + thread) % keys.size()];
    request.user = load.limits;
    if (load.command) request.commands = std::span(&command, 1);
    auto decision = throttle.decide(request, Clock::now());
    decision.permit.release(Clock::now());
  }
}

struct Cost {
  double cpu_ns = 0;
  double clock_ns = 0;
};

std::int64_t thread_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Of each thread, while all run.
Cost cost_of_one(const Load& load, std::size_t threads, std::size_t decisions) {
  ratelimit::Throttle throttle({});
  const std::vector<std::string> keys = keys_of(load.users);
  std::atomic<std::size_t> waiting{threads};
  std::vector<std::thread> running;
  running.reserve(threads);
  std::atomic<std::int64_t> cpu_ns{0};
  std::atomic<std::int64_t> clock_ns{0};
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      const auto begun = Clock::now();
      const std::int64_t cpu_begun = thread_cpu_ns();
      decide_many(throttle, load, keys, t, decisions);
      cpu_ns += thread_cpu_ns() - cpu_begun;
      clock_ns += std::chrono::nanoseconds(Clock::now() - begun).count();
    });
  }
  for (std::thread& thread : running) thread.join();
  const auto all = static_cast<double>(threads * decisions);
  return {static_cast<double>(cpu_ns) / all, static_cast<double>(clock_ns) / all};
}

double median(std::vector<Cost> costs, double Cost::* what) {
  std::ranges::sort(costs, {}, what);
  return costs[costs.size() / 2].*what;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  CLI::App app("What a decision of the Throttle costs.");
  std::size_t rounds = 7;
  std::size_t decisions = 300'000;
  app.add_option("--rounds", rounds, "the median of so many is printed");
  app.add_option("--decisions", decisions, "of each thread and round");
  CLI11_PARSE(app, argc, argv);
  fmt::print("{{\n \"cores\": {},\n \"decisions\": [\n", std::thread::hardware_concurrency());
  for (const Load& load : kLoads) {
    for (const std::size_t threads : {1U, 2U, 4U}) {
      std::vector<Cost> costs;
      costs.reserve(rounds);
      for (std::size_t i = 0; i < rounds; ++i) {
        costs.push_back(cost_of_one(load, threads, decisions));
      }
      const bool last = &load == &kLoads.back() && threads == 4;
      fmt::print(
          "  {{\"case\": \"{}\", \"threads\": {}, \"cpu_ns\": {:.0f}, \"clock_ns\": {:.0f}}}{}\n",
          load.name, threads, median(costs, &Cost::cpu_ns), median(costs, &Cost::clock_ns),
          last ? "" : ",");
    }
  }
  fmt::print(" ]\n}}\n");
}
