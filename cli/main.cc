// SPDX-License-Identifier: Apache-2.0
// millrace: the command that people type.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/millrace_config.h"
#include "cli/up.h"

namespace millrace::cli {
namespace {

// Of sysexits.h.
constexpr int kExitSoftware = 70;
constexpr int kExitConfiguration = 78;

int check_config(const std::string& file, bool print, bool plain) {
  auto config = load_millrace_config(file, base::environment_of_process());
  if (!config) {
    std::fputs(("millrace: " + config.error().public_message + "\n").c_str(), stderr);
    return kExitConfiguration;
  }
  const std::string text =
      print ? print_millrace_config(*std::move(config), !plain, base::Secrets::Masked)
            : "the configuration is right\n";
  std::fputs(text.c_str(), stdout);
  return 0;
}

void add_up(CLI::App& app, UpOptions& options) {
  app.add_option("--bucket", options.buckets,
                 "name=folder or name=http(s)://origin[/prefix]; repeats");
  app.add_option("--listen", options.listen, "media port, host:port (127.0.0.1:8080)");
  app.add_option("--api-listen", options.api_listen, "api port, host:port (127.0.0.1:8081)");
  app.add_option("--ops-listen", options.ops_listen, "ops port, host:port (127.0.0.1:8082)");
  app.add_option("--config", options.config_file,
                 "YAML file; configs/millrace.yaml shows all keys");
  app.add_option("--state-dir", options.state_dir,
                 "folder for the fleet's key ($XDG_STATE_HOME/millrace, ~/.local/state/millrace)");
  app.add_option("--ready-file", options.ready_file,
                 "JSON with the URLs, written when pictures are served, removed at the end");
}

int run(int argc, char** argv) {
  CLI::App app("Millrace turns originals into variants on request, on machines that you own.",
               "millrace");
  app.require_subcommand(1);
  UpOptions up_options;
  CLI::App* up = app.add_subcommand("up", "run everything on this machine, in the foreground");
  add_up(*up, up_options);

  std::string config_file;
  bool plain = false;
  CLI::App* config = app.add_subcommand("config", "look at the configuration");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand("check", "say whether the configuration is right");
  CLI::App* print = config->add_subcommand("print", "print the effective configuration");
  for (CLI::App* each : {check, print}) {
    each->add_option("--config", config_file, "YAML file; without it the defaults");
  }
  print->add_flag("--plain", plain, "without comments");
  CLI::App* version = app.add_subcommand("version", "print the version");
  CLI11_PARSE(app, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);
  if (version->parsed()) {
    std::puts("millrace " MILLRACE_VERSION);
    return 0;
  }
  if (up->parsed()) return run_up(up_options);
  return check_config(config_file, print->parsed(), plain);
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
  try {
    return millrace::cli::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "millrace: %s\n", error.what());
    return millrace::cli::kExitSoftware;
  }
}
