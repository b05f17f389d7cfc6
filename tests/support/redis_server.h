// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/support/temp_dir.h"

namespace millrace::test {

// The real redis-server on a free port of the loopback, with a folder of its own. Ends with this.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> more_arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string unix_path() const { return folder_.path() / "redis.sock"; }
  void stop();    // SIGSTOP: connections stay, nothing is answered
  void resume();  // SIGCONT
  void kill();    // SIGKILL: connections break
  void start();   // again, on the same port, knowing nothing

  // One command by a connection of its own; the answer in the wire's form.
  [[nodiscard]] std::string ask(const std::vector<std::string>& words) const;

 private:
  TempDir folder_;
  std::vector<std::string> more_arguments_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace millrace::test
