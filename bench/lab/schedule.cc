// SPDX-License-Identifier: Apache-2.0
//
// Poisson: candidates at the step's highest rate, each kept with the chance rate(t) / highest
// (thinning), which is exact for ramps and spikes too. Uniform: each mix gathers credit at its rate
// and sends when a whole request has come together.
#include "bench/lab/schedule.h"

#include <algorithm>
#include <cmath>

namespace millrace::bench {
namespace {

constexpr Nanoseconds kSlice = std::chrono::microseconds(200);  // of the uniform process

double seconds(Nanoseconds span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

Schedule::Schedule(const Scenario& scenario, double capacity_per_s)
    : scenario_(scenario),
      capacity_per_s_(capacity_per_s),
      random_(scenario.seed),
      rates_(scenario.mixes.size()),
      credit_(scenario.mixes.size()) {
  Nanoseconds at{0};
  for (const Step& step : scenario.steps) {
    at += step.pause_before;
    windows_.push_back({at, at + step.duration});
    at += step.duration;
  }
  for (const Mix& mix : scenario.mixes) weight_sum_ += mix.weight;
  enter(0);
}

double Schedule::rate_of(std::size_t step_index, std::size_t mix_index, Nanoseconds at) const {
  const Step& step = scenario_.steps[step_index];
  const Mix& mix = scenario_.mixes[mix_index];
  const Nanoseconds within = at - windows_[step_index].begin;
  const double share = weight_sum_ > 0 ? mix.weight / weight_sum_ : 0;
  if (within >= step.spike_at && within < step.spike_at + step.spike_duration) {
    return share * step.spike_rate.per_s(capacity_per_s_);
  }
  if (!step.mix_rates.empty()) {
    const auto found = step.mix_rates.find(mix.name);
    return found == step.mix_rates.end() ? 0 : found->second.per_s(capacity_per_s_);
  }
  const double from = step.rate.per_s(capacity_per_s_);
  const double to = step.rate_end.per_s(capacity_per_s_);
  const double length = seconds(step.duration);
  const double part = length > 0 ? std::clamp(seconds(within) / length, 0.0, 1.0) : 0;
  return share * (from + (to - from) * part);
}

double Schedule::rates_at(Nanoseconds at) {
  double sum = 0;
  for (std::size_t mix = 0; mix < rates_.size(); ++mix) {
    rates_[mix] = rate_of(step_, mix, at);
    sum += rates_[mix];
  }
  return sum;
}

void Schedule::enter(std::size_t step) {
  step_ = step;
  if (step >= windows_.size()) return;
  const StepWindow& window = windows_[step];
  now_ = window.begin;
  std::fill(credit_.begin(), credit_.end(), 0.5);
  // Rates are straight between these moments.
  const Step& plan = scenario_.steps[step];
  rate_max_ = 0;
  for (const Nanoseconds at :
       {window.begin, window.end, window.begin + Nanoseconds(plan.spike_at)}) {
    rate_max_ = std::max(rate_max_, rates_at(std::min(at, window.end)));
  }
  for (std::size_t mix = 0; mix < rates_.size(); ++mix) rates_[mix] = 0;
}

double Schedule::draw() {
  return (static_cast<double>(random_() >> 11) + 1) / 9007199254740992.0;  // 2^53
}

std::optional<Arrival> Schedule::next() {
  return scenario_.arrivals == "uniform" ? next_uniform() : next_poisson();
}

std::optional<Arrival> Schedule::next_poisson() {
  while (step_ < windows_.size()) {
    if (rate_max_ <= 0) {
      enter(step_ + 1);
      continue;
    }
    now_ += Nanoseconds(std::llround(-std::log(draw()) / rate_max_ * 1e9));
    if (now_ >= windows_[step_].end) {
      enter(step_ + 1);
      continue;
    }
    const double sum = rates_at(now_);
    double left = draw() * rate_max_;
    if (left > sum) continue;
    std::size_t mix = 0;
    while (mix + 1 < rates_.size() && left > rates_[mix]) left -= rates_[mix++];
    return Arrival{now_, step_, mix};
  }
  return std::nullopt;
}

std::optional<Arrival> Schedule::next_uniform() {
  while (step_ < windows_.size()) {
    const auto due = std::find_if(credit_.begin(), credit_.end(), [](double c) { return c >= 1; });
    if (due != credit_.end()) {
      *due -= 1;
      const auto mix = static_cast<std::size_t>(due - credit_.begin());
      return Arrival{now_, step_, mix};
    }
    rates_at(now_);
    // To the moment when the first mix has a whole request, a slice at most: rates may change.
    double wait_s = seconds(kSlice);
    for (std::size_t mix = 0; mix < rates_.size(); ++mix) {
      if (rates_[mix] > 0) wait_s = std::min(wait_s, (1 - credit_[mix]) / rates_[mix]);
    }
    const auto wait = std::max(Nanoseconds(1), Nanoseconds(std::llround(wait_s * 1e9)));
    for (std::size_t mix = 0; mix < rates_.size(); ++mix) {
      credit_[mix] += rates_[mix] * seconds(wait);
      if (credit_[mix] > 1 - 1e-6) credit_[mix] = std::max(credit_[mix], 1.0);
    }
    now_ += wait;
    if (now_ >= windows_[step_].end) enter(step_ + 1);
  }
  return std::nullopt;
}

}  // namespace millrace::bench
