// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/lab/verdict.h"
#include "bench/speed/operations.h"

// What a comparison of servers found, and whether it holds what is asked. Plain values, no I/O.
namespace millrace::bench::speed {

inline constexpr const char* kOurName = "millrace";

// What one program of a system used in a round; all its processes.
struct ProgramUse {
  double cpu_ms = 0;     // for each answer
  double memory_mb = 0;  // 10^6 bytes: the most PSS
  std::size_t processes = 0;
};

// One system, one operation, one round.
struct Round {
  std::uint64_t answered = 0;  // 200, in the measured window
  double per_s = 0;
  double cpu_ms = 0;     // of all its processes, for each answer
  double memory_mb = 0;  // 10^6 bytes: the most PSS of its processes together
  double p50_ms = 0;
  double p99_ms = 0;
  double bytes = 0;  // of an answer: mean over the photographs of the mean of each
  std::map<std::string, ProgramUse> programs;
  std::map<std::string, std::uint64_t> wrong;  // answers that were not 200, by status
};

// Of results of one operation, means over the photographs.
struct Quality {
  double ssim = 0;
  double psnr_db = 0;
  double bytes = 0;
};

struct SystemFacts {
  std::string name;
  std::string about;  // versions and settings
  // False: shown, but not one of those that are to be beaten (settings that nobody has).
  bool counts = true;
  bool watched = true;  // CPU and memory are known
};

struct Cell {
  std::string system;
  int operation = 0;
  std::vector<Round> rounds;
  std::optional<Quality> quality;
  std::string wrong;  // why it does not count: "800x599 instead of 800x600"; empty: right
};

struct Comparison {
  std::size_t connections = 0;
  double seconds = 0;  // of a round
  std::vector<Operation> operations;
  std::vector<SystemFacts> systems;
  std::map<int, Quality> libvips;  // by operation: libvips' own results
  std::vector<Cell> cells;
  // Requests a second of op 1 with one worker and with two, round by round; empty: not measured.
  std::vector<double> one_worker_per_s;
  std::vector<double> two_workers_per_s;
  // Processor milliseconds of a request, all processes of ours, in the same rounds.
  std::vector<double> one_worker_cpu_ms;
  std::vector<double> two_workers_cpu_ms;
  std::vector<std::string> notes;

  [[nodiscard]] const Cell* cell(const std::string& system, int operation) const;
  [[nodiscard]] const SystemFacts* system(const std::string& name) const;
};

// One figure of all rounds.
std::vector<double> of_rounds(const Cell& cell, double Round::* figure);
double median_of(const Cell& cell, double Round::* figure);
double most_of(const Cell& cell, double Round::* figure);

// The cell with the most requests a second, by medians, of the systems that count and are not ours;
// null: there is none whose answers are right.
const Cell* best_peer(const Comparison& comparison, int operation);

// All that is asked, in one list: requests a second over the best peer's (round against round),
// likeness and bytes against libvips' own, memory, p99 over p50, two workers over one, and that no
// answer was wrong. What could not be measured says so.
std::vector<Verdict> verdicts(const Comparison& comparison);

// For a terminal.
std::string comparison_table(const Comparison& comparison);
// bench/results/compare.json, without what provenance adds.
std::string comparison_json(const Comparison& comparison,
                            const std::vector<std::pair<std::string, std::string>>& head);

}  // namespace millrace::bench::speed
