// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <string_view>

#include <nlohmann/json.hpp>

#include "bench/lab/report.h"
#include "bench/lab/verdict.h"

namespace millrace::bench {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1'000) / 1'000; }

Json latency_json(const Histogram& histogram) {
  const auto ms = [&](double fraction) { return rounded(histogram.quantile_us(fraction) / 1e3); };
  return {{"count", histogram.count()},
          {"mean", rounded(histogram.mean_us() / 1e3)},
          {"p50", ms(0.5)},
          {"p90", ms(0.9)},
          {"p99", ms(0.99)},
          {"p99_9", ms(0.999)},
          {"max", rounded(static_cast<double>(histogram.max_us()) / 1e3)}};
}

Json row_json(const Tally& tally, double seconds, double capacity_per_s) {
  const auto per_s = [&](std::uint64_t count) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  };
  Json row = {{"offered", tally.offered},
              {"answered", tally.answered},
              {"good", tally.good},
              {"late", tally.late},
              {"refused", tally.refused},
              {"refused_without_retry_after", tally.refused_silently},
              {"offered_per_s", rounded(per_s(tally.offered))},
              {"goodput_per_s", rounded(per_s(tally.good))},
              {"body_bytes", tally.body_bytes}};
  if (capacity_per_s > 0) {
    row["offered_x"] = rounded(per_s(tally.offered) / capacity_per_s);
    row["goodput_x"] = rounded(per_s(tally.good) / capacity_per_s);
  }
  row["by_status"] = tally.by_status;
  row["good_latency_ms"] = latency_json(tally.good_latency);
  row["refused_latency_ms"] = latency_json(tally.refused_latency);
  row["answer_latency_ms"] = latency_json(tally.all_latency);
  return row;
}

Json process_json(const ProcessUse& use, std::uint64_t requests) {
  Json json = {{"processes", use.processes},
               {"cpu_user_ms", rounded(use.cpu_user_ms)},
               {"cpu_system_ms", rounded(use.cpu_system_ms)},
               {"rss_mib_max", rounded(use.rss_mib_max)},
               {"pss_mib_max", rounded(use.pss_mib_max)},
               {"shmem_mib_max", rounded(use.shmem_mib_max)}};
  if (requests > 0) {
    json["cpu_ms_per_request"] = rounded(use.cpu_ms() / static_cast<double>(requests));
  }
  return json;
}

Json generator_json(const GeneratorUse& use) {
  return {{"cpu_us_per_request", rounded(use.cpu_us_per_request)},
          {"cpu_share", rounded(use.cpu_share)},
          {"saturated", use.saturated()},
          {"late_start_ms", latency_json(use.late_start)},
          {"waited_for_connection", use.waited_for_connection},
          {"connections_opened", use.connections_opened},
          {"connections_max", use.connections_max_seen}};
}

Json step_json(const RunResult& result, const StepResult& step) {
  const double seconds = step.seconds();
  const Tally total = step.total();
  const auto at_s = [](Nanoseconds at) { return std::chrono::duration<double>(at).count(); };
  Json json = {{"name", step.name},
               {"begin_s", at_s(step.window.begin)},
               {"end_s", at_s(step.window.end)},
               {"total", row_json(total, seconds, result.capacity_per_s)}};
  constexpr std::array<std::string_view, 4> kKinds = {"mix", "tier", "user", "command"};
  for (const std::string_view kind : kKinds) {
    Json& rows = json["by_" + std::string(kind)] = Json::object();
    for (const auto& [name, tally] : result.rows(step, std::string(kind))) {
      rows[name] = row_json(tally, seconds, result.capacity_per_s);
    }
  }
  Json& processes = json["processes"] = Json::object();
  for (const auto& [name, use] : step.processes) processes[name] = process_json(use, total.offered);
  json["generator"] = generator_json(step.generator);
  return json;
}

Json bin_json(const SeriesBin& bin, double bin_s) {
  Json json = {{"at_s", rounded(bin.at_s)}};
  Json& tiers = json["by_tier"] = Json::object();
  for (const auto& [name, tally] : bin.by_tier) {
    tiers[name] = {{"offered_per_s", rounded(static_cast<double>(tally.offered) / bin_s)},
                   {"goodput_per_s", rounded(static_cast<double>(tally.good) / bin_s)},
                   {"refused_per_s", rounded(static_cast<double>(tally.refused) / bin_s)},
                   {"p50_ms", rounded(tally.good_latency.quantile_us(0.5) / 1e3)},
                   {"p99_ms", rounded(tally.good_latency.quantile_us(0.99) / 1e3)}};
  }
  Json& cpu = json["cpu_ms"] = Json::object();
  for (const auto& [name, ms] : bin.cpu_ms) cpu[name] = rounded(ms);
  Json& rss = json["rss_mib"] = Json::object();
  for (const auto& [name, mib] : bin.rss_mib) rss[name] = rounded(mib);
  return json;
}

Json verdict_json(const Verdict& verdict) {
  Json json = {{"name", verdict.name}, {"asked", verdict.asked}};
  json["measured"] = verdict.value ? Json(rounded(*verdict.value)) : Json(nullptr);
  if (verdict.rounds.size() > 1) {
    for (const double round : verdict.rounds) json["rounds"].push_back(rounded(round));
  }
  json["step"] = verdict.step;
  json["verdict"] = to_text(verdict.judgement);
  return json;
}

}  // namespace

std::string report_json(const RunResult& result) {
  Json json = {{"schema", 1},
               {"kind", result.kind},
               {"scenario", result.scenario.name},
               {"summary", result.scenario.summary},
               {"seed", result.scenario.seed},
               {"target", result.target},
               {"version", result.version},
               {"commit", result.commit},
               {"machine", result.machine},
               {"date", result.date},
               {"capacity_per_s", rounded(result.capacity_per_s)},
               {"capacity_after_per_s", rounded(result.capacity_after_per_s)},
               {"rounds", 1 + result.other_rounds.size()},
               {"notes", result.notes}};
  Json& expect = json["expect"] = Json::array();
  for (const Verdict& verdict : verdicts(result)) expect.push_back(verdict_json(verdict));
  Json& idle = json["idle"] = Json::object();
  for (const auto& [name, use] : result.idle) idle[name] = process_json(use, 0);
  for (const StepResult& step : result.steps) json["steps"].push_back(step_json(result, step));
  json["bin_s"] = result.bin_s;
  for (const SeriesBin& bin : result.series) json["series"].push_back(bin_json(bin, result.bin_s));
  return json.dump(1) + "\n";
}

}  // namespace millrace::bench
