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
  const auto result = run_measured(*scenario, options);
  if (!result) {
    say_error(arguments.scenario, result.error());
    return kExitFailed;
  }
  std::fputs(report_table(*result).c_str(), stdout);
  const int status = all_held(*result) ? 0 : kExitMissed;
  if (arguments.out.empty()) return status;
  if (write_results(arguments.out, *result)) return status;
  std::fputs(("millrace-bench: cannot write to " + arguments.out + "\n").c_str(), stderr);
  return kExitFailed;
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
  run_command->add_flag("--quiet", arguments.quiet, "without progress");
  CLI::App* check_command = app.add_subcommand("check", "say whether a scenario is right");
  add_scenario(*check_command, arguments);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  return run_command->parsed() ? run_scenario(arguments) : check(arguments);
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::run(argc, argv); }
