// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/events.h"

#include <csignal>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "bench/lab/process_watch.h"

namespace millrace::bench {
namespace {

int signal_of(const std::string& name) {
  static const std::map<std::string, int> signals = {
      {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"KILL", SIGKILL}, {"TERM", SIGTERM}, {"HUP", SIGHUP}};
  return signals.at(name);
}

}  // namespace

EventPlayer::EventPlayer(const Scenario& scenario, SteadyTime start, pid_t root,
                         FindOrigin find_origin)
    : root_(root), find_origin_(std::move(find_origin)) {
  for (const Event& event : scenario.events) plan(event, start);
  if (!actions_.empty()) thread_ = std::thread([this] { run(); });
}

EventPlayer::~EventPlayer() { finish(); }

std::vector<std::string> EventPlayer::finish() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  continue_stopped();
  return happened_;
}

void EventPlayer::plan(const Event& event, SteadyTime start) {
  const SteadyTime at = start + event.at;
  const bool ends = event.duration.count() > 0;
  if (event.action == "origin") {
    Origin* origin = find_origin_(event.bucket);
    const std::string before = origin == nullptr ? "healthy" : origin->state();
    actions_.emplace(at, [this, event] { change_origin(event, event.state); });
    if (!ends) return;
    actions_.emplace(at + event.duration, [this, event, before] { change_origin(event, before); });
    return;
  }
  actions_.emplace(at, [this, event] { send_signal(event); });
  if (ends && event.signal == "STOP") {
    actions_.emplace(at + event.duration, [this] { continue_stopped(); });
  }
}

void EventPlayer::send_signal(const Event& event) {
  const auto found = processes_by_name(root_);
  const auto named = found.find(event.process);
  if (named == found.end()) {
    happened_.push_back(fmt::format("{}: no process {} was found", event.name, event.process));
    return;
  }
  // The first is the one that worked most: neither a spare nor one that only probes. A template,
  // which has done the start for all of them, comes last.
  std::multimap<double, pid_t, std::greater<>> by_work;
  for (const pid_t pid : named->second)
    by_work.emplace(is_template(pid) ? -1 : cpu_ms_of(pid), pid);
  for (const auto& [cpu_ms, pid] : by_work) {
    ::kill(pid, signal_of(event.signal));
    if (event.signal == "STOP") stopped_.push_back(pid);
    happened_.push_back(
        fmt::format("{}: {} to {} {}", event.name, event.signal, event.process, pid));
    if (!event.all) break;
  }
}

void EventPlayer::change_origin(const Event& event, const std::string& state) {
  Origin* origin = find_origin_(event.bucket);
  if (origin == nullptr) return;
  origin->become(state);
  happened_.push_back(fmt::format("{}: the origin of {} is {}", event.name, event.bucket, state));
}

void EventPlayer::continue_stopped() {
  for (const pid_t pid : std::exchange(stopped_, {})) ::kill(pid, SIGCONT);
}

void EventPlayer::run() {
  std::unique_lock lock(mutex_);
  for (const auto& [at, act] : actions_) {
    if (wake_.wait_until(lock, at, [this] { return stopping_; })) return;
    act();
  }
}

}  // namespace millrace::bench
