// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "agent/policy/task_features.h"
#include "base/deadline.h"
#include "base/units.h"

namespace millrace::agent {

// The logarithm of a ratio, learned from samples: their middle and how far they lie from it. A
// single outlier moves it little; several on the same side are a change and are believed. O(1).
class RatioEstimate {
 public:
  void add(double log_ratio);
  [[nodiscard]] double middle() const { return middle_; }
  [[nodiscard]] double spread() const { return spread_; }  // mean distance from the middle
  [[nodiscard]] std::uint32_t samples() const { return samples_; }

 private:
  double middle_ = 0;
  double spread_ = 0;
  std::uint32_t samples_ = 0;
  int outliers_in_a_row_ = 0;  // below zero: on the low side
};

struct TaskPrediction {
  base::Duration cpu{};        // processor time, user + system
  base::Bytes memory;          // highest resident memory of the worker
  base::Duration cpu_least{};  // it will hardly be less; zero while that is not sure
  base::Bytes memory_least;
};

// What one task may take.
struct TaskCeiling {
  base::Duration cpu{};  // the lesser of the time left and the worker's own limit
  base::Bytes memory;
};

// Predicts what a task takes from its file and plan. A prior of nanoseconds a pixel makes the first
// predictions sane; on it lies a factor that is learned for all tasks, for each chain of commands
// and pair of formats, and within those for each size of source and result (powers of two). The
// finer knowledge wins as soon as it has samples. In a table of `entries_max`: what was used
// longest ago is forgotten.
//
// A task is refused only when several tasks just like it were measured. What is refused, or dropped
// in the queue, is measured no more, so a wrong prediction would stand for ever: now and then one
// is let through all the same, ever more rarely while that proves the prediction right; once it
// proves it wrong the next are let through too, until they have moved it. Pure; one thread; O(1).
class CostModel {
 public:
  explicit CostModel(std::size_t entries_max = 4'096);

  [[nodiscard]] TaskPrediction predict(const TaskFeatures& task) const;

  enum class Verdict { Run, Trial, TooMuchCpu, TooMuchMemory };
  // Trial: by what is known it may be too much, and it runs to see whether that is still so: its
  // `least` is not to be used against it.
  [[nodiscard]] Verdict judge(const TaskFeatures& task, const TaskCeiling& ceiling,
                              base::TimePoint now);

  // It was dropped in the queue because by its `least` it could not have met its deadline.
  void note_dropped(const TaskFeatures& task, base::TimePoint now);

  void learn(const TaskFeatures& task, base::Duration cpu, base::Bytes memory);
  // It was stopped after that much and would have taken more.
  void learn_overrun(const TaskFeatures& task, base::Duration cpu);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    RatioEstimate cpu;
    RatioEstimate memory;
    base::TimePoint trial_at{};   // not before this
    base::Duration trial_wait{};  // doubled by each trial; zero: nothing was held against it yet
    bool refuted = false;         // the latest one took less than it ever should
    std::list<std::string>::iterator place;
  };
  Entry& entry(const std::string& name);
  static void doubt(Entry& cell, base::TimePoint now);
  // What was learned, or the entry of nothing. Asking is no use of it: what nobody runs is
  // forgotten.
  [[nodiscard]] const Entry& known(const std::string& name) const;
  [[nodiscard]] double middle(RatioEstimate Entry::* what, const Entry& cell,
                              const Entry& chain) const;

  std::size_t entries_max_;
  Entry all_;
  Entry nothing_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> by_use_;  // front was used longest ago
};

}  // namespace millrace::agent
