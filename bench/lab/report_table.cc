// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "bench/lab/report.h"
#include "bench/lab/verdict.h"

namespace millrace::bench {
namespace {

// 830 us, 12.3 ms, 4.21 s
std::string time_text(double us) {
  if (us <= 0) return "-";
  if (us < 1'000) return fmt::format("{:.0f} us", us);
  if (us < 1e6) return fmt::format("{:.1f} ms", us / 1e3);
  return fmt::format("{:.2f} s", us / 1e6);
}

std::string row(const std::string& name, const Tally& tally, double seconds) {
  const auto per_s = [&](std::uint64_t count) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  };
  const Histogram& good = tally.good_latency;
  return fmt::format(
      "  {:<22}{:>10.1f}{:>10.1f}{:>11.1f}{:>7}{:>7}{:>10}{:>10}{:>10}{:>10}{:>13}\n", name,
      per_s(tally.offered), per_s(tally.good), per_s(tally.refused), tally.late,
      tally.offered - tally.answered, time_text(good.quantile_us(0.5)),
      time_text(good.quantile_us(0.99)), time_text(good.quantile_us(0.999)),
      time_text(static_cast<double>(good.max_us())),
      time_text(tally.refused_latency.quantile_us(0.99)));
}

std::string step_text(const RunResult& result, const StepResult& step) {
  const double seconds = step.seconds();
  const Tally total = step.total();
  std::string text = fmt::format("\n{} ({:.0f} s", step.name, seconds);
  if (result.capacity_per_s > 0) {
    text += fmt::format("; offered {:.2f}x, good {:.2f}x of capacity",
                        step.offered_per_s() / result.capacity_per_s,
                        static_cast<double>(total.good) / seconds / result.capacity_per_s);
  }
  text += fmt::format(")\n  {:<22}{:>10}{:>10}{:>11}{:>7}{:>7}{:>10}{:>10}{:>10}{:>10}{:>13}\n", "",
                      "offered/s", "good/s", "refused/s", "late", "lost", "p50", "p99", "p99.9",
                      "max", "refused p99");
  text += row("all", total, seconds);
  for (const auto& [name, tally] : result.rows(step, "tier")) {
    text += row("tier " + name, tally, seconds);
  }
  const auto mixes = result.rows(step, "mix");
  if (mixes.size() > 1) {
    for (const auto& [name, tally] : mixes) text += row("mix " + name, tally, seconds);
  }
  std::string statuses;
  for (const auto& [status, count] : total.by_status) {
    statuses += fmt::format("{}{} x {}", statuses.empty() ? "" : ", ", count, status);
  }
  text += "  answers: " + statuses + "\n";
  const auto requests = static_cast<double>(std::max<std::uint64_t>(total.offered, 1));
  for (const auto& [name, use] : step.processes) {
    text += fmt::format(
        "  {:<22}{:>9.1f} ms CPU, {:.3f} ms a request, {:.1f} MiB resident, {:.1f} MiB PSS at "
        "most\n",
        name, use.cpu_ms(), use.cpu_ms() / requests, use.rss_mib_max, use.pss_mib_max);
  }
  if (result.kind == "measured") {
    const GeneratorUse& generator = step.generator;
    text += fmt::format(
        "  {:<22}{:>9.1f} us CPU a request, late starts {} at p99, {} connections at most\n",
        "generator", generator.cpu_us_per_request,
        time_text(generator.late_start.quantile_us(0.99)), generator.connections_max_seen);
  }
  return text;
}

std::string verdict_table(const RunResult& result) {
  const std::vector<Verdict> all = verdicts(result);
  if (all.empty()) return {};
  std::size_t name_width = 0;
  std::size_t asked_width = 0;
  for (const Verdict& verdict : all) {
    name_width = std::max(name_width, verdict.name.size());
    asked_width = std::max(asked_width, verdict.asked.size());
  }
  const auto line = [&](std::string_view name, std::string_view asked, std::string_view measured,
                        std::string_view judgement) {
    return fmt::format("  {:<{}}  {:<{}}  {:<24}{}\n", name, name_width, asked, asked_width,
                       measured, judgement);
  };
  std::string text = "\n" + line("", "asked", "measured", "");
  for (const Verdict& verdict : all) {
    text += line(verdict.name, verdict.asked, measured_text(verdict), to_text(verdict.judgement));
  }
  return text;
}

}  // namespace

std::string report_table(const RunResult& result) {
  std::string text = fmt::format("{} ({}, {}): {}\n{}\n", result.scenario.name, result.target,
                                 result.kind, result.scenario.summary, result.machine);
  if (result.capacity_per_s > 0) {
    text += fmt::format("capacity {:.1f}/s", result.capacity_per_s);
    if (result.capacity_after_per_s > 0) {
      text += fmt::format(", at the end {:.1f}/s", result.capacity_after_per_s);
    }
    text += "\n";
  }
  for (const StepResult& step : result.steps) text += step_text(result, step);
  if (!result.notes.empty()) text += "\n";
  for (const std::string& note : result.notes) text += "note: " + note + "\n";
  text += verdict_table(result);
  return text;
}

}  // namespace millrace::bench
