// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bench/lab/answer_reader.h"
#include "bench/lab/tally.h"

namespace millrace::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ClientRequest {
  SteadyTime intended;  // latency counts from here
  std::size_t step = 0;
  std::size_t mix = 0;
  std::chrono::milliseconds deadline{30'000};
  bool is_head = false;
  std::string text;  // the whole head
};

// Many kept-alive connections to one server, on one thread, without a thread or a coroutine each:
// epoll and bare sockets, because what the generator costs is taken from the machine under test.
// Connections grow as requests need them, up to a bound; a request that finds none waits, and that
// wait is part of its latency.
class ClientPool {
 public:
  using Done = std::function<void(const ClientRequest&, const Outcome&)>;

  // `done` is called from poll(), submit() and abandon_all(), and may call submit().
  ClientPool(const sockaddr_in& server, std::size_t connections_max, Done done);
  ~ClientPool();
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  void submit(ClientRequest request);
  // Handles what has happened; when nothing has, waits for it until `until`.
  void poll(SteadyTime until);
  // Every request that has no answer yet ends as `unanswered`; its connection is closed.
  void abandon_all();
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

  std::uint64_t waited_for_connection = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_max_seen = 0;

 private:
  struct Connection;
  void send_on(Connection& connection);
  void open_for(ClientRequest request);
  void write_some(Connection& connection);
  void read_some(Connection& connection);
  void complete(Connection& connection);
  void fail(Connection& connection, std::string_view reason);
  void retire(Connection& connection);
  void serve_waiting();
  void finish(const ClientRequest& request, Outcome outcome);

  sockaddr_in server_;
  std::size_t connections_max_;
  Done done_;
  base::UniqueFd epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;                     // the last used one is used first
  std::vector<std::unique_ptr<Connection>> retired_;  // until the events in hand are through
  std::deque<ClientRequest> waiting_;
  std::vector<char> buffer_;
  std::size_t outstanding_ = 0;
};

}  // namespace millrace::bench
