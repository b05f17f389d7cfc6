// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/result.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::bench {
namespace {

constexpr double kBinsMax = 240;

double in_seconds(Nanoseconds span) { return std::chrono::duration<double>(span).count(); }

// 0.1, 0.2, 0.5, 1, 2, 5 … seconds: the least that cuts the run into kBinsMax bins at most.
double bin_length_s(double run_s) {
  for (double decade = 0.1;; decade *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (run_s / (decade * step) <= kBinsMax) return decade * step;
    }
  }
}

}  // namespace

double StepResult::seconds() const { return in_seconds(window.end - window.begin); }

double StepResult::offered_per_s() const {
  std::uint64_t offered = 0;
  for (const Tally& tally : by_mix) offered += tally.offered;
  return seconds() > 0 ? static_cast<double>(offered) / seconds() : 0;
}

Tally StepResult::total() const {
  Tally sum;
  for (const Tally& tally : by_mix) sum.merge(tally);
  return sum;
}

RunResult middle_of(std::vector<RunResult> rounds) {
  const auto good = [](const RunResult& round) {
    std::uint64_t sum = 0;
    for (const StepResult& step : round.steps) sum += step.total().good;
    return sum;
  };
  std::ranges::sort(rounds, {}, good);
  const auto middle = rounds.begin() + static_cast<std::ptrdiff_t>(rounds.size() / 2);
  RunResult result = std::move(*middle);
  rounds.erase(middle);
  result.other_rounds = std::move(rounds);
  return result;
}

std::string command_of(const Mix& mix) {
  if (!mix.command.empty()) return mix.command;
  if (!mix.path.empty()) return "path";
  const std::string word = mix.pipeline.substr(0, mix.pipeline.find_first_of("/|"));
  return word.empty() ? "original" : word;
}

std::string user_class_of(const Mix& mix) { return mix.user.empty() ? "anonymous" : mix.user; }

std::map<std::string, Tally> RunResult::rows(const StepResult& step,
                                             const std::string& kind_of_row) const {
  std::map<std::string, Tally> found;
  for (std::size_t i = 0; i < step.by_mix.size(); ++i) {
    const Mix& mix = scenario.mixes[i];
    const std::string name = kind_of_row == "tier"   ? mix.tier
                             : kind_of_row == "user" ? user_class_of(mix)
                             : kind_of_row == "mix"  ? mix.name
                                                     : command_of(mix);
    if (step.by_mix[i].offered > 0) found[name].merge(step.by_mix[i]);
  }
  return found;
}

Recorder::Recorder(RunResult& result, const std::vector<StepWindow>& windows) : result_(result) {
  result.steps.clear();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    StepResult step;
    step.name = result.scenario.steps[i].name;
    step.window = windows[i];
    step.by_mix.resize(result.scenario.mixes.size());
    result.steps.push_back(std::move(step));
  }
  const double run_s = in_seconds(windows.back().end);
  result.bin_s = bin_length_s(run_s);
  const auto bins = static_cast<std::size_t>(std::ceil(run_s / result.bin_s));
  result.series.assign(std::max<std::size_t>(bins, 1), {});
  for (std::size_t i = 0; i < result.series.size(); ++i) {
    result.series[i].at_s = static_cast<double>(i) * result.bin_s;
  }
}

SeriesBin* Recorder::bin_at(Nanoseconds at) {
  // Whole nanoseconds: 1.9 s / 0.1 s is below 19 in binary fractions.
  const std::int64_t index = at.count() / std::llround(result_.bin_s * 1e9);
  const bool within = at.count() >= 0 && static_cast<std::size_t>(index) < result_.series.size();
  return within ? &result_.series[static_cast<std::size_t>(index)] : nullptr;
}

void Recorder::add(std::size_t step, std::size_t mix, Nanoseconds intended,
                   const Outcome& outcome) {
  StepResult& row = result_.steps[step];
  row.by_mix[mix].add(outcome);
  if (SeriesBin* bin = bin_at(intended)) {
    bin->by_tier[result_.scenario.mixes[mix].tier].add(outcome);
  }
}

}  // namespace millrace::bench
