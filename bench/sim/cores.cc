// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/cores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace millrace::bench::sim {
namespace {

// Below it a burst is done: time is whole nanoseconds, shares of cores are not.
constexpr double kDoneNs = 0.5;

}  // namespace

void Cores::Thread::run(base::Duration cpu, EventQueue::Action done) {
  cores_.advance();
  bursts_.push_back({std::max(static_cast<double>(cpu.count()), kDoneNs), std::move(done)});
  if (bursts_.size() == 1) cores_.share_out();
}

void Cores::Thread::stop() {
  cores_.advance();
  stopped_ = true;
  cores_.share_out();
}

void Cores::Thread::go_on() {
  cores_.advance();
  stopped_ = false;
  cores_.share_out();
}

void Cores::Thread::clear() {
  cores_.advance();
  bursts_.clear();
  cores_.share_out();
}

Cores::Thread& Cores::add_thread(const std::string& process, Standing standing) {
  threads_.push_back(std::unique_ptr<Thread>(new Thread(*this, standing, used_ns_[process])));
  return *threads_.back();
}

std::map<std::string, double> Cores::used_ms() {
  advance();
  std::map<std::string, double> used;
  for (const auto& [process, ns] : used_ns_) used[process] = ns / 1e6;
  return used;
}

// What was done since the last look, at the rates that held.
void Cores::advance() {
  const auto span_ns = static_cast<double>((events_.now() - advanced_to_).count());
  advanced_to_ = events_.now();
  if (span_ns <= 0) return;
  for (const auto& thread : threads_) {
    if (thread->rate_ <= 0 || thread->bursts_.empty()) continue;
    double& left_ns = thread->bursts_.front().left_ns;
    const double done_ns = std::min(span_ns * thread->rate_, left_ns);
    left_ns -= done_ns;
    thread->used_ns_ += done_ns;
  }
}

void Cores::share_out() {
  double free = static_cast<double>(count_);
  double next_ns = std::numeric_limits<double>::infinity();
  for (const Standing standing : {Standing::Generator, Standing::Service, Standing::Work}) {
    double ready = 0;
    for (const auto& thread : threads_) {
      if (thread->standing_ == standing && thread->ready()) ready += 1;
    }
    const double rate = ready > 0 ? std::min(1.0, free / ready) : 0;
    free -= rate * ready;
    for (const auto& thread : threads_) {
      if (thread->standing_ != standing) continue;
      thread->rate_ = thread->ready() ? rate : 0;
      if (thread->rate_ <= 0) continue;
      next_ns = std::min(next_ns, thread->bursts_.front().left_ns / rate);
    }
  }
  const std::uint64_t plan = ++plan_;
  if (!std::isfinite(next_ns)) return;
  events_.after(base::Duration(static_cast<std::int64_t>(std::ceil(next_ns))),
                [this, plan] { finish_due(plan); });
}

void Cores::finish_due(std::uint64_t plan) {
  if (plan != plan_) return;
  advance();
  std::vector<EventQueue::Action> done;
  for (const auto& thread : threads_) {
    if (!thread->ready() || thread->bursts_.front().left_ns > kDoneNs) continue;
    done.push_back(std::move(thread->bursts_.front().done));
    thread->bursts_.pop_front();
  }
  share_out();
  for (const EventQueue::Action& action : done) action();
}

}  // namespace millrace::bench::sim
