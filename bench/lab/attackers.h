// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "bench/lab/attack.h"
#include "bench/lab/scenario.h"
#include "bench/lab/schedule.h"
#include "bench/lab/target.h"

namespace millrace::bench {

// Carries out a scenario's attacks on a thread of its own, which mostly sleeps in epoll. No thread
// is started for a scenario without any.
class Attackers {
 public:
  // Times count from `start`. `maker` is used by the constructor only: a few requests of each
  // attack's mix are written down.
  Attackers(const Scenario& scenario, const std::vector<StepWindow>& steps, SteadyTime start,
            const sockaddr_in& server, RequestMaker& maker);
  ~Attackers();
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

  // Ends them and says what they did, one line each, with the CPU that they took of the machine.
  std::vector<std::string> finish();

 private:
  void run();

  base::UniqueFd epoll_;
  std::vector<std::unique_ptr<AttackRun>> attacks_;
  std::atomic<bool> stopping_{false};
  double cpu_seconds_ = 0;  // of the thread, known when it has ended
  std::thread thread_;
};

}  // namespace millrace::bench
