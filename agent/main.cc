// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "agent/node.h"
#include "base/log.h"
#include "discovery/fleet_key.h"
#include "discovery/http_registrar.h"
#include "net/descriptors.h"
#include "storage/bucket_set.h"
// after asio.h
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

namespace millrace::agent {
namespace {

constexpr int kBadConfiguration = 2;

struct Arguments {
  std::string config_file;
  std::string ready_file;
  bool die_with_parent = false;
};

int complain(const base::Error& error) {
  const std::string detail = error.detail.empty() ? "" : " (" + error.detail + ")";
  std::fprintf(stderr, "millrace-agent: %s%s\n", error.public_message.c_str(), detail.c_str());
  return kBadConfiguration;
}

// Killed with the process that started it, even by SIGKILL.
void die_with_parent() {
  const pid_t parent = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it went before the request came
}

base::Result<void> load(const std::string& file, Node::Options& options) {
  std::string text;
  if (!file.empty()) {
    const std::ifstream stream(file);
    if (!stream) {
      return base::fail(base::Reason::BadParameter, "The configuration cannot be read: " + file);
    }
    std::ostringstream content;
    content << stream.rdbuf();
    text = content.str();
  }
  return base::load_config(text, base::environment_of_process(), [&](base::ConfigBinder& b) {
    b.part("agent", options.config, "this node");
    options.storage.bind(b);
    b.foreign_section("gateway");
  });
}

base::Result<void> complete(Node::Options& options) {
  if (auto loaded = storage::check_buckets(options.storage.buckets); !loaded) return loaded;
  auto key = discovery::load_fleet_key(options.config.fleet_key_file);
  if (!key) return base::fail(std::move(key.error()));
  options.fleet_key = std::move(*key);
  options.version = MILLRACE_VERSION;
  options.worker_binary = options.config.image_workers.binary;
  if (options.worker_binary.empty()) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    options.worker_binary = self.parent_path() / "millrace-image-worker";
  }
  if (::access(options.worker_binary.c_str(), X_OK) != 0) {
    return base::fail(base::Reason::BadParameter,
                      "agent.workers.image.binary is no program: " + options.worker_binary);
  }
  return {};
}

int run(const Arguments& arguments) {
  Node::Options options;
  if (auto loaded = load(arguments.config_file, options); !loaded) return complain(loaded.error());
  base::start_log("agent", base::log_level_from_word(options.config.log_level));
  if (auto completed = complete(options); !completed) return complain(completed.error());

  net::raise_descriptor_limit();
  base::Metrics metrics;  // outlives what is left in io: connections count themselves out
  net::asio::io_context io(1);
  // Before the first worker: from now on these signals wait for us.
  net::asio::signal_set signals(io, SIGTERM, SIGINT);
  auto registrar =
      discovery::HttpRegistrar::make(io, options.config.registrar, options.fleet_key, &metrics);
  if (!registrar) return complain(registrar.error());
  auto node = Node::start(io, std::move(options), metrics, registrar->get());
  if (!node) return complain(node.error());
  net::asio::co_spawn(io, (*registrar)->run(), net::asio::detached);
  if (!arguments.ready_file.empty()) {
    std::ofstream(arguments.ready_file) << (*node)->task_endpoint().text() << '\n';
  }

  signals.async_wait([&](boost::system::error_code failed, int) {
    if (!failed) (*node)->drain([&io] { io.stop(); });
  });
  io.run();
  return 0;
}

}  // namespace
}  // namespace millrace::agent

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  millrace::agent::Arguments arguments;
  CLI::App app{"millrace-agent: runs this node's workers and answers gateways"};
  app.set_version_flag("--version", MILLRACE_VERSION);
  app.add_option("--config", arguments.config_file, "configuration file (YAML)");
  app.add_option("--ready-file", arguments.ready_file,
                 "written with the task port's address once it is bound");
  app.add_flag("--die-with-parent", arguments.die_with_parent,
               "be killed when the process that started this one ends");
  CLI11_PARSE(app, argc, argv);
  if (arguments.die_with_parent) millrace::agent::die_with_parent();
  ::signal(SIGPIPE, SIG_IGN);
  return millrace::agent::run(arguments);
}
