// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/deadline.h"
#include "base/error.h"
#include "ratelimit/gcra.h"
#include "ratelimit/slot_pool.h"

namespace millrace::ratelimit {

// What one user may do. Passed with every request, so that a change holds from the next one on.
struct UserLimits {
  RateLimit rate{};
  std::uint32_t concurrency_max = 0;  // slots; 0: no limit
  friend bool operator==(const UserLimits&, const UserLimits&) = default;
};

// One command of the request's pipeline and how much of it may run, over all users.
struct CommandLimit {
  std::string_view name;              // from the configuration, never a client's text
  std::uint32_t concurrency_max = 0;  // slots; 0: no limit
};

// Views: what they show outlives the call.
struct ThrottleRequest {
  std::string_view user_key{};  // "user:<name>" or "address:<ip>": whatever tells users apart
  UserLimits user{};
  std::span<const CommandLimit> commands{};  // each name counts once, however often it stands here
  base::Duration predicted_cpu{};            // of the whole pipeline; zero where nothing is known
};

// The slots of one admitted request, given back when it ends: by release() with the time, from
// which the holding times for Retry-After are learned, or by the destructor, which knows no time.
// Move only. Any thread; the Throttle or store that gave it must still be there.
class Permit {
 public:
  class Holding {
   public:
    virtual ~Holding() = default;
    virtual void give_back(std::optional<base::TimePoint> now) = 0;  // called once
  };

  Permit() = default;  // holds nothing
  explicit Permit(std::unique_ptr<Holding> holding) : holding_(std::move(holding)) {}
  Permit(Permit&&) noexcept = default;
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      end(std::nullopt);
      holding_ = std::move(other.holding_);
    }
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { end(std::nullopt); }

  // At the end of the request. A second call does nothing.
  void release(base::TimePoint now) { end(now); }

 private:
  void end(std::optional<base::TimePoint> now) {
    if (auto holding = std::move(holding_)) holding->give_back(now);
  }
  std::unique_ptr<Holding> holding_;
};

struct Decision {
  // Nothing: admitted. Otherwise UserRate, UserConcurrency or CommandConcurrency.
  std::optional<base::Reason> refused;
  std::string_view command;      // of CommandConcurrency: the request's own view of the name
  base::Duration retry_after{};  // of a refusal, without jitter: exact for a rate, else expected
  bool shared = false;           // by an allowance shared with other newcomers: see Throttle
  RateFacts rate;                // also when admitted; rate.limit == 0: say nothing
  Permit permit;                 // of an admission; keep it until the answer is sent

  [[nodiscard]] bool admitted() const { return !refused.has_value(); }
};

}  // namespace millrace::ratelimit
