// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "gateway/config.h"
#include "net/asio.h"
#include "net/endpoint.h"
#include "storage/config.h"

namespace millrace::gateway {

// The gateway whole: its ports, threads and registry. One thread and one io_context per core serve
// the media port and share nothing on a request's path; one more ("control") serves the api and ops
// ports and the registry.
class Gateway {
 public:
  struct Options {
    GatewayConfig config;
    std::map<std::string, storage::BucketConfig> buckets;
    std::string fleet_key;
  };
  struct Addresses {
    net::Endpoint media;
    net::Endpoint api;
    net::Endpoint ops;
  };

  // Binds the ports; serves from start() on. BadParameter for buckets that cannot be and for a
  // state folder that cannot be used, Internal for a port that cannot be bound, each with a
  // sentence for the operator.
  static base::Result<std::unique_ptr<Gateway>> make(Options options);
  ~Gateway();  // stops at once what still runs
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void start();
  // Users, limits, tiers and trusted proxies of the configuration (which has passed its bind()),
  // and what the buckets that are known already give out, hold from the next request on; the rest
  // is not looked at. BadParameter, and nothing changes, as in make(). Any thread.
  base::Result<void> reload(const Options& options);
  [[nodiscard]] Addresses addresses() const;  // with the ports that the kernel chose
  // For signals and the like; runs from start() to stop().
  [[nodiscard]] net::asio::io_context& control_io();
  // Not ready any more; no further request; `drained` is called on the control thread when the
  // running ones are answered, or the configured time is over. Once. Any thread.
  void drain(const std::function<void()>& drained);
  // Ends the threads. Not on one of them.
  void stop();

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::gateway
