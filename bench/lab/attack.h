// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "bench/lab/answer_reader.h"
#include "bench/lab/client_pool.h"
#include "bench/lab/scenario.h"
#include "bench/lab/schedule.h"
#include "bench/lab/syn_sender.h"

namespace millrace::bench {

// When an attack runs, from the first step's start: while its steps run, or from `at` for
// `duration` (0: to the end of the last step).
std::vector<StepWindow> windows_of(const Attack& attack, const Scenario& scenario,
                                   const std::vector<StepWindow>& steps);

// Where an attack goes, and with what.
struct AttackPlan {
  sockaddr_in server{};
  SteadyTime start;                   // the first step's
  std::vector<StepWindow> windows;    // when it is active, from `start`
  std::vector<std::string> requests;  // heads, in turn; one at least
  std::uint8_t source_octet = 10;     // last byte of the loopback address that it comes from
};

// One attack of a scenario: holds its connections, or throws them away, at its pace. For one
// thread, which calls `step` every few milliseconds and hands on what its epoll says.
class AttackRun {
 public:
  // `epoll` must outlive it.
  AttackRun(const Attack& attack, AttackPlan plan, int epoll);
  ~AttackRun();
  AttackRun(const AttackRun&) = delete;
  AttackRun& operator=(const AttackRun&) = delete;

  void step(SteadyTime now);
  // Bytes or the end came on one of its connections. False: not one of its own.
  bool happened(int fd, std::uint32_t events);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] std::size_t opened() const { return opened_; }
  [[nodiscard]] std::size_t answered() const { return answered_; }  // slow readers: whole answers
  [[nodiscard]] std::size_t raw_syns() const { return syns_ ? syns_->sent() : 0; }
  // "flood (idle): 10000 connections at a time, 10000 opened, 0 closed by the server, 0 refused"
  [[nodiscard]] std::string summary() const;

 private:
  enum class Kind { Idle, SlowWriter, SlowReader, DeadClient, SynBurst };
  struct Connection {
    base::UniqueFd fd;
    std::size_t number = 0;  // descriptors are used again, numbers are not
    std::size_t sent = 0;    // bytes of the request
    AnswerReader reader;
  };
  struct Due {
    SteadyTime at;
    int fd = -1;
    std::size_t number = 0;
  };

  static Kind kind_of(std::string_view word);
  [[nodiscard]] bool active(SteadyTime now) const;
  [[nodiscard]] bool holds() const;
  [[nodiscard]] const std::string& request_of(std::size_t number) const;
  void open_due(SteadyTime now);
  bool open_one(SteadyTime now);
  bool throw_one();
  base::UniqueFd connect_out();
  void serve_due(SteadyTime now);
  std::optional<int> write_slowly(Connection& connection) const;
  std::optional<int> read_slowly(Connection& connection);
  void count_end(int error);
  void drop_all();

  const Attack attack_;
  const Kind kind_;
  const AttackPlan plan_;
  const int epoll_;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;              // when next bytes go or are taken; all at the same pace
  std::unique_ptr<SynSender> syns_;  // with the right to send raw packets
  SteadyTime opened_until_{};        // the pace of opening has been kept up to here
  bool was_active_ = false;
  std::size_t opened_ = 0;
  std::size_t most_ = 0;
  std::size_t closed_by_server_ = 0;
  std::size_t refused_ = 0;
  std::size_t wanting_ = 0;  // not even tried, for want of descriptors or ports
  std::size_t answered_ = 0;
};

}  // namespace millrace::bench
