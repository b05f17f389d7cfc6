// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/speed/comparison.h"
#include "bench/speed/medians.h"

namespace millrace::bench::speed {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double places = 1e3) { return std::round(value * places) / places; }

struct Figure {
  const char* name;
  double Round::* of;
};
constexpr std::array<Figure, 6> kFigures = {{{"per_s", &Round::per_s},
                                             {"cpu_ms", &Round::cpu_ms},
                                             {"memory_mb", &Round::memory_mb},
                                             {"p50_ms", &Round::p50_ms},
                                             {"p99_ms", &Round::p99_ms},
                                             {"bytes", &Round::bytes}}};

bool is_of_processes(const Figure& figure) {
  return figure.of == &Round::cpu_ms || figure.of == &Round::memory_mb;
}

Json quality_json(const Quality& quality) {
  return {{"ssim", rounded(quality.ssim, 1e4)},
          {"psnr_db", rounded(quality.psnr_db, 100)},
          {"bytes", rounded(quality.bytes, 1)}};
}

Json cell_json(const Comparison& comparison, const Cell& cell) {
  const SystemFacts* const facts = comparison.system(cell.system);
  const bool watched = facts != nullptr && facts->watched;
  Json json = {{"op", cell.operation}, {"system", cell.system}};
  if (!cell.wrong.empty()) json["does_not_count"] = cell.wrong;
  std::uint64_t answered = 0;
  std::map<std::string, std::uint64_t> wrong;
  for (const Round& round : cell.rounds) {
    answered += round.answered;
    for (const auto& [status, count] : round.wrong) wrong[status] += count;
  }
  json["answered"] = answered;
  json["wrong"] = wrong;
  Json rounds = Json::object();
  for (const Figure& figure : kFigures) {
    if (is_of_processes(figure) && !watched) {
      json[figure.name] = nullptr;
      continue;
    }
    json[figure.name] = rounded(figure.of == &Round::memory_mb ? most_of(cell, figure.of)
                                                               : median_of(cell, figure.of));
    for (const double value : of_rounds(cell, figure.of)) {
      rounds[figure.name].push_back(rounded(value));
    }
  }
  // Of the round in the middle by its requests a second.
  std::vector<const Round*> sorted;
  sorted.reserve(cell.rounds.size());
  for (const Round& round : cell.rounds) sorted.push_back(&round);
  std::ranges::sort(sorted, {}, &Round::per_s);
  if (watched && !sorted.empty()) {
    Json& programs = json["programs"] = Json::object();
    for (const auto& [name, use] : sorted[sorted.size() / 2]->programs) {
      programs[name] = {{"cpu_ms", rounded(use.cpu_ms)},
                        {"memory_mb", rounded(use.memory_mb, 10)},
                        {"processes", use.processes}};
    }
  }
  json["sample"] = cell.quality ? quality_json(*cell.quality) : Json(nullptr);
  json["rounds"] = rounds;
  return json;
}

Json verdict_json(const Verdict& verdict) {
  Json json = {{"name", verdict.name}, {"asked", verdict.asked}};
  json["measured"] = verdict.value ? Json(rounded(*verdict.value, 1e4)) : Json(nullptr);
  if (verdict.rounds.size() > 1) {
    for (const double round : verdict.rounds) json["rounds"].push_back(rounded(round));
  }
  json["verdict"] = to_text(verdict.judgement);
  return json;
}

