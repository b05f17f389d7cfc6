// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_server.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/config.h"
#include "net/descriptors.h"

namespace millrace::bench::sim {
namespace {

using pipeline::CommandSpec;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

constexpr std::int64_t kNumberMax = 1'000'000'000;
constexpr double kBytesEachPixel = 0.25;  // of a photograph as JPEG

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// {n}, {r}, {unique}, {u}: numbers in the request.
std::string with_numbers(std::string text) {
  for (const std::string_view word : {"{n}", "{r}", "{unique}", "{u}"}) {
    for (std::size_t at = 0; (at = text.find(word)) != std::string::npos;) {
      text.replace(at, word.size(), "1");
    }
  }
  return text;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_size(std::string_view text) {
  const std::size_t x = text.find('x');
  return x != std::string_view::npos && is_number(text.substr(0, x)) &&
         is_number(text.substr(x + 1));
}

// Widens the parameter so that it takes this value as well.
void take_value(ParameterSpec& parameter, const std::string& value) {
  const ParameterKind kind = is_number(value) ? ParameterKind::Integer
                             : is_size(value) ? ParameterKind::Size
                                              : ParameterKind::Choice;
  parameter.kind = kind;
  parameter.min = 0;
  parameter.max = kNumberMax;
  const bool known = std::ranges::find(parameter.choices, value) != parameter.choices.end();
  if (kind == ParameterKind::Choice && !known) parameter.choices.push_back(value);
}

void take_command(std::vector<CommandSpec>& specs, const std::string& text) {
  std::vector<std::string> words = split(text, '/');
  if (words.size() > 1 && words.back().empty()) words.pop_back();
  auto spec = std::ranges::find(specs, words.front(), &CommandSpec::name);
  if (spec == specs.end()) {
    spec = specs.insert(specs.end(), CommandSpec{});
    spec->name = words.front();
    spec->takes = {"image"};
    spec->gives = words.front() == "imageInfo" ? "json" : "image";
  }
  std::size_t at = 1;
  if (words.size() % 2 == 0) {  // name, one value by its place, then pairs
    if (spec->positional.empty()) {
      spec->positional.emplace_back();
      spec->positional.front().name = "mode";
    }
    take_value(spec->positional.front(), words[at++]);
  }
  for (; at + 1 < words.size(); at += 2) {
    auto named = std::ranges::find(spec->named, words[at], &ParameterSpec::name);
    if (named == spec->named.end()) {
      named = spec->named.insert(spec->named.end(), ParameterSpec{});
      named->name = words[at];
    }
    take_value(*named, words[at + 1]);
  }
}

// {n} of a source stands for any number.
bool matches(const std::string& pattern, const std::string& key) {
  const std::size_t at = pattern.find("{n}");
  if (at == std::string::npos) return pattern == key;
  const std::string_view head = std::string_view(pattern).substr(0, at);
  const std::string_view tail = std::string_view(pattern).substr(at + 3);
  if (key.size() <= head.size() + tail.size()) return false;
  const std::string_view number =
      std::string_view(key).substr(head.size(), key.size() - head.size() - tail.size());
  return key.starts_with(head) && key.ends_with(tail) && is_number(number);
}

std::string format_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  const std::string suffix = dot == std::string::npos ? "" : key.substr(dot + 1);
  return suffix.empty() || suffix == "jpg" ? "jpeg" : suffix;
}

base::Environment environment_of(const Scenario& scenario) {
  base::Environment environment;
  for (const std::string& assignment : scenario.server.environment) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || !assignment.starts_with("MILLRACE_")) continue;
    environment[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  return environment;
}

}  // namespace

pipeline::Catalogue catalogue_of(const Scenario& scenario) {
  std::vector<CommandSpec> specs;
  for (const Mix& mix : scenario.mixes) {
    if (mix.pipeline.empty()) continue;
    for (const std::string& command : split(with_numbers(mix.pipeline), '|')) {
      take_command(specs, command);
    }
  }
  return pipeline::Catalogue(std::move(specs));
}

base::Result<SimServer> server_of(const Scenario& scenario, std::size_t cores) {
  SimServer server;
  auto loaded = base::load_config(scenario.server.config, environment_of(scenario),
                                  [&server](base::ConfigBinder& b) {
                                    b.part("gateway", server.gateway, "");
                                    b.part("agent", server.agent, "");
                                    server.storage.bind(b);
                                  });
  if (!loaded) {
    base::Error error = std::move(loaded.error());
    error.public_message = "server.config: " + error.public_message;
    return base::fail(std::move(error));
  }
  server.workers = scenario.server.workers > 0            ? scenario.server.workers
                   : server.agent.image_workers.count > 0 ? server.agent.image_workers.count
                                                          : cores;
  if (const std::size_t files = scenario.server.files_max; files > 0) {
    // What a public port leaves to the rest of its process.
    std::size_t& connections = server.gateway.limits.server.connections_max;
    connections = std::min(connections, files - std::min(files, net::descriptors_kept(files)));
  }
  server.catalogue = catalogue_of(scenario);
  for (const Mix& mix : scenario.mixes) {
    if (mix.pipeline.empty()) continue;
    if (auto checked = server.catalogue.check(with_numbers(mix.pipeline)); !checked) {
      base::Error error = std::move(checked.error());
      error.public_message = "mixes." + mix.name + ".pipeline: " + error.public_message;
      return base::fail(std::move(error));
    }
  }
  for (const Bucket& bucket : scenario.server.buckets) server.buckets[bucket.name] = bucket;
  return server;
}

ipc::Probe probe_of(const Bucket* bucket, const std::string& key, double source_px) {
  ipc::Probe probe;
  probe.format = format_of(key);
  probe.width = probe.height = std::llround(std::sqrt(std::max(1.0, source_px)));
  if (bucket == nullptr) return probe;
  for (const Source& source : bucket->sources) {
    if (!source.file.empty() || !matches(source.key, key)) continue;
    probe.width = source.width_px;
    probe.height = source.height_px;
  }
  return probe;
}

std::uint64_t source_bytes_of(const ipc::Probe& probe) {
  return static_cast<std::uint64_t>(static_cast<double>(probe.width) *
                                    static_cast<double>(probe.height) * kBytesEachPixel);
}

}  // namespace millrace::bench::sim
