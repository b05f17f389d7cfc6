// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/attackers.h"

#include <array>
#include <chrono>
#include <ctime>
#include <sys/epoll.h>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

constexpr int kStepMs = 5;
constexpr int kEventsEach = 512;
constexpr std::size_t kRequestsWritten = 256;

std::size_t index_of_mix(const Scenario& scenario, const std::string& name) {
  for (std::size_t i = 0; i < scenario.mixes.size(); ++i) {
    if (scenario.mixes[i].name == name) return i;
  }
  return 0;  // an attack without a mix uses the first
}

double thread_cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

Attackers::Attackers(const Scenario& scenario, const std::vector<StepWindow>& steps,
                     SteadyTime start, const sockaddr_in& server, RequestMaker& maker) {
  if (scenario.attackers.empty()) return;
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const Attack& attack : scenario.attackers) {
    AttackPlan plan{.server = server,
                    .start = start,
                    .windows = windows_of(attack, scenario, steps),
                    .requests = {},
                    .source_octet = static_cast<std::uint8_t>(10 + attacks_.size() % 200)};
    const std::size_t mix = index_of_mix(scenario, attack.mix);
    while (plan.requests.size() < kRequestsWritten) plan.requests.push_back(maker.next(mix));
    attacks_.push_back(std::make_unique<AttackRun>(attack, std::move(plan), epoll_.get()));
  }
  thread_ = std::thread([this] { run(); });
}

Attackers::~Attackers() { finish(); }

void Attackers::run() {
  std::array<epoll_event, kEventsEach> events{};
  while (!stopping_) {
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& attack : attacks_) attack->step(now);
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsEach, kStepMs);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      for (const auto& attack : attacks_) {
        if (attack->happened(event.data.fd, event.events)) break;
      }
    }
  }
  cpu_seconds_ = thread_cpu_seconds();
}

std::vector<std::string> Attackers::finish() {
  if (!thread_.joinable()) return {};
  stopping_ = true;
  thread_.join();
  std::vector<std::string> lines;
  lines.reserve(attacks_.size() + 1);
  for (const auto& attack : attacks_) lines.push_back(attack->summary());
  lines.push_back(fmt::format("the attackers took {:.2f} s of CPU", cpu_seconds_));
  attacks_.clear();
  return lines;
}

}  // namespace millrace::bench
