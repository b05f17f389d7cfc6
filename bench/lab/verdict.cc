// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/verdict.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

// All that figures are made of, for one step and one expectation.
struct Facts {
  double seconds = 0;
  double capacity_per_s = 0;
  Tally row;    // of the mix or tier that is asked about
  Tally total;  // of the step
  bool has_process = false;
  ProcessUse use;
  ProcessUse idle;
};

void sum_up(const std::map<std::string, ProcessUse>& uses, const std::string& name, bool& found,
            ProcessUse& sum) {
  for (const auto& [process, use] : uses) {
    if (!name.empty() && name != process) continue;
    found = true;
    sum.cpu_user_ms += use.cpu_user_ms;
    sum.cpu_system_ms += use.cpu_system_ms;
    sum.rss_mib_max += use.rss_mib_max;
  }
}

Facts facts_of(const RunResult& result, const Expectation& expectation, const StepResult& step) {
  Facts facts;
  facts.seconds = step.seconds();
  facts.capacity_per_s = result.capacity_per_s;
  facts.total = step.total();
  for (std::size_t i = 0; i < step.by_mix.size(); ++i) {
    const Mix& mix = result.scenario.mixes[i];
    const bool of_mix = expectation.mix.empty() || expectation.mix == mix.name;
    const bool of_tier = expectation.tier.empty() || expectation.tier == mix.tier;
    if (of_mix && of_tier) facts.row.merge(step.by_mix[i]);
  }
  // What processes take is put into a simulation, and comes out of none.
  if (result.kind == "simulated") return facts;
  bool was_idle = false;
  sum_up(step.processes, expectation.process, facts.has_process, facts.use);
  sum_up(result.idle, expectation.process, was_idle, facts.idle);
  return facts;
}

using Figure = std::optional<double>;

Figure ratio(double above, double below) {
  if (below <= 0) return std::nullopt;
  return above / below;
}
Figure ratio(std::uint64_t above, std::uint64_t below) {
  return ratio(static_cast<double>(above), static_cast<double>(below));
}
// Counts of requests that nobody sent are not 0 but unknown.
Figure count_of(const Facts& facts, std::uint64_t count) {
  if (facts.row.offered == 0) return std::nullopt;
  return static_cast<double>(count);
}
Figure quantile_ms(const Histogram& latency, double fraction) {
  if (latency.count() == 0) return std::nullopt;
  return latency.quantile_us(fraction) / 1e3;
}
Figure max_ms(const Histogram& latency) { return quantile_ms(latency, 1); }
Figure cpu_us_over(const Facts& facts, std::uint64_t requests) {
  if (!facts.has_process) return std::nullopt;
  return ratio(facts.use.cpu_ms() * 1e3, static_cast<double>(requests));
}

// What the step spends and refuses beyond another one that serves as much.
Figure cpu_us_per_refusal_beyond(const RunResult& result, const Expectation& expectation,
                                 const Facts& facts) {
  for (const StepResult& step : result.steps) {
    if (step.name != expectation.beyond) continue;
    const Facts less = facts_of(result, expectation, step);
    if (!facts.has_process || !less.has_process || facts.row.refused <= less.row.refused) break;
    return ratio((facts.use.cpu_ms() - less.use.cpu_ms()) * 1e3,
                 static_cast<double>(facts.row.refused - less.row.refused));
  }
  return std::nullopt;
}

Figure figure_of(std::string_view name, const Facts& facts) {
  const Tally& row = facts.row;
  const auto good = static_cast<double>(row.good);
  if (name == "goodput_per_s") return ratio(good, facts.seconds);
  if (name == "goodput_x") return ratio(good, facts.seconds * facts.capacity_per_s);
  if (name == "good_share") return ratio(row.good, row.offered);
  if (name == "share_of_good") return ratio(row.good, facts.total.good);
  if (name == "good_p50_ms") return quantile_ms(row.good_latency, 0.5);
  if (name == "good_p99_ms") return quantile_ms(row.good_latency, 0.99);
  if (name == "good_max_ms") return max_ms(row.good_latency);
  if (name == "refused_p99_ms") return quantile_ms(row.refused_latency, 0.99);
  if (name == "answer_max_ms") return max_ms(row.all_latency);
  if (name == "late") return count_of(facts, row.late);
  if (name == "refused") return count_of(facts, row.refused);
  if (name == "refused_without_retry_after") return count_of(facts, row.refused_silently);
  if (name == "lost") return count_of(facts, row.offered - row.answered);
  if (name == "errors") return count_of(facts, row.offered - row.good - row.refused);
  if (name == "failed") return count_of(facts, row.offered - row.good);
  if (name == "cpu_us_per_request") return cpu_us_over(facts, row.offered);
  if (name == "cpu_us_per_refusal") return cpu_us_over(facts, row.refused);
  if (name == "rss_growth_mib" && facts.has_process) {
    return facts.use.rss_mib_max - facts.idle.rss_mib_max;
  }
  return std::nullopt;
}

bool is_count(std::string_view name) {
  constexpr std::array<std::string_view, 6> kCounts = {
      "late", "refused", "refused_without_retry_after", "lost", "errors", "failed"};
  return std::ranges::find(kCounts, name) != kCounts.end();
}

