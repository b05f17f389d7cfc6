// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "bench/lab/report.h"
#include "bench/lab/svg_plot.h"
#include "bench/lab/verdict.h"

namespace millrace::bench {
namespace {

constexpr const char* kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff;
       max-width: 920px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em; margin: 0 } h2 { font-size: 1.15em; margin: 2em 0 .5em }
.facts { color: #57606a; margin: .2em 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid #e3e6ea }
th:first-child, td:first-child { text-align: left }
tr.step td { font-weight: 600; background: #f4f6f8; text-align: left }
svg { max-width: 100%; height: auto; display: block; margin: 1em 0 }
svg text { font: 12px system-ui, sans-serif; fill: #57606a }
svg text.title { font-size: 14px; font-weight: 600; fill: #1b1f24 }
svg text.step { font-size: 10px; fill: #8b949e }
svg .grid { stroke: #e3e6ea } svg line.step { stroke: #c3c9d0; stroke-dasharray: 2 3 }
td.missed, td.unmeasured { color: #b42318; font-weight: 600 } td.held { color: #1a7f37 }
.note { background: #fff8e1; padding: .3em .8em; border-left: 3px solid #e69f00; margin: .4em 0 }
)";

std::string ms_cell(double us) {
  if (us <= 0) return "<td>–</td>";
  const double ms = us / 1e3;
  return ms < 10 ? fmt::format("<td>{:.2f}</td>", ms) : fmt::format("<td>{:.1f}</td>", ms);
}

std::string row(const std::string& name, const Tally& tally, double seconds) {
  const auto per_s = [&](std::uint64_t count) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  };
  return fmt::format(
      "<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{}</td>"
      "<td>{}</td>{}{}{}{}{}</tr>\n",
      escaped(name), per_s(tally.offered), per_s(tally.good), per_s(tally.refused), tally.late,
      tally.offered - tally.answered, ms_cell(tally.good_latency.quantile_us(0.5)),
      ms_cell(tally.good_latency.quantile_us(0.9)), ms_cell(tally.good_latency.quantile_us(0.99)),
      ms_cell(tally.good_latency.quantile_us(0.999)),
      ms_cell(tally.refused_latency.quantile_us(0.99)));
}

std::string steps_table(const RunResult& result) {
  std::string text =
      "<table><tr><th></th><th>offered/s</th><th>good/s</th><th>refused/s</th><th>late</th>"
      "<th>lost</th><th>p50 ms</th><th>p90</th><th>p99</th><th>p99.9</th>"
      "<th>refused p99</th></tr>\n";
  for (const StepResult& step : result.steps) {
    const double seconds = step.seconds();
    std::string title = fmt::format("{}, {:.1f} s", step.name, seconds);
    if (result.capacity_per_s > 0) {
      title += fmt::format(", offered {:.2f}x", step.offered_per_s() / result.capacity_per_s);
    }
    text += fmt::format("<tr class=\"step\"><td colspan=\"11\">{}</td></tr>\n", escaped(title));
    text += row("all", step.total(), seconds);
    for (const char* kind : {"tier", "mix"}) {
      const auto rows = result.rows(step, kind);
      if (rows.size() < 2) continue;  // it is all
      for (const auto& [name, tally] : rows)
        text += row(std::string(kind) + " " + name, tally, seconds);
    }
  }
  return text + "</table>\n";
}

std::string verdict_table(const RunResult& result) {
  const std::vector<Verdict> all = verdicts(result);
  if (all.empty()) return {};
  std::string text =
      "<h2>Asked and measured</h2>\n<table><tr><th></th><th>asked</th><th>measured</th><th></th>"
      "</tr>\n";
  for (const Verdict& verdict : all) {
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td></tr>\n",
                    escaped(verdict.name), escaped(verdict.asked), escaped(measured_text(verdict)),
                    to_text(verdict.judgement), to_text(verdict.judgement));
  }
  return text + "</table>\n";
}

std::string answers_table(const RunResult& result) {
  std::string text = "<table><tr><th>step</th><th>answer</th><th>count</th></tr>\n";
  for (const StepResult& step : result.steps) {
    for (const auto& [status, count] : step.total().by_status) {
      text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", escaped(step.name),
                          escaped(status), count);
    }
  }
  return text + "</table>\n";
}

std::string process_table(const RunResult& result) {
  std::string text =
      "<table><tr><th>step</th><th>process</th><th>CPU ms</th><th>user</th><th>system</th>"
      "<th>ms a request</th><th>resident MiB</th><th>PSS MiB</th></tr>\n";
  for (const StepResult& step : result.steps) {
    const auto requests = static_cast<double>(std::max<std::uint64_t>(step.total().offered, 1));
    for (const auto& [name, use] : step.processes) {
      text += fmt::format(
          "<tr><td>{}</td><td>{}</td><td>{:.0f}</td><td>{:.0f}</td><td>{:.0f}</td>"
          "<td>{:.3f}</td><td>{:.1f}</td><td>{:.1f}</td></tr>\n",
          escaped(step.name), escaped(name), use.cpu_ms(), use.cpu_user_ms, use.cpu_system_ms,
          use.cpu_ms() / requests, use.rss_mib_max, use.pss_mib_max);
    }
  }
  return text + "</table>\n";
}

std::vector<std::pair<double, std::string>> step_marks(const RunResult& result) {
  std::vector<std::pair<double, std::string>> marks;
  marks.reserve(result.steps.size());
  for (const StepResult& step : result.steps) {
    marks.emplace_back(std::chrono::duration<double>(step.window.begin).count(), step.name);
  }
  return marks;
}

std::set<std::string> tiers_of(const RunResult& result) {
  std::set<std::string> tiers;
  for (const Mix& mix : result.scenario.mixes) tiers.insert(mix.tier);
  return tiers;
}

template <class Value>
PlotSeries over_time(const RunResult& result, std::string name, bool dashed, const Value& value) {
  PlotSeries series{.name = std::move(name), .points = {}, .dashed = dashed};
  for (const SeriesBin& bin : result.series) series.points.emplace_back(bin.at_s, value(bin));
  return series;
}

Tally tally_of(const SeriesBin& bin, const std::string& tier) {
  const auto found = bin.by_tier.find(tier);
  return found == bin.by_tier.end() ? Tally() : found->second;
}

std::string time_plots(const RunResult& result) {
  std::vector<PlotSeries> latency;
  std::vector<PlotSeries> rates;
  for (const std::string& tier : tiers_of(result)) {
    for (const auto& [word, fraction] : {std::pair{" p50", 0.5}, std::pair{" p99", 0.99}}) {
      latency.push_back(
          over_time(result, tier + word, fraction < 0.9, [&, f = fraction](const SeriesBin& bin) {
            return tally_of(bin, tier).good_latency.quantile_us(f) / 1e3;
          }));
    }
    rates.push_back(over_time(result, tier + " good", false, [&](const SeriesBin& bin) {
      return static_cast<double>(tally_of(bin, tier).good) / result.bin_s;
    }));
    rates.push_back(over_time(result, tier + " offered", true, [&](const SeriesBin& bin) {
      return static_cast<double>(tally_of(bin, tier).offered) / result.bin_s;
    }));
  }
  return line_plot({.title = "Latency of good answers over time, from the intended start",
                    .x_label = "seconds",
                    .y_label = "ms",
                    .log_y = true,
                    .marks_x = step_marks(result)},
                   latency) +
         line_plot({.title = "Offered and good over time",
                    .x_label = "seconds",
                    .y_label = "requests a second",
                    .log_y = true,
                    .marks_x = step_marks(result)},
                   rates);
}

// Steps of about the same load make no curve: nothing is drawn then.
bool loads_differ(const RunResult& result) {
  double least = std::numeric_limits<double>::max();
  double most = 0;
  for (const StepResult& step : result.steps) {
    least = std::min(least, step.offered_per_s());
    most = std::max(most, step.offered_per_s());
  }
  return most > 1.3 * least;
}

std::string goodput_plot(const RunResult& result) {
  if (!loads_differ(result)) return {};
  const bool one_tier = tiers_of(result).size() < 2;
  const double unit = result.capacity_per_s > 0 ? result.capacity_per_s : 1;
  std::map<std::string, std::vector<std::pair<double, double>>> points;
  for (const StepResult& step : result.steps) {
    if (step.seconds() <= 0) continue;
    const double x = step.offered_per_s() / unit;
    const auto y = [&](const Tally& tally) {
      return static_cast<double>(tally.good) / step.seconds() / unit;
    };
    points["all"].emplace_back(x, y(step.total()));
    if (one_tier) continue;  // it is all
    for (const auto& [tier, tally] : result.rows(step, "tier")) {
      points["tier " + tier].emplace_back(x, y(tally));
    }
  }
  std::vector<PlotSeries> series;
  for (auto& [name, list] : points) {
    std::sort(list.begin(), list.end());
    series.push_back({.name = name, .points = std::move(list)});
  }
  const std::string per = result.capacity_per_s > 0 ? ", as a multiple of capacity" : " a second";
  return line_plot({.title = "Goodput against offered load, one point a step",
                    .x_label = "offered" + per,
                    .y_label = "good" + per,
                    .log_x = true,
                    .marks = true},
                   series);
}

std::string process_plots(const RunResult& result) {
  std::set<std::string> names;
  for (const StepResult& step : result.steps) {
    for (const auto& [name, unused] : step.processes) names.insert(name);
  }
  if (names.empty()) return {};
  std::vector<std::string> words;
  words.reserve(result.steps.size());
  std::vector<StackSeries> bars;
  std::vector<PlotSeries> memory;
  for (const StepResult& step : result.steps) words.push_back(step.name);
  for (const std::string& name : names) {
    StackSeries stack{.name = name, .values = {}};
    for (const StepResult& step : result.steps) {
      const auto use = step.processes.find(name);
      const bool known = use != step.processes.end() && step.seconds() > 0;
      stack.values.push_back(known ? use->second.cpu_ms() / 1e3 / step.seconds() : 0);
    }
    bars.push_back(std::move(stack));
    memory.push_back(over_time(result, name, false, [&](const SeriesBin& bin) {
      const auto found = bin.rss_mib.find(name);
      return found == bin.rss_mib.end() ? 0.0 : found->second;
    }));
  }
  return stacked_bars(
             {.title = "CPU by process and step", .x_label = "step", .y_label = "cores in use"},
             words, bars) +
         line_plot({.title = "Resident memory without shared pages",
                    .x_label = "seconds",
                    .y_label = "MiB",
                    .marks_x = step_marks(result)},
                   memory);
}

}  // namespace

std::string report_html(const RunResult& result) {
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n<p>{2}</p>\n",
      escaped(result.scenario.name), kStyle, escaped(result.scenario.summary));
  text += fmt::format("<p class=\"facts\">{}, {} {}, {}, seed {}</p>\n<p class=\"facts\">{}</p>\n",
                      result.kind, escaped(result.target), escaped(result.version), result.date,
                      result.scenario.seed, escaped(result.machine));
  if (result.capacity_per_s > 0) {
    text += fmt::format("<p class=\"facts\">capacity (1x): {:.1f} answers a second{}</p>\n",
                        result.capacity_per_s,
                        result.capacity_after_per_s > 0
                            ? fmt::format(", {:.1f} at the end", result.capacity_after_per_s)
                            : "");
  }
  for (const std::string& note : result.notes) {
    text += "<p class=\"note\">" + escaped(note) + "</p>\n";
  }
  text += verdict_table(result);
  text += "<h2>Steps</h2>\n" + steps_table(result);
  text += "<h2>Load</h2>\n" + goodput_plot(result) + time_plots(result);
  text += "<h2>Processes</h2>\n" + process_plots(result) + process_table(result);
  text += "<h2>Answers</h2>\n" + answers_table(result);
  return text + "</body></html>\n";
}

}  // namespace millrace::bench
