// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

#include "bench/lab/client_pool.h"
#include "bench/lab/origins.h"
#include "bench/lab/scenario.h"

namespace millrace::bench {

// Carries out a scenario's events at their times, on a thread of its own. Whatever it stopped
// (SIGSTOP) is continued when it is destroyed.
class EventPlayer {
 public:
  using FindOrigin = std::function<Origin*(const std::string& bucket)>;

  // `root`: the tree in which signals find their processes. Times count from `start`.
  EventPlayer(const Scenario& scenario, SteadyTime start, pid_t root, FindOrigin find_origin);
  ~EventPlayer();
  EventPlayer(const EventPlayer&) = delete;
  EventPlayer& operator=(const EventPlayer&) = delete;

  // What happened, for the reader of the result: "freeze: STOP to millrace-image-worker 4711".
  std::vector<std::string> finish();

 private:
  void plan(const Event& event, SteadyTime start);
  void send_signal(const Event& event);
  void change_origin(const Event& event, const std::string& state);
  void continue_stopped();
  void run();

  pid_t root_;
  FindOrigin find_origin_;
  std::multimap<SteadyTime, std::function<void()>> actions_;
  std::vector<pid_t> stopped_;
  std::vector<std::string> happened_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace::bench
