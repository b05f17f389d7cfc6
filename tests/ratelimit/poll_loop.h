// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ratelimit/event_loop.h"

namespace millrace::ratelimit {

// An event loop of poll(2), turned by the test's own thread.
class PollLoop final : public EventLoop {
 public:
  PollLoop();
  ~PollLoop() override;
  base::TimePoint now() override { return base::Clock::now(); }
  std::unique_ptr<SocketWatcher> watch(int socket, SocketEvents& events) override;
  std::unique_ptr<Timer> timer(std::function<void()> expired) override;
  void look_up(const std::string& host, Found found) override;  // "redis.test" is 127.0.0.1

  // Turns until the condition holds; false when it does not within `longest`.
  bool run_until(const std::function<bool()>& condition,
                 base::Duration longest = std::chrono::seconds(20));
  void run_for(base::Duration span) {
    run_until([] { return false; }, span);
  }

 private:
  struct Watcher;
  struct OneTimer;
  void turn(base::TimePoint until);

  std::vector<Watcher*> watchers_;
  std::vector<OneTimer*> timers_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace millrace::ratelimit
