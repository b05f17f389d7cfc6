// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/lab/scenario.h"

namespace millrace::bench {

// A web server for one bucket's files that behaves as well or badly as it is told, while it runs:
//   healthy  answers at once                 slow    after the bucket's delay
//   hang     takes requests, never answers   error   answers 500
//   refuse   closes its port and its connections
// A thread for each connection: an agent keeps at most a few dozen to one origin.
class Origin {
 public:
  Origin(std::filesystem::path folder, std::string state, Milliseconds delay);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  // Internal when no port can be had.
  base::Result<void> start();
  void become(const std::string& state);
  [[nodiscard]] std::string state() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  struct Connection {
    base::UniqueFd fd;
    std::thread thread;
    bool ended = false;
  };
  base::Result<void> listen();
  void accept_connections();
  void serve(Connection& connection);
  bool answer(int fd, const std::string& head);
  void reap(bool all);

  std::filesystem::path folder_;
  Milliseconds delay_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string state_;
  bool stopping_ = false;
  base::UniqueFd listener_;
  base::UniqueFd wake_;  // an eventfd that ends the accepting thread's wait
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace millrace::bench
