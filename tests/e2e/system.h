// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/support/http_probe.h"
#include "tests/support/temp_dir.h"

namespace millrace::test {

// Waits until `condition` holds; false after `patience`. Polls: these are other processes.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds patience = std::chrono::seconds(60));

// Configuration for tests that send more than a nameless client may.
inline constexpr const char* kNoLimits =
    "gateway:\n  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n";

// The whole product, started by `millrace up` as a user does: free ports, a folder of its own,
// stopped by pid.
class System {
 public:
  struct Options {
    std::map<std::string, std::filesystem::path> buckets;  // more than the one named "photos"
    std::string config_yaml = kNoLimits;                   // extra configuration, may be empty
    std::map<std::string, std::string> environment;        // MILLRACE_…
  };
  System() : System(Options{}) {}
  explicit System(const Options& options);
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  // The folder behind the bucket "photos".
  [[nodiscard]] const std::filesystem::path& photos() const { return photos_; }
  void add_photo(const std::string& key, std::string_view bytes) const;

  [[nodiscard]] bool ready() const { return media_port_ != 0; }
  [[nodiscard]] std::uint16_t media_port() const { return media_port_; }
  [[nodiscard]] std::uint16_t api_port() const { return api_port_; }
  [[nodiscard]] std::uint16_t ops_port() const { return ops_port_; }
  [[nodiscard]] pid_t up_pid() const { return up_pid_; }
  [[nodiscard]] std::string log() const;
  // Options::config_yaml, as the user's file.
  [[nodiscard]] std::filesystem::path config_file() const {
    return folder_.path() / "millrace.yaml";
  }
  // What `up` made of flags and configuration; its processes read it.
  [[nodiscard]] std::filesystem::path effective_config() const {
    return folder_.path() / "state" / "run" / "millrace.yaml";
  }

  [[nodiscard]] HttpReply get(const std::string& target, const FieldList& fields = {},
                              const std::string& method = "GET") const {
    return fetch(media_port_, target, fields, method);
  }

  // Living descendants of `up` that run the binary of this name.
  [[nodiscard]] std::vector<pid_t> pids_of(const std::string& binary) const;
  // The image worker that burns CPU, waiting for one to do so; 0 when none does.
  [[nodiscard]] pid_t busy_worker() const;
  // Sends SIGTERM and waits; the exit status, or -1 when it had to be killed.
  int stop();

 private:
  TempDir folder_;
  std::filesystem::path photos_;
  std::filesystem::path cache_;  // in memory, as the default is
  std::filesystem::path log_file_;
  pid_t up_pid_ = 0;
  std::uint16_t media_port_ = 0;
  std::uint16_t api_port_ = 0;
  std::uint16_t ops_port_ = 0;
};

// The `reason` of a refusal; "" when the answer is none.
[[nodiscard]] std::string reason_of(const HttpReply& reply);

// Living processes in the tree under `root` (with `root`), zombies left out.
std::vector<pid_t> process_tree(pid_t root);
[[nodiscard]] bool alive(pid_t pid);
[[nodiscard]] std::string binary_of(pid_t pid);

}  // namespace millrace::test