std::string table_of(const Comparison& comparison, const Operation& operation) {
  std::string text = fmt::format("\nop {}: {}\n", operation.number, operation.name);
  text += fmt::format("  {:<24} {:>10} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "",
                      "requests/s", "CPU ms", "MB", "p50 ms", "p99 ms", "bytes", "SSIM", "PSNR");
  const auto quality_text = [](const std::optional<Quality>& quality) {
    if (!quality) return fmt::format("{:>8} {:>8} {:>8}", "-", "-", "-");
    return fmt::format("{:>8.0f} {:>8.4f} {:>8.2f}", quality->bytes, quality->ssim,
                       quality->psnr_db);
  };
  for (const Cell& cell : comparison.cells) {
    if (cell.operation != operation.number) continue;
    const SystemFacts* const facts = comparison.system(cell.system);
    const bool watched = facts != nullptr && facts->watched;
    const std::string cpu =
        watched ? fmt::format("{:.2f}", median_of(cell, &Round::cpu_ms)) : std::string("-");
    const std::string memory =
        watched ? fmt::format("{:.0f}", most_of(cell, &Round::memory_mb)) : std::string("-");
    text +=
        fmt::format("  {:<24} {:>10.1f} {:>9} {:>9} {:>8.1f} {:>8.1f} {}{}\n", cell.system,
                    median_of(cell, &Round::per_s), cpu, memory, median_of(cell, &Round::p50_ms),
                    median_of(cell, &Round::p99_ms), quality_text(cell.quality),
                    cell.wrong.empty() ? "" : "  does not count: " + cell.wrong);
  }
  if (const auto libvips = comparison.libvips.find(operation.number);
      libvips != comparison.libvips.end()) {
    text += fmt::format("  {:<24} {:>56} {}\n", "libvips' own result", "",
                        quality_text(libvips->second));
  }
  return text;
}

}  // namespace

std::string comparison_table(const Comparison& comparison) {
  std::string text;
  for (const SystemFacts& system : comparison.systems) {
    text += fmt::format("{}: {}{}\n", system.name, system.about,
                        system.counts ? "" : " (shown, not one to beat)");
  }
  for (const Operation& operation : comparison.operations) text += table_of(comparison, operation);
  text += "\n";
  for (const Verdict& verdict : verdicts(comparison)) {
    text += fmt::format(
        "{:<10} {:<16} {}, measured {}\n", to_text(verdict.judgement), verdict.name, verdict.asked,
        verdict.value ? fmt::format("{:.4g}", *verdict.value) : std::string("nothing"));
  }
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  return text;
}

std::string comparison_json(const Comparison& comparison,
                            const std::vector<std::pair<std::string, std::string>>& head) {
  Json json = {{"kind", "compare"}};
  for (const auto& [key, value] : head) json[key] = value;
  json["connections"] = comparison.connections;
  json["seconds"] = comparison.seconds;
  json["operations"] = Json::array();
  for (const Operation& operation : comparison.operations) {
    json["operations"].push_back({{"op", operation.number}, {"name", operation.name}});
  }
  json["systems"] = Json::array();
  for (const SystemFacts& system : comparison.systems) {
    json["systems"].push_back({{"name", system.name},
                               {"about", system.about},
                               {"counts", system.counts},
                               {"watched", system.watched}});
  }
  json["libvips"] = Json::array();
  for (const auto& [operation, quality] : comparison.libvips) {
    Json row = {{"op", operation}};
    row.update(quality_json(quality));
    json["libvips"].push_back(row);
  }
  json["rows"] = Json::array();
  for (const Cell& cell : comparison.cells) json["rows"].push_back(cell_json(comparison, cell));
  const auto rounds = [](const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) list.push_back(rounded(value));
    return list;
  };
  json["workers"] = {{"one_per_s", rounds(comparison.one_worker_per_s)},
                     {"two_per_s", rounds(comparison.two_workers_per_s)},
                     {"one_cpu_ms", rounds(comparison.one_worker_cpu_ms)},
                     {"two_cpu_ms", rounds(comparison.two_workers_cpu_ms)}};
  json["asked"] = Json::array();
  for (const Verdict& verdict : verdicts(comparison))
    json["asked"].push_back(verdict_json(verdict));
  json["notes"] = comparison.notes;
  return json.dump(1) + "\n";
}

}  // namespace millrace::bench::speed