double workers_of(const Scenario& scenario) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return static_cast<double>(scenario.server.workers > 0 ? scenario.server.workers : cores);
}

// What the figures of every step are divided by; nothing when that itself has no figure.
Figure divisor_of(const RunResult& result, const Expectation& expectation) {
  if (expectation.against.empty()) return 1;
  if (expectation.against == kAgainstServiceTime) {
    return ratio(workers_of(result.scenario) * 1e3, result.capacity_per_s);
  }
  Figure most;
  for (const StepResult& step : result.steps) {
    if (expectation.against != kAgainstPeak && expectation.against != step.name) continue;
    const Figure figure = figure_of(expectation.of, facts_of(result, expectation, step));
    if (figure && (!most || *figure > *most)) most = figure;
  }
  return most && *most > 0 ? most : std::nullopt;
}

bool is_held(const Expectation& expectation, double value) {
  return (expectation.at_least < 0 || value >= expectation.at_least) &&
         (expectation.at_most < 0 || value <= expectation.at_most);
}

std::string asked_of(const Expectation& expectation) {
  std::string text = expectation.of;
  if (!expectation.process.empty()) text += " of " + expectation.process;
  if (!expectation.mix.empty()) text += " of mix " + expectation.mix;
  if (!expectation.tier.empty()) text += " of tier " + expectation.tier;
  text += expectation.step.empty() ? " in every step" : " in " + expectation.step;
  if (!expectation.beyond.empty()) text += " beyond " + expectation.beyond;
  if (!expectation.against.empty()) text += ", over " + expectation.against;
  text += ":";
  if (expectation.at_least >= 0) text += fmt::format(" at least {:g}", expectation.at_least);
  if (expectation.at_most >= 0) text += fmt::format(" at most {:g}", expectation.at_most);
  return text;
}

// What the rounds found for one step, from small to large; those without a figure are left out.
std::vector<double> found_by_rounds(const std::vector<const RunResult*>& rounds,
                                    const Expectation& expectation, std::size_t step) {
  std::vector<double> values;
  for (const RunResult* round : rounds) {
    const Figure divisor = divisor_of(*round, expectation);
    const Facts facts = facts_of(*round, expectation, round->steps[step]);
    const Figure figure = expectation.beyond.empty()
                              ? figure_of(expectation.of, facts)
                              : cpu_us_per_refusal_beyond(*round, expectation, facts);
    if (divisor && figure) values.push_back(*figure / *divisor);
  }
  std::ranges::sort(values);
  return values;
}

// `values` is sorted and has something in it.
double value_of_rounds(const Expectation& expectation, const std::vector<double>& values) {
  if (is_count(expectation.of)) return expectation.at_most < 0 ? values.front() : values.back();
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Verdict judge(const RunResult& result, const Expectation& expectation) {
  Verdict verdict;
  verdict.name = expectation.name;
  verdict.asked = asked_of(expectation);
  std::vector<const RunResult*> rounds = {&result};
  for (const RunResult& other : result.other_rounds) rounds.push_back(&other);
  // The worst step is one that breaks a bound; of several, that with the largest figure, or with
  // the smallest where the figure may only not be too small.
  const bool smallest_is_worst = expectation.at_most < 0;
  for (std::size_t i = 0; i < result.steps.size(); ++i) {
    const StepResult& step = result.steps[i];
    if (!expectation.step.empty() && expectation.step != step.name) continue;
    std::vector<double> values = found_by_rounds(rounds, expectation, i);
    if (values.empty()) continue;
    const double value = value_of_rounds(expectation, values);
    const Judgement judgement = is_held(expectation, value) ? Judgement::Held : Judgement::Missed;
    const auto rank = [&](Judgement j, double v) {
      return std::pair(j == Judgement::Missed, smallest_is_worst ? -v : v);
    };
    if (verdict.value && rank(judgement, value) <= rank(verdict.judgement, *verdict.value))
      continue;
    verdict.value = value;
    verdict.rounds = std::move(values);
    verdict.step = step.name;
    verdict.judgement = judgement;
  }
  return verdict;
}

}  // namespace

std::vector<Verdict> verdicts(const RunResult& result) {
  std::vector<Verdict> found;
  found.reserve(result.scenario.expect.size());
  for (const Expectation& expectation : result.scenario.expect) {
    found.push_back(judge(result, expectation));
  }
  return found;
}

std::string_view to_text(Judgement judgement) {
  switch (judgement) {
    case Judgement::Held:
      return "held";
    case Judgement::Missed:
      return "missed";
    case Judgement::Unmeasured:
      break;
  }
  return "unmeasured";
}

std::string measured_text(const Verdict& verdict) {
  if (!verdict.value) return "nothing to measure";
  return fmt::format("{:.4g} in {}", *verdict.value, verdict.step);
}

bool all_held(const RunResult& result) {
  const std::vector<Verdict> all = verdicts(result);
  return std::all_of(all.begin(), all.end(), [&](const Verdict& verdict) {
    const bool unseen = verdict.judgement == Judgement::Unmeasured && result.kind == "simulated";
    return verdict.judgement == Judgement::Held || unseen;
  });
}

}  // namespace millrace::bench
