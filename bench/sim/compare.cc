// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace millrace::bench::sim {
namespace {

using Json = nlohmann::json;

constexpr double kTolerance = 0.15;
constexpr double kSmallestGoodput = 0.02;  // of the capacity
constexpr double kSmallestShare = 0.02;

double number(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_number() ? found->get<double>() : 0;
}

CurvePoint point_of(const Json& row) {
  const bool in_multiples = row.contains("goodput_x");
  CurvePoint point;
  point.offered_x = number(row, in_multiples ? "offered_x" : "offered_per_s");
  point.goodput_x = number(row, in_multiples ? "goodput_x" : "goodput_per_s");
  point.good = static_cast<std::uint64_t>(number(row, "good"));
  const double offered = number(row, "offered");
  point.refused_share = offered > 0 ? number(row, "refused") / offered : 0;
  if (const auto latency = row.find("good_latency_ms"); latency != row.end()) {
    point.good_p50_ms = number(*latency, "p50");
    point.good_p99_ms = number(*latency, "p99");
  }
  return point;
}

bool agree(double measured, double simulated, double smallest) {
  const double off = std::abs(simulated - measured);
  return off <= smallest || off <= kTolerance * std::abs(measured);
}

Comparison::Row row_of(const std::string& step, const std::string& tier, const Json& measured,
                       const Json& simulated) {
  Comparison::Row row{
      .step = step, .tier = tier, .measured = point_of(measured), .simulated = point_of(simulated)};
  const CurvePoint& a = row.measured;
  const CurvePoint& b = row.simulated;
  row.goodput_agrees = agree(a.goodput_x, b.goodput_x, kSmallestGoodput);
  row.p50_agrees = agree(a.good_p50_ms, b.good_p50_ms, 0);
  row.p99_agrees = agree(a.good_p99_ms, b.good_p99_ms, 0);
  row.refused_agrees = agree(a.refused_share, b.refused_share, kSmallestShare);
  return row;
}

const Json* step_named(const Json& result, const std::string& name) {
  for (const Json& step : result.at("steps")) {
    if (step.value("name", "") == name) return &step;
  }
  return nullptr;
}

bool is_result(const Json& json) {
  return json.is_object() && json.contains("steps") && json.at("steps").is_array();
}

// 0.98 0.95, with a star behind a pair that differs.
std::string pair_text(double measured, double simulated, int digits, bool agrees) {
  return fmt::format("{:>10.{}f}{:>9.{}f}{}", measured, digits, simulated, digits,
                     agrees ? ' ' : '*');
}

}  // namespace

base::Result<Comparison> compare(std::string_view measured_json, std::string_view simulated_json) {
  const Json measured = Json::parse(measured_json, nullptr, false);
  const Json simulated = Json::parse(simulated_json, nullptr, false);
  if (!is_result(measured) || !is_result(simulated)) {
    return base::fail(base::Reason::BadParameter, "this is not the JSON of a load run's result");
  }
  Comparison comparison;
  for (const Json& step : measured.at("steps")) {
    const std::string name = step.value("name", "");
    const Json* other = step_named(simulated, name);
    if (other == nullptr) {
      comparison.notes.push_back("step " + name + " was measured and not simulated");
      continue;
    }
    comparison.rows.push_back(row_of(name, "all", step.at("total"), other->at("total")));
    const Json tiers = step.value("by_tier", Json::object());
    const Json other_tiers = other->value("by_tier", Json::object());
    if (tiers.size() < 2) continue;
    for (const auto& [tier, row] : tiers.items()) {
      if (!other_tiers.contains(tier)) continue;
      comparison.rows.push_back(row_of(name, tier, row, other_tiers.at(tier)));
    }
  }
  for (const Json& step : simulated.at("steps")) {
    const std::string name = step.value("name", "");
    if (step_named(measured, name) == nullptr) {
      comparison.notes.push_back("step " + name + " was simulated and not measured");
    }
  }
  if (comparison.rows.empty()) {
    return base::fail(base::Reason::BadParameter, "the two results have no step in common");
  }
  return comparison;
}

bool Comparison::goodput_agrees() const {
  return std::ranges::all_of(rows, [](const Row& row) { return row.goodput_agrees; });
}

std::string Comparison::text() const {
  std::string text = fmt::format("{:<22}{:<10}{:>7} {:>19} {:>19} {:>19} {:>19}\n", "step", "tier",
                                 "offered", "goodput (x)", "p50 (ms)", "p99 (ms)", "refused share");
  text += fmt::format("{:<39}", "");
  for (int i = 0; i < 4; ++i) text += fmt::format("{:>10}{:>9} ", "meas.", "sim.");
  text += "\n";
  std::size_t goodput = 0;
  std::size_t others = 0;
  double worst = 0;
  for (const Row& row : rows) {
    const CurvePoint& a = row.measured;
    const CurvePoint& b = row.simulated;
    text += fmt::format("{:<22}{:<10}{:>7.2f}", row.step, row.tier, a.offered_x);
    text += pair_text(a.goodput_x, b.goodput_x, 3, row.goodput_agrees);
    text += pair_text(a.good_p50_ms, b.good_p50_ms, 1, row.p50_agrees);
    text += pair_text(a.good_p99_ms, b.good_p99_ms, 1, row.p99_agrees);
    text += pair_text(a.refused_share, b.refused_share, 3, row.refused_agrees) + "\n";
    goodput += row.goodput_agrees ? 0 : 1;
    others += (row.p50_agrees ? 0 : 1) + (row.p99_agrees ? 0 : 1) + (row.refused_agrees ? 0 : 1);
    if (a.goodput_x >= kSmallestGoodput) {
      worst = std::max(worst, std::abs(b.goodput_x - a.goodput_x) / a.goodput_x);
    }
  }
  for (const std::string& note : notes) text += "note: " + note + "\n";
  text += fmt::format(
      "goodput: {} of {} points differ by more than {:.0f} % (the worst by "
      "{:.1f} %)",
      goodput, rows.size(), kTolerance * 100, worst * 100);
  text += fmt::format("; of the other figures {} differ (*)\n", others);
  return text;
}

}  // namespace millrace::bench::sim
