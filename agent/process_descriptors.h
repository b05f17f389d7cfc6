// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/process_launch.h"
#include "net/asio.h"
// after asio.h
#include <boost/asio/posix/stream_descriptor.hpp>

namespace millrace::agent {

// What tells us of a process that we started, as Asio objects.
struct ProcessDescriptors {
  using Descriptor = net::asio::posix::stream_descriptor;
  ProcessDescriptors(net::asio::io_context& io, LaunchedProcess& launched)
      : channel(io, launched.channel.release()), process(io, launched.pidfd.release()) {}
  // False when the descriptor was closed while we waited.
  static net::Awaitable<bool> readable(Descriptor& descriptor);
  void close();

  Descriptor channel;
  Descriptor process;  // readable when it has ended
};

}  // namespace millrace::agent
