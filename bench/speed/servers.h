// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bench/lab/origins.h"
#include "bench/lab/scenario.h"
#include "bench/lab/server_address.h"
#include "bench/lab/system_under_test.h"
#include "bench/speed/comparison.h"
#include "bench/speed/url_template.h"

// The processes of a comparison: the origin, our own system and the others. All of them listen on
// free ports of loopback and are stopped by pid with their object.
namespace millrace::bench::speed {

// A process and its end.
class Child {
 public:
  Child() = default;
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

// Serves a folder's files to everybody, each under thousands of paths (/17/large-0.jpg), so that no
// two requests name the same original and nobody's cache can help: nginx, where it is installed, or
// else the lab's own.
class PhotoOrigin {
 public:
  // Puts its links into `pictures`, its own files into `folder`.
  static base::Result<std::unique_ptr<PhotoOrigin>> start(const std::filesystem::path& pictures,
                                                          const std::filesystem::path& folder);
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::string& about() const { return about_; }
  // The next path of a file, without the first slash.
  [[nodiscard]] std::string next_path(const std::string& file);

 private:
  std::uint16_t port_ = 0;
  std::string about_;
  std::uint64_t number_ = 0;
  Child nginx_;
  std::unique_ptr<Origin> own_;
};

// One system that runs.
struct RunningSystem {
  SystemFacts facts;
  std::vector<std::string> formats;  // that it writes
  UrlTemplate fit;
  UrlTemplate fill;
  ServerAddress server;
  pid_t watch_root = 0;  // 0: CPU and memory are not known
  // Whichever of them it is made of; of two systems on one server (other URLs) the first has it.
  Child child;
  std::unique_ptr<Scenario> scenario;
  std::unique_ptr<SystemUnderTest> ours;

  [[nodiscard]] bool does(const Operation& operation) const;
};

struct ServerOptions {
  std::filesystem::path binaries;  // of millrace
  std::filesystem::path peers;     // bench/peers
  std::filesystem::path packages;  // with node_modules
  std::filesystem::path folder;    // for files of theirs
  std::string origin;              // http://127.0.0.1:port
  // Of our own: "agent.workers.image.nice=0", said in its `about`.
  std::vector<std::string> settings;
};

// `millrace up`, results not kept, without limits on users. workers 0: one a core.
base::Result<RunningSystem> start_millrace(const ServerOptions& options, std::size_t workers,
                                           const std::string& version);
// What is installed of node + sharp (also with WebP at effort 2, which does not count), ipx and
// nginx image_filter. What is not there, or does not come up, is a line of `notes`.
std::vector<RunningSystem> start_peers(const ServerOptions& options,
                                       std::vector<std::string>& notes);
// One that runs already.
base::Result<RunningSystem> peer_system(const PeerTemplate& peer);

}  // namespace millrace::bench::speed
