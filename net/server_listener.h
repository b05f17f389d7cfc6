// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/deadline.h"
#include "net/asio.h"
#include "net/descriptors.h"
#include "net/endpoint.h"
#include "net/http_server.h"
// after asio.h
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millrace::net {

class ServerCore;

// One listening socket of a server and the loop that accepts from it. It accepts while the core has
// room, and lives through the end of descriptors: the oldest connection that may go makes room, and
// if none may, who waits in the backlog is reset instead of waiting for ever.
class ServerListener {
 public:
  // Internal with errno's text.
  static base::Result<std::shared_ptr<ServerListener>> bind(asio::io_context& io,
                                                            const Endpoint& endpoint,
                                                            const HttpServer::Options& options);
  ServerListener(asio::io_context& io, HttpServer::Standing standing);

  static Awaitable<void> run(std::shared_ptr<ServerListener> self,
                             std::shared_ptr<ServerCore> core);
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  void wake();  // there may be room now, or a descriptor
  void close();

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>,
                                           asio::io_context::executor_type>;
  using Milliseconds = std::chrono::milliseconds;

  Awaitable<void> sleep(Milliseconds span);
  Milliseconds accept_some(ServerCore& core);
  Milliseconds without_descriptor(ServerCore& core);
  void say_exhausted(ServerCore& core, int error);
  void refuse_backlog(ServerCore& core);

  const HttpServer::Standing standing_;
  Descriptor descriptor_;
  Timer pause_;
  DescriptorReserve reserve_;
  Endpoint endpoint_;
  std::string unix_path_;
  ino_t inode_ = 0;
  dev_t device_ = 0;
  int family_ = 0;
  std::optional<base::TimePoint> said_at_;
  std::optional<base::TimePoint> held_at_;  // the port was held at fewer connections
  bool sleeping_ = false;
  bool closed_ = false;
};

}  // namespace millrace::net
