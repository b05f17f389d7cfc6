// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/lab/schedule.h"
#include "bench/lab/tally.h"

// What a run found, measured or simulated. Plain values; report_*.h make JSON, a table and a page
// of them. docs/formats/bench-result.md describes the JSON.
namespace millrace::bench {

// One process name's use of the machine during a step.
struct ProcessUse {
  double cpu_user_ms = 0;
  double cpu_system_ms = 0;
  double rss_mib_max = 0;  // resident without shared memory, summed over the name's processes
  double pss_mib_max = 0;  // proportional set size, summed
  double shmem_mib_max = 0;
  std::size_t processes = 0;  // at most at a time
  [[nodiscard]] double cpu_ms() const { return cpu_user_ms + cpu_system_ms; }
};

// How well the generator kept to its own schedule.
struct GeneratorUse {
  double cpu_us_per_request = 0;
  double cpu_share = 0;  // of one core
  Histogram late_start;  // from the intended start to the moment when it was taken up
  std::uint64_t waited_for_connection = 0;  // found connections_max in use
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_max_seen = 0;
  // Late starts of more than a millisecond at p99: its own figures are then in doubt.
  [[nodiscard]] bool saturated() const { return late_start.quantile_us(0.99) > 1'000; }
};

struct StepResult {
  std::string name;
  StepWindow window;
  std::vector<Tally> by_mix;  // as Scenario::mixes
  std::map<std::string, ProcessUse> processes;
  GeneratorUse generator;
  [[nodiscard]] double seconds() const;
  // Requests a second that left, of all mixes.
  [[nodiscard]] double offered_per_s() const;
  [[nodiscard]] Tally total() const;
};

// The run cut into equal pieces of time, by the intended start of a request.
struct SeriesBin {
  double at_s = 0;
  std::map<std::string, Tally> by_tier;
  std::map<std::string, double> cpu_ms;   // by process name, within the bin
  std::map<std::string, double> rss_mib;  // by process name, at its end
};

struct RunResult {
  Scenario scenario;
  std::string kind = "measured";  // measured | simulated
  std::string machine;
  std::string date;
  std::string version;                     // of Millrace
  std::string commit;                      // of the scenario's repository; -dirty with changes
  std::string target;                      // what was under test
  double capacity_per_s = 0;               // 0: no step asked for it
  double capacity_after_per_s = 0;         // measured again at the end; 0: not
  std::map<std::string, ProcessUse> idle;  // before the first request
  std::vector<StepResult> steps;
  double bin_s = 1;
  std::vector<SeriesBin> series;
  std::vector<std::string> notes;  // what a reader must know: a saturated generator, …
  // The same scenario run again, and again: machines are noisy. Verdicts count all rounds.
  std::vector<RunResult> other_rounds;

  // Rows of a step: kind is mix | tier | user | command.
  [[nodiscard]] std::map<std::string, Tally> rows(const StepResult& step,
                                                  const std::string& kind_of_row) const;
};

// One result of several of the same scenario: the round in the middle by its good answers, with the
// others as its other_rounds. At least one.
RunResult middle_of(std::vector<RunResult> rounds);

// The name under which a mix is counted.
std::string command_of(const Mix& mix);
std::string user_class_of(const Mix& mix);

// Sorts outcomes into steps and bins. Pure; used by generator and simulator alike.
class Recorder {
 public:
  // Empty steps and series for the schedule's windows.
  Recorder(RunResult& result, const std::vector<StepWindow>& windows);
  // `intended` counts from the first step's start.
  void add(std::size_t step, std::size_t mix, Nanoseconds intended, const Outcome& outcome);
  [[nodiscard]] SeriesBin* bin_at(Nanoseconds at);

 private:
  RunResult& result_;
};

}  // namespace millrace::bench
