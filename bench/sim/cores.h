// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "bench/sim/event_queue.h"

namespace millrace::bench::sim {

// Who is let on a core before whom. The load generator has a real-time priority in the lab. Threads
// that mostly wait (gateway, agent) are put before those that always compute (workers) by a fair
// scheduler for as long as they ask for less than their share, and they do.
enum class Standing { Generator, Service, Work };

// The cores of the machine and the threads that share them, without switching costs: within a
// standing those that are ready share what the standings before them leave, no thread gets more
// than one core. Tells what each process used.
class Cores {
 public:
  // One thread of a process: does one thing after another, in the order in which they came.
  class Thread {
   public:
    // `cpu` of processor time, then `done`.
    void run(base::Duration cpu, EventQueue::Action done);
    // It gets no core until it is let go on. What it has to do stays.
    void stop();
    void go_on();
    // All that it has to do is forgotten, nobody is told.
    void clear();
    [[nodiscard]] bool idle() const { return bursts_.empty(); }
    [[nodiscard]] bool stopped() const { return stopped_; }

   private:
    friend class Cores;
    struct Burst {
      double left_ns;
      EventQueue::Action done;
    };
    Thread(Cores& cores, Standing standing, double& used_ns)
        : cores_(cores), standing_(standing), used_ns_(used_ns) {}
    [[nodiscard]] bool ready() const { return !stopped_ && !bursts_.empty(); }

    Cores& cores_;
    Standing standing_;
    double& used_ns_;  // of its process
    std::deque<Burst> bursts_;
    double rate_ = 0;  // of one core, now
    bool stopped_ = false;
  };

  Cores(EventQueue& events, std::size_t count) : events_(events), count_(count) {}
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  // Lives as long as the cores.
  Thread& add_thread(const std::string& process, Standing standing);
  // Processor milliseconds by process, up to now.
  [[nodiscard]] std::map<std::string, double> used_ms();
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void advance();
  void share_out();
  void finish_due(std::uint64_t plan);

  EventQueue& events_;
  std::size_t count_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::map<std::string, double> used_ns_;
  base::TimePoint advanced_to_ = EventQueue::kStart;
  std::uint64_t plan_ = 0;  // the plan for the next end that holds; older ones are void
};

}  // namespace millrace::bench::sim
