// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/compare_command.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/lab/machine.h"
#include "bench/speed/compare_run.h"
#include "bench/speed/comparison.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;

constexpr int kExitMissed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 3;

int say(int status, const std::string& text) {
  std::fputs(("millrace-bench: " + text + "\n").c_str(), stderr);
  return status;
}

int say(int status, const base::Error& error) {
  return say(status,
             error.public_message + (error.detail.empty() ? "" : " (" + error.detail + ")"));
}

fs::path own_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace

struct SpeedCommands::Impl {
  CLI::App* compare = nullptr;
  CLI::App* micro = nullptr;
  CompareOptions options;
  std::string numbers;
  std::string photos;
  std::vector<std::string> photo;
  std::vector<std::string> peer_flags;
  std::string peers_file;
  std::string system;
  std::string peers = "bench/peers";
  std::string packages = "state/bench-peers";
  double seconds = 8;
  double warm_up_s = 1;
  bool no_peers = false;
  bool no_workers = false;
  std::string out;

  [[nodiscard]] int run_micro() const;
  int run_compare();
  base::Result<void> add_templates();
};

// Another program, for this one has no codec.
int SpeedCommands::Impl::run_micro() const {
  std::vector<std::string> texts = {(own_folder() / "millrace-bench-speed").string(), "micro"};
  for (std::string& text : micro->remaining()) texts.push_back(std::move(text));
  std::vector<char*> argv;
  argv.reserve(texts.size() + 1);
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  return say(kExitFailed, texts[0] + ": " + std::generic_category().message(errno));
}

base::Result<void> SpeedCommands::Impl::add_templates() {
  for (const std::string& flag : peer_flags) {
    auto peer = peer_from_flag(flag);
    if (!peer) return base::fail(std::move(peer.error()));
    options.templates.push_back(*std::move(peer));
  }
  if (peers_file.empty()) return {};
  std::ifstream in(peers_file, std::ios::binary);
  if (!in) return base::fail(base::Reason::BadParameter, "cannot read " + peers_file);
  auto loaded = load_peers(std::string{std::istreambuf_iterator<char>(in), {}});
  if (!loaded) return base::fail(std::move(loaded.error()));
  for (PeerTemplate& peer : *loaded) options.templates.push_back(std::move(peer));
  return {};
}

int SpeedCommands::Impl::run_compare() {
  options.operations = operations_of(numbers);
  if (options.operations.empty()) {
    return say(kExitUsage, "--ops " + numbers + ": there are 1 to 6, with commas");
  }
  if (auto added = add_templates(); !added) return say(kExitUsage, added.error());
  if (!numbers.empty()) options.sources.insert(options.sources.end(), {"--ops", numbers});
  if (!photos.empty()) options.sources.insert(options.sources.end(), {"--photos", photos});
  for (const std::string& file : photo) {
    options.sources.insert(options.sources.end(), {"--photo", file});
  }
  options.binaries = own_folder();
  options.system_binaries = system.empty() ? own_folder() : fs::absolute(system);
  options.peers = fs::absolute(peers);
  options.packages = fs::absolute(packages);
  options.with_peers = !no_peers;
  options.with_workers = !no_workers;
  const auto milliseconds = [](double s) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(s));
  };
  options.window = milliseconds(seconds);
  options.warm_up = milliseconds(warm_up_s);
  const std::string commit = commit_of(".");
  options.version = commit;
  const std::vector<std::pair<std::string, std::string>> head = {
      {"machine", machine_line()}, {"date", date_today()}, {"commit", commit}};
  auto found = run_comparison(options);
  if (!found) return say(kExitFailed, found.error());
  std::fputs(comparison_table(*found).c_str(), stdout);
  if (!out.empty()) {
    std::ofstream file(out);
    file << comparison_json(*found, head);
    file.close();
    if (!file.good()) return say(kExitFailed, "cannot write " + out);
  }
  const bool held = std::ranges::all_of(verdicts(*found), [](const Verdict& verdict) {
    return verdict.judgement == Judgement::Held;
  });
  return held ? 0 : kExitMissed;
}

SpeedCommands::SpeedCommands(CLI::App& app) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  CLI::App& compare = *app.add_subcommand(
      "compare", "Millrace beside other servers of pictures, in alternating rounds");
  impl.compare = &compare;
  compare.add_option("--rounds", impl.options.rounds, "alternating; medians count (5)")
      ->check(CLI::Range(1, 999));
  compare.add_option("--seconds", impl.seconds, "of a round of one system and operation (8)")
      ->check(CLI::PositiveNumber);
  compare.add_option("--warm-up-s", impl.warm_up_s, "before each (1)")
      ->check(CLI::NonNegativeNumber);
  compare
      .add_option("--connections", impl.options.connections, "kept alive, a request on each (16)")
      ->check(CLI::Range(1, 4'096));
  compare.add_option("--ops", impl.numbers, "1,4: those alone (all six)");
  compare.add_option("--photos", impl.photos,
                     "folder: the four JPEGs nearest to 12 megapixels "
                     "($MILLRACE_MEDIA_DIR/photos, or sample-bucket)");
  compare.add_option("--photo", impl.photo, "one photograph, instead; repeats");
  compare.add_option("--peer", impl.peer_flags,
                     "name=URL-template of a server that runs already, with {url} or {file}, "
                     "{width}, {height}, {op}, {format}, {quality}; repeats");
  compare.add_option("--peers", impl.peers_file, "YAML file of such servers");
  compare.add_flag("--no-peers", impl.no_peers, "without those that are installed");
  compare.add_option("--systems", impl.options.systems, "names of those to measure (all)")
      ->delimiter(',');
  compare.add_flag("--no-workers", impl.no_workers, "without one worker beside two");
  compare.add_option("--set", impl.options.settings,
                     "key=value of our own configuration, for trials; repeats");
  compare.add_option("--system", impl.system, "folder of our own binaries (beside this one)");
  compare.add_option("--peer-scripts", impl.peers, "folder of the others' scripts (bench/peers)");
  compare.add_option("--peer-packages", impl.packages,
                     "where npm has installed (state/bench-peers)");
  compare.add_option("--out", impl.out, "write JSON to it");
  compare.add_flag("--quiet", impl.options.quiet, "without progress");
  impl.micro = app.add_subcommand(
      "micro", "processor time of a picture, our own worker beside bare libvips (--help)");
  impl.micro->set_help_flag();
  impl.micro->prefix_command();
}

SpeedCommands::~SpeedCommands() = default;

bool SpeedCommands::parsed() const { return impl_->compare->parsed() || impl_->micro->parsed(); }

int SpeedCommands::run() {
  return impl_->micro->parsed() ? impl_->run_micro() : impl_->run_compare();
}

}  // namespace millrace::bench::speed
