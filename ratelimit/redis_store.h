// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "ratelimit/event_loop.h"
#include "ratelimit/store_breaker.h"
#include "ratelimit/throttle.h"
#include "ratelimit/throttle_types.h"

namespace millrace::ratelimit {

struct RedisOptions {
  std::string host;  // a name or an address; of TCP
  std::uint16_t port = 6379;
  std::string unix_path;  // instead of host and port
  std::string username;   // of an ACL; empty: the default user
  std::string password;   // empty: none
  std::uint32_t database = 0;
  std::string key_prefix = "millrace:";  // one per fleet
  std::size_t gateways_count = 1;  // a gateway alone gives its users a so-manieth of their limits
  base::Duration answer_max = std::chrono::milliseconds(5);  // then the share decides
  base::Duration silent_max = std::chrono::seconds(2);       // then the connection is given up
  base::Duration lease = std::chrono::seconds(10);           // renewed while the request runs
  std::size_t calls_max = 1'000;                             // without an answer yet
  StoreBreaker::Options breaker{};
};

// Why the share decided.
enum class FallBack {
  Slow,    // no answer within answer_max
  Failed,  // an answer that is an error
  Down,    // not asked: the breaker is open
  Full,    // not asked: calls_max wait already
};
std::string_view word_of(FallBack reason);

// Limits that several gateways share: one call of a script in Redis decides on rate, user and
// commands at once. Each thread of a gateway has a store and with it one connection. Whatever Redis
// does, an answer comes within answer_max: then the Throttle decides, with limits divided by the
// number of gateways.
class RedisStore {
 public:
  // For metrics and log; called on the thread of the loop, and must not call the store.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void decided_by_redis() = 0;
    virtual void fell_back(FallBack reason) = 0;
    // An abandoned call was answered after all; what it had admitted was given back.
    virtual void answered_late() = 0;
    // `problem`: what ended the connection or failed the probe.
    virtual void state_changed(bool redis_decides, std::string_view problem) = 0;
  };
  using Done = std::function<void(Decision)>;

  // All three outlive it. `share` may serve several stores, and Redis and share weigh alike.
  RedisStore(const RedisOptions& options, EventLoop& loop, Throttle& share, Observer& observer);
  ~RedisStore();  // who still waits is answered by the share
  RedisStore(const RedisStore&) = delete;
  RedisStore& operator=(const RedisStore&) = delete;

  // Calls `done` once: from within, or within answer_max. What the request shows must last until
  // then. `done` must not destroy the store. The permit is given back on this thread, and may
  // outlive the store. Allocates.
  void decide(const ThrottleRequest& request, Done done);

  void set_gateways_count(std::size_t count);
  [[nodiscard]] bool redis_decides() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::ratelimit
