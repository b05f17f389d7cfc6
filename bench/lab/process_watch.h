// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

#include "bench/lab/client_pool.h"
#include "bench/lab/result.h"

namespace millrace::bench {

// Living processes under `root` (with it) by the name of their program; root 0: all of the machine.
std::map<std::string, std::vector<pid_t>> processes_by_name(pid_t root);

// The process that workers are forked from: of the same program, but it never works.
bool is_template(pid_t pid);

// Processor time so far; 0 for a process that is gone.
double cpu_ms_of(pid_t pid);

// Samples CPU time and memory of processes from /proc, on a thread of its own, ten times a second;
// new processes of a watched name are found once a second. A process that ends loses at most the
// tenth of a second since its last sample. Resolution of CPU time: the kernel's tick, 10 ms.
class ProcessWatch {
 public:
  // `names`: programs, or "pid:N".
  ProcessWatch(pid_t root, std::vector<std::string> names);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  // What is in use right now.
  [[nodiscard]] std::map<std::string, ProcessUse> now();
  // Ends the sampling and spreads the samples over the result's steps and bins.
  void finish(SteadyTime run_start, RunResult& result);

 private:
  struct Sample {
    SteadyTime at;
    std::map<std::string, ProcessUse> use;  // CPU since the watch began, memory at the moment
  };
  struct Process {
    std::string name;
    double user_ms = 0;
    double system_ms = 0;
    double pss_mib = 0;
  };

  void run();
  void find_processes();
  void sample(bool with_pss);
  void stop();

  pid_t root_;
  std::vector<std::string> names_;
  std::map<pid_t, Process> processes_;
  std::map<std::string, ProcessUse> spent_;  // CPU so far
  std::vector<Sample> samples_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace::bench
