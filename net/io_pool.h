// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "net/asio.h"

namespace millrace::net {

// One io_context and one thread per core; nothing is shared between them.
class IoPool {
 public:
  explicit IoPool(std::size_t thread_count);
  ~IoPool();
  [[nodiscard]] std::size_t size() const;
  asio::io_context& io(std::size_t index);
  void start();  // spawns the threads
  void stop();   // stops the io_contexts and joins

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Threads for calls that block (local disks). Bounded: when `queued_max` calls wait, post returns
// false at once. Destroyed before the io_contexts whose coroutines run calls on it; what is queued
// is still done.
class BlockingPool {
 public:
  BlockingPool(std::size_t thread_count, std::size_t queued_max);
  ~BlockingPool();
  [[nodiscard]] bool post(std::function<void()> call);
  // Runs `call` on the pool and resumes on the caller's executor with its result. `Refused` (false)
  // when full.
  template <class Call>
  Awaitable<bool> run(Call& call) {  // `call` outlives the await: it is the caller's local
    co_return co_await run_erased([&call] { call(); });
  }

 private:
  Awaitable<bool> run_erased(std::function<void()> call);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
