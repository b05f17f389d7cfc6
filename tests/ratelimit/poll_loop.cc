// SPDX-License-Identifier: Apache-2.0
#include "tests/ratelimit/poll_loop.h"

#include <algorithm>
#include <poll.h>
#include <utility>

namespace millrace::ratelimit {

struct PollLoop::Watcher final : SocketWatcher {
  Watcher(PollLoop& l, int s, SocketEvents& e) : loop(l), socket(s), events(e) {
    loop.watchers_.push_back(this);
  }
  ~Watcher() override { std::erase(loop.watchers_, this); }
  void want_read(bool wanted) override { read = wanted; }
  void want_write(bool wanted) override { write = wanted; }

  PollLoop& loop;
  int socket;
  SocketEvents& events;
  bool read = false;
  bool write = false;
};

struct PollLoop::OneTimer final : Timer {
  OneTimer(PollLoop& l, std::function<void()> e) : loop(l), expired(std::move(e)) {
    loop.timers_.push_back(this);
  }
  ~OneTimer() override { std::erase(loop.timers_, this); }
  void expire_at(base::TimePoint when) override { at = when; }

  PollLoop& loop;
  std::function<void()> expired;
  base::TimePoint at = base::TimePoint::max();
};

PollLoop::PollLoop() = default;
PollLoop::~PollLoop() = default;

std::unique_ptr<EventLoop::SocketWatcher> PollLoop::watch(int socket, SocketEvents& events) {
  return std::make_unique<Watcher>(*this, socket, events);
}

std::unique_ptr<EventLoop::Timer> PollLoop::timer(std::function<void()> expired) {
  return std::make_unique<OneTimer>(*this, std::move(expired));
}

void PollLoop::look_up(const std::string& host, Found found) {
  posted_.emplace_back([host, found = std::move(found)] {
    if (host == "redis.test") return found("127.0.0.1", "");
    found("", "no such host");
  });
}

bool PollLoop::run_until(const std::function<bool()>& condition, base::Duration longest) {
  const base::TimePoint end = now() + longest;
  while (!condition()) {
    if (now() >= end) return false;
    turn(std::min(end, now() + std::chrono::milliseconds(10)));  // others change things too
  }
  return true;
}

void PollLoop::turn(base::TimePoint until) {
  for (const auto& call : std::exchange(posted_, {})) call();
  for (const OneTimer* timer : timers_) until = std::min(until, timer->at);
  std::vector<pollfd> polled;
  const std::vector<Watcher*> before = watchers_;
  for (const Watcher* watcher : before) {
    const int wanted = (watcher->read ? POLLIN : 0) | (watcher->write ? POLLOUT : 0);
    polled.push_back({watcher->socket, static_cast<short>(wanted), 0});
  }
  const base::Duration wait = std::max(until - now(), base::Duration::zero());
  const timespec span{wait / std::chrono::seconds(1),
                      std::chrono::nanoseconds(wait % std::chrono::seconds(1)).count()};
  ::ppoll(polled.data(), polled.size(), &span, nullptr);

  const auto lives = [](const auto& all, const auto* one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  for (std::size_t i = 0; i < polled.size(); ++i) {
    const bool broken = (polled[i].revents & (POLLERR | POLLHUP)) != 0;
    if (lives(watchers_, before[i]) && before[i]->read &&
        (broken || (polled[i].revents & POLLIN) != 0)) {
      before[i]->events.readable();
    }
    if (lives(watchers_, before[i]) && before[i]->write &&
        (broken || (polled[i].revents & POLLOUT) != 0)) {
      before[i]->events.writable();
    }
  }
  const std::vector<OneTimer*> timers = timers_;
  for (OneTimer* timer : timers) {
    if (!lives(timers_, timer) || timer->at > now()) continue;
    timer->at = base::TimePoint::max();
    timer->expired();
  }
}

}  // namespace millrace::ratelimit
