// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "ratelimit/throttle_types.h"

namespace millrace::ratelimit {

// Who may pass: the user's rate, then the user's concurrency, then the commands' concurrency. What
// a later limit refuses costs nothing of the earlier ones: no token is spent, no slot is held.
// Users without limits are not tracked at all.
//
// At most `users_max` users are tracked. One whose rate is whole again and who holds nothing looks
// like a new one, so those make room. When all are active, newcomers with equal limits share one
// allowance between them until there is room: whoever comes from ever new addresses gets one
// user's share in all, and those who are tracked notice nothing.
//
// Any thread; short locks, one per shard of users and one for the commands (docs/decisions/0040).
// Time is passed in. Outlives its permits.
class Throttle {
 public:
  struct Options {
    std::size_t users_max = 100'000;  // at least 1
    // One slot's worth of predicted CPU: a request weighs max(1, predicted_cpu / slot_cpu) slots.
    base::Duration slot_cpu = std::chrono::milliseconds(50);
  };
  explicit Throttle(const Options& options);
  ~Throttle();
  Throttle(const Throttle&) = delete;
  Throttle& operator=(const Throttle&) = delete;

  // O(commands), and for a new user looks at 16 others that may be forgotten.
  [[nodiscard]] Decision decide(const ThrottleRequest& request, base::TimePoint now);

  void set_slot_cpu(base::Duration slot_cpu) { slot_cpu_.store(slot_cpu); }
  [[nodiscard]] base::Duration slot_cpu() const { return slot_cpu_.load(); }

  // How long permits are held, over everybody: what stands for a user or command of whom nothing
  // was measured. A store that shares its permits elsewhere teaches it too.
  void learn(base::Duration held_for);
  [[nodiscard]] base::Duration holding_mean() const { return holding_mean_.load(); }

  // Users that are tracked now, and decisions taken by a shared allowance since the start.
  [[nodiscard]] std::size_t users() const { return users_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t shared_total() const {
    return shared_total_.load(std::memory_order_relaxed);
  }

 private:
  struct Shard;
  struct Commands;
  class Held;
  [[nodiscard]] Shard& shard_of(std::string_view key) const;
  bool decide_for(std::string_view key, bool shared, const ThrottleRequest& request,
                  base::TimePoint now, Decision& decision);
  void decide_commands(const ThrottleRequest& request, base::TimePoint now, Held& held,
                       Decision& decision);

  std::atomic<base::Duration> slot_cpu_;
  std::atomic<base::Duration> holding_mean_;  // over everybody; a hint, so a lost update is no harm
  std::atomic<std::size_t> users_{0};
  std::atomic<std::uint64_t> shared_total_{0};
  std::unique_ptr<Commands> commands_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace millrace::ratelimit
