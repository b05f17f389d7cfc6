// SPDX-License-Identifier: Apache-2.0
// millrace-bench: the load lab. docs/load-lab.md says how to use it.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/lab/lab_run.h"
#include "bench/lab/report.h"
#include "bench/lab/verdict.h"
#include "bench/sim/compare.h"
#include "bench/sim/simulation.h"
#include "bench/speed/compare_command.h"

namespace millrace::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kExitMissed = 1;  // an expectation of the scenario
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 3;  // the run itself

struct Arguments {
  std::string scenario;
  std::vector<std::string> settings;
  std::string out;
  std::string system;
  std::string target;
  std::string url;
  std::string capacity_from;
  std::string compare;
  std::size_t cores = 0;
  std::size_t rounds = 1;
  int watch_root = 0;
  bool quiet = false;
};

base::Result<std::string> read_text(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return base::fail(base::Reason::BadParameter, "cannot read " + file);
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

int say_error(const std::string& file, const base::Error& error) {
  std::fputs(("millrace-bench: " + file + ": " + error.public_message +
              (error.detail.empty() ? "" : " (" + error.detail + ")") + "\n")
                 .c_str(),
             stderr);
  return kExitUsage;
}

base::Result<Scenario> scenario_of(const Arguments& arguments) {
  std::vector<Setting> settings;
  for (const std::string& text : arguments.settings) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return base::fail(base::Reason::BadParameter, "--set " + text + " must be key=value");
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  auto text = read_text(arguments.scenario);
  if (!text) return base::fail(std::move(text.error()));
  return load_scenario(*text, settings);
}

bool write_results(const fs::path& folder, const RunResult& result) {
  fs::create_directories(folder);
  const std::string name = result.scenario.name;
  std::ofstream json(folder / (name + ".json"));
  json << report_json(result);
  std::ofstream html(folder / (name + ".html"));
  html << report_html(result);
  json.close();
  html.close();
  return json.good() && html.good();
}

int check(const Arguments& arguments) {
  const auto scenario = scenario_of(arguments);
  if (!scenario) return say_error(arguments.scenario, scenario.error());
  std::printf("%s: %zu mixes, %zu steps\n", scenario->name.c_str(), scenario->mixes.size(),
              scenario->steps.size());
  return 0;
}

int run_scenario(const Arguments& arguments) {
  const auto scenario = scenario_of(arguments);
  if (!scenario) return say_error(arguments.scenario, scenario.error());
  RunOptions options;
  options.scenario_folder = fs::absolute(arguments.scenario).parent_path();
  options.binaries = arguments.system.empty() ? fs::read_symlink("/proc/self/exe").parent_path()
                                              : fs::path(arguments.system);
  options.url = arguments.url;
  options.watch_root = arguments.watch_root;
  options.quiet = arguments.quiet;
  if (!arguments.target.empty()) {
    auto text = read_text(arguments.target);
    if (!text) return say_error(arguments.target, text.error());
    auto target = load_target(*text);
    if (!target) return say_error(arguments.target, target.error());
    options.target = *std::move(target);
    if (options.url.empty()) {
      std::fputs("millrace-bench: --target needs --url, where that server is\n", stderr);
      return kExitUsage;
    }
  }
  std::vector<RunResult> rounds;
  for (std::size_t i = 0; i < arguments.rounds; ++i) {
    auto round = run_measured(*scenario, options);
    if (!round) {
      say_error(arguments.scenario, round.error());
      return kExitFailed;
    }
    rounds.push_back(*std::move(round));
  }
  const RunResult result = middle_of(std::move(rounds));
  std::fputs(report_table(result).c_str(), stdout);
  const int status = all_held(result) ? 0 : kExitMissed;
  if (arguments.out.empty()) return status;
  if (write_results(arguments.out, result)) return status;
  std::fputs(("millrace-bench: cannot write to " + arguments.out + "\n").c_str(), stderr);
  return kExitFailed;
}

// kExitMissed: an expectation of the scenario; with a result to compare with, only its goodput.
int simulate_scenario(const Arguments& arguments) {
  const auto scenario = scenario_of(arguments);
  if (!scenario) return say_error(arguments.scenario, scenario.error());
  sim::SimOptions options;
  if (!arguments.capacity_from.empty()) {
    const auto text = read_text(arguments.capacity_from);
    if (!text) return say_error(arguments.capacity_from, text.error());
    const auto taken = sim::take_from_result(*text, options);
    if (!taken) return say_error(arguments.capacity_from, taken.error());
  }
  if (arguments.cores > 0) options.cores = arguments.cores;
  const auto result = sim::simulate(*scenario, options);
  if (!result) return say_error(arguments.scenario, result.error());
  std::fputs(report_table(*result).c_str(), stdout);
  if (!arguments.out.empty() && !write_results(arguments.out, *result)) {
    std::fputs(("millrace-bench: cannot write to " + arguments.out + "\n").c_str(), stderr);
    return kExitFailed;
  }
  if (arguments.compare.empty()) return all_held(*result) ? 0 : kExitMissed;
  const auto measured = read_text(arguments.compare);
  if (!measured) return say_error(arguments.compare, measured.error());
  const auto comparison = sim::compare(*measured, report_json(*result));
  if (!comparison) return say_error(arguments.compare, comparison.error());
  std::fputs(("\n" + comparison->text()).c_str(), stdout);
  return comparison->goodput_agrees() ? 0 : kExitMissed;
}

void add_scenario(CLI::App& app, Arguments& arguments) {
  app.add_option("scenario", arguments.scenario, "YAML file; docs/load-lab.md")->required();
  app.add_option("--set", arguments.settings,
                 "key=value: overrides a key outside mixes, steps, buckets, …; repeats");
}

int run(int argc, char** argv) {
  CLI::App app("The load lab of Millrace: open-loop load, watched and reported.", "millrace-bench");
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* run_command = app.add_subcommand("run", "run a scenario and report what it found");
  add_scenario(*run_command, arguments);
  run_command->add_option("--out", arguments.out, "folder for NAME.json and NAME.html");
  run_command->add_option("--system", arguments.system,
                          "folder of the binaries under test (beside this one)");
  run_command->add_option("--target", arguments.target,
                          "YAML file of another server's URLs, bench/targets/");
  run_command->add_option("--url", arguments.url, "server that runs already, http://host:port");
  run_command->add_option("--watch-root", arguments.watch_root,
                          "pid whose tree is watched, with --url (0: the whole machine)");
  run_command
      ->add_option("--rounds", arguments.rounds,
                   "how often, each with a fresh server; medians are judged (1)")
      ->check(CLI::Range(1, 99));
  run_command->add_flag("--quiet", arguments.quiet, "without progress");
  CLI::App* check_command = app.add_subcommand("check", "say whether a scenario is right");
  add_scenario(*check_command, arguments);
  CLI::App* simulate_command = app.add_subcommand(
      "simulate", "the scenario in virtual time, over the same deciders; docs/simulator.md");
  add_scenario(*simulate_command, arguments);
  simulate_command->add_option("--out", arguments.out, "folder for NAME.json and NAME.html");
  simulate_command->add_option("--capacity-from", arguments.capacity_from,
                               "measured result: simulate a machine of this capacity");
  simulate_command->add_option("--compare", arguments.compare,
                               "measured result: exit status 1 where goodput differs by over 15 %");
  simulate_command->add_option("--cores", arguments.cores, "of the simulated machine (2)");
  speed::SpeedCommands speed_commands(app);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  if (speed_commands.parsed()) return speed_commands.run();
  if (simulate_command->parsed()) return simulate_scenario(arguments);
  return run_command->parsed() ? run_scenario(arguments) : check(arguments);
}

}  // namespace
}  // namespace millrace::bench

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) { return millrace::bench::run(argc, argv); }
