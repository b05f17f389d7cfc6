// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::cli {

// What `millrace up` keeps between runs and beside them. Everything in it is this user's alone
// (0700).
//   <root>/fleet.key       the fleet's secret, made once (0600)
//   <root>/lock            held while `up` runs
//   <root>/gateway/        what its gateway keeps (gateway/state_folder.h)
//   <root>/run/            effective configuration and the agent's socket, of the running `up`
class StateDir {
 public:
  // Makes what is missing and takes the lock. BadParameter with a sentence for the terminal: a
  // folder that cannot be made or is not ours, or that another `up` uses.
  static base::Result<StateDir> open(const std::filesystem::path& root);

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path config_file() const {
    return root_ / "run" / "millrace.yaml";
  }
  // Unique to this state dir and stable: 16 hexadecimal digits.
  [[nodiscard]] const std::string& tag() const { return tag_; }

  // The file with the fleet's key; made (0600, atomically) if there is none.
  [[nodiscard]] base::Result<std::filesystem::path> fleet_key_file() const;
  // Where the agent listens. Under run/, or in a private folder below /tmp when that path is longer
  // than the 107 bytes that a socket address holds.
  [[nodiscard]] base::Result<std::filesystem::path> socket_file(std::string_view name) const;
  // The agent's cache: /dev/shm/millrace-<tag>, memory whatever file system the state dir is on.
  [[nodiscard]] std::filesystem::path cache_dir() const;
  // Removes what only a running `up` needs.
  void remove_run_files() const;

 private:
  StateDir(std::filesystem::path root, base::UniqueFd lock);
  [[nodiscard]] std::filesystem::path short_dir() const;

  std::filesystem::path root_;
  std::string tag_;
  base::UniqueFd lock_;
};

// $XDG_STATE_HOME/millrace, else ~/.local/state/millrace, else ./state.
std::filesystem::path default_state_dir();

}  // namespace millrace::cli
