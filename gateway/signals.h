// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <boost/asio/signal_set.hpp>

#include "gateway/gateway.h"

namespace millrace::gateway {

// SIGTERM and SIGINT drain the gateway; SIGHUP reads the configuration file again and takes over
// users, limits, trusted proxies and what buckets give out. A file that is not right changes
// nothing; the log says why. On the control thread, where it blocks for as long as it takes to read
// the file.
class Signals {
 public:
  // `gateway` outlives it; its control thread ends before this does.
  Signals(Gateway& gateway, std::string config_file, std::function<void()> drained);

 private:
  void await();
  void reload();

  Gateway& gateway_;
  std::string config_file_;
  std::function<void()> drained_;
  boost::asio::basic_signal_set<net::asio::io_context::executor_type> signals_;
};

}  // namespace millrace::gateway
