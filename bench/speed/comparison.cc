// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/comparison.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/speed/medians.h"

namespace millrace::bench::speed {
namespace {

constexpr double kSsimLossMax = 0.001;
constexpr double kMemoryMbMax = 150;
constexpr double kSpreadMax = 1.5;  // p99 over p50
constexpr double kTwoWorkersMin = 1.95;

enum class Bound { AtLeast, AtMost, Below };

Verdict judged(std::string name, const std::string& figure, Bound bound, double limit,
               std::optional<double> value, std::vector<double> rounds = {}) {
  const char* const word =
      bound == Bound::AtLeast ? "at least" : (bound == Bound::AtMost ? "at most" : "below");
  Verdict verdict{.name = std::move(name),
                  .asked = fmt::format("{}: {} {:.6g}", figure, word, limit),
                  .value = value,
                  .rounds = std::move(rounds),
                  .step = {},
                  .judgement = Judgement::Unmeasured};
  if (!value) return verdict;
  const bool held = bound == Bound::AtLeast  ? *value >= limit
                    : bound == Bound::AtMost ? *value <= limit
                                             : *value < limit;
  verdict.judgement = held ? Judgement::Held : Judgement::Missed;
  return verdict;
}

std::optional<double> median_if_any(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return median(values);
}

bool is_right(const Cell* cell) {
  return cell != nullptr && cell->wrong.empty() && !cell->rounds.empty();
}

void add_requests(const Comparison& comparison, const Operation& operation,
                  std::vector<Verdict>& found) {
  const Cell* const ours = comparison.cell(kOurName, operation.number);
  const Cell* const best = best_peer(comparison, operation.number);
  std::vector<double> over;
  if (is_right(ours) && best != nullptr) {
    over = ratios(of_rounds(*ours, &Round::per_s), of_rounds(*best, &Round::per_s));
  }
  const std::string against = best == nullptr ? "the best other server" : best->system;
  found.push_back(judged(fmt::format("op {} requests", operation.number),
                         "requests/s over " + against, Bound::AtLeast, operation.requests_x_min,
                         median_if_any(over), over));
}

void add_quality(const Comparison& comparison, const Operation& operation,
                 std::vector<Verdict>& found) {
  const Cell* const ours = comparison.cell(kOurName, operation.number);
  const auto libvips = comparison.libvips.find(operation.number);
  std::optional<double> ssim;
  std::optional<double> bytes;
  if (is_right(ours) && ours->quality && libvips != comparison.libvips.end()) {
    ssim = ours->quality->ssim - libvips->second.ssim;
    if (libvips->second.bytes > 0) bytes = ours->quality->bytes / libvips->second.bytes;
  }
  found.push_back(judged(fmt::format("op {} SSIM", operation.number), "luma SSIM less libvips'",
                         Bound::AtLeast, -kSsimLossMax, ssim));
  found.push_back(judged(fmt::format("op {} bytes", operation.number), "bytes over libvips'",
                         Bound::AtMost, operation.bytes_x_max, bytes));
}

void add_spread(const Comparison& comparison, const Operation& operation,
                std::vector<Verdict>& found) {
  const Cell* const ours = comparison.cell(kOurName, operation.number);
  std::vector<double> spread;
  if (is_right(ours)) {
    spread = ratios(of_rounds(*ours, &Round::p99_ms), of_rounds(*ours, &Round::p50_ms));
  }
  found.push_back(judged(fmt::format("op {} latency", operation.number), "p99 over p50",
                         Bound::Below, kSpreadMax, median_if_any(spread), spread));
}

void add_whole(const Comparison& comparison, std::vector<Verdict>& found) {
  std::optional<double> memory;
  std::optional<double> wrong;
  for (const Cell& cell : comparison.cells) {
    if (cell.system != kOurName) continue;
    for (const Round& round : cell.rounds) {
      if (round.memory_mb > 0) memory = std::max(memory.value_or(0), round.memory_mb);
      for (const auto& [status, count] : round.wrong) {
        wrong = wrong.value_or(0) + static_cast<double>(count);
      }
      wrong = wrong.value_or(0);
    }
    if (!cell.wrong.empty()) wrong = wrong.value_or(0) + 1;
  }
  found.push_back(judged(
      "memory", fmt::format("peak MB of all processes at {} connections", comparison.connections),
      Bound::Below, kMemoryMbMax, memory));
  const std::vector<double> over =
      ratios(comparison.two_workers_per_s, comparison.one_worker_per_s);
  found.push_back(judged("two workers", "requests/s over one worker's, op 1", Bound::AtLeast,
                         kTwoWorkersMin, median_if_any(over), over));
  found.push_back(judged("answers", "wrong answers of ours", Bound::AtMost, 0, wrong));
}

}  // namespace

const Cell* Comparison::cell(const std::string& system, int operation) const {
  const auto found = std::ranges::find_if(cells, [&](const Cell& each) {
    return each.system == system && each.operation == operation;
  });
  return found == cells.end() ? nullptr : &*found;
}

const SystemFacts* Comparison::system(const std::string& name) const {
  const auto found = std::ranges::find(systems, name, &SystemFacts::name);
  return found == systems.end() ? nullptr : &*found;
}

std::vector<double> of_rounds(const Cell& cell, double Round::* figure) {
  std::vector<double> values;
  values.reserve(cell.rounds.size());
  for (const Round& round : cell.rounds) values.push_back(round.*figure);
  return values;
}

double median_of(const Cell& cell, double Round::* figure) {
  return median(of_rounds(cell, figure));
}

double most_of(const Cell& cell, double Round::* figure) {
  double most = 0;
  for (const Round& round : cell.rounds) most = std::max(most, round.*figure);
  return most;
}

const Cell* best_peer(const Comparison& comparison, int operation) {
  const Cell* best = nullptr;
  for (const Cell& cell : comparison.cells) {
    if (cell.operation != operation || cell.system == kOurName || !is_right(&cell)) continue;
    const SystemFacts* const facts = comparison.system(cell.system);
    if (facts == nullptr || !facts->counts) continue;
    if (best == nullptr || median_of(cell, &Round::per_s) > median_of(*best, &Round::per_s)) {
      best = &cell;
    }
  }
  return best;
}

std::vector<Verdict> verdicts(const Comparison& comparison) {
  std::vector<Verdict> found;
  for (const Operation& each : comparison.operations) add_requests(comparison, each, found);
  for (const Operation& each : comparison.operations) add_quality(comparison, each, found);
  for (const Operation& each : comparison.operations) add_spread(comparison, each, found);
  add_whole(comparison, found);
  return found;
}

}  // namespace millrace::bench::speed
