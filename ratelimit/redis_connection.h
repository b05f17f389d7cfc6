// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "ratelimit/event_loop.h"

struct redisAsyncContext;  // NOLINT(readability-identifier-naming): hiredis' own

namespace millrace::ratelimit {

// One answer, for as long as the call that shows it.
struct RedisAnswer {
  enum class Kind { Gone, Error, Text, Integer, Integers };
  Kind kind = Kind::Gone;                     // Gone: the connection ended first
  std::string_view text;                      // of Error and Text
  std::array<std::int64_t, 4> integers = {};  // of Integer (the first) and Integers
};

// One connection to a Redis server over hiredis: commands leave at once, one after another without
// waiting (pipelined), and their answers come in that order. No exception, no blocking. One thread.
// The process ignores SIGPIPE.
class RedisConnection final : private EventLoop::SocketEvents {
 public:
  using OnAnswer = std::function<void(const RedisAnswer&)>;

  explicit RedisConnection(EventLoop& loop) : loop_(loop) {}
  ~RedisConnection() override;  // every open call is answered with Gone
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // `host` is numeric. Either one returns what is wrong at once, or later calls `changed` with true
  // when it is connected, and with false, once and last, when it is not or no more. close() is
  // silent.
  using Changed = std::function<void(bool connected)>;
  [[nodiscard]] std::string open_tcp(const std::string& host, std::uint16_t port, Changed changed);
  [[nodiscard]] std::string open_unix(const std::string& path, Changed changed);

  // `command` in the wire's form. `on_answer` is called once, later; it may send and close. False,
  // and nothing called: there is no connection.
  [[nodiscard]] bool send(const std::string& command, OnAnswer on_answer);
  void close();     // every open call is answered with Gone before this returns
  void read_now();  // handles what has arrived and was not yet reported

  [[nodiscard]] bool is_open() const { return context_ != nullptr; }
  // Calls that are not yet answered.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
  // Since when the server owes an answer (or the connection) without having said anything.
  [[nodiscard]] base::TimePoint silent_since() const { return silent_since_; }
  [[nodiscard]] bool owes() const { return connecting_ || outstanding_ > 0; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Hooks;
  struct Call;
  std::string attach(redisAsyncContext* context, Changed changed);
  void answer(Call* call, void* reply);
  void gone();
  void readable() override;
  void writable() override;

  EventLoop& loop_;
  redisAsyncContext* context_ = nullptr;
  std::unique_ptr<EventLoop::SocketWatcher> watcher_;
  Changed changed_;
  bool connecting_ = false;
  std::size_t outstanding_ = 0;
  base::TimePoint silent_since_{};
  std::string problem_;
};

}  // namespace millrace::ratelimit
