// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/throttle.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "ratelimit/user_table.h"

namespace millrace::ratelimit {

namespace {
// Enough that two threads seldom want the same one; small tables are not cut into pieces so thin
// that one fills while others are empty.
constexpr std::size_t kShardsMax = 64;
constexpr std::size_t kUsersPerShardMin = 256;
constexpr base::Duration kHoldingUnmeasured = std::chrono::seconds(1);
constexpr int kHoldingMeanOver = 32;  // requests

// Users that do not fit share by limits: the excess of one tier is not paid for by another. No
// user's key begins with a zero byte.
std::string shared_key(const UserLimits& limits) {
  std::string key(1, '\0');
  key += std::to_string(limits.rate.rate_per_s) + '/' + std::to_string(limits.rate.burst) + '/' +
         std::to_string(limits.concurrency_max);
  return key;
}
}  // namespace

struct Throttle::Shard {
  explicit Shard(std::size_t users_max) : users(users_max) {}
  std::mutex mutex;
  UserTable users;
};

// Locked after a shard's mutex where both are held.
struct Throttle::Commands {
  std::mutex mutex;
  std::map<std::string, SlotPool, std::less<>>
      pools;  // as many as the configuration has ever named
};

// What one admitted request holds.
class Throttle::Held : public Permit::Holding {
 public:
  Held(Throttle& throttle, MilliSlots weight, base::TimePoint taken_at)
      : throttle_(throttle), weight_(weight), taken_at_(taken_at) {}

  void give_back(std::optional<base::TimePoint> now) override {
    if (user != nullptr) {
      const std::lock_guard lock(shard->mutex);
      give_back_to(user->slots, now);
    }
    if (!commands.empty()) {
      const std::lock_guard lock(throttle_.commands_->mutex);
      for (SlotPool* pool : commands) give_back_to(*pool, now);
    }
    if (now) throttle_.learn(*now - taken_at_);
  }
  [[nodiscard]] bool empty() const { return user == nullptr && commands.empty(); }
  [[nodiscard]] MilliSlots weight() const { return weight_; }

  Shard* shard = nullptr;
  User* user = nullptr;  // whoever holds something is not forgotten
  std::vector<SlotPool*> commands;

 private:
  void give_back_to(SlotPool& pool, std::optional<base::TimePoint> now) const {
    if (now) {
      pool.give_back(weight_, taken_at_, *now);
    } else {
      pool.give_back_untimed(weight_);
    }
  }
  Throttle& throttle_;
  MilliSlots weight_;
  base::TimePoint taken_at_;
};

Throttle::Throttle(const Options& options)
    : slot_cpu_(options.slot_cpu),
      holding_mean_(kHoldingUnmeasured),
      commands_(std::make_unique<Commands>()) {
  const std::size_t shards =
      std::clamp<std::size_t>(options.users_max / kUsersPerShardMin, 1, kShardsMax);
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(
        std::make_unique<Shard>(std::max<std::size_t>(options.users_max / shards, 1)));
  }
}

Throttle::~Throttle() = default;

Throttle::Shard& Throttle::shard_of(std::string_view key) const {
  // The table inside uses the low bits of the same hash.
  const std::size_t hash = std::hash<std::string_view>()(key);
  return *shards_[(hash >> 32) % shards_.size()];
}

Decision Throttle::decide(const ThrottleRequest& request, base::TimePoint now) {
  Decision decision;
  const UserLimits& limits = request.user;
  if (!limits.rate.limits() && limits.concurrency_max == 0) {
    auto held = std::make_unique<Held>(*this, weight_of(request.predicted_cpu, slot_cpu_), now);
    decide_commands(request, now, *held, decision);
    if (!held->empty()) decision.permit = Permit(std::move(held));
    return decision;
  }
  if (!decide_for(request.user_key, false, request, now, decision)) {
    shared_total_.fetch_add(1, std::memory_order_relaxed);
    decision.shared = true;
    decide_for(shared_key(limits), true, request, now, decision);
  }
  return decision;
}

// False, and nothing decided, when there is no place for the user.
bool Throttle::decide_for(std::string_view key, bool shared, const ThrottleRequest& request,
                          base::TimePoint now, Decision& decision) {
  auto held = std::make_unique<Held>(*this, weight_of(request.predicted_cpu, slot_cpu_), now);
  const RateLimit& rate = request.user.rate;
  const MilliSlots slots_max = whole_slots(request.user.concurrency_max);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const std::size_t users_before = shard.users.size();
  User* const user = shard.users.find_or_add(key, shared, now);
  users_.fetch_add(shard.users.size() - users_before, std::memory_order_relaxed);
  if (user == nullptr) return false;

  if (rate.limits()) decision.retry_after = user->rate.wait(rate, now);
  if (decision.retry_after > base::Duration::zero()) {
    decision.refused = base::Reason::UserRate;
  } else if (slots_max > 0 && !user->slots.fits(held->weight(), slots_max)) {
    decision.refused = base::Reason::UserConcurrency;
    decision.retry_after = user->slots.expected_wait(held->weight(), slots_max, holding_mean_, now);
  } else {
    decide_commands(request, now, *held, decision);
  }
  if (decision.admitted()) {
    if (rate.limits()) user->rate.take(rate, now);
    if (slots_max > 0) {
      user->slots.take(held->weight(), now);
      held->shard = &shard;
      held->user = user;
    }
    if (!held->empty()) decision.permit = Permit(std::move(held));
  }
  if (rate.limits()) decision.rate = user->rate.facts(rate, now);
  return true;
}

// Takes the slots of every command, or of none.
void Throttle::decide_commands(const ThrottleRequest& request, base::TimePoint now, Held& held,
                               Decision& decision) {
  const bool any = std::any_of(request.commands.begin(), request.commands.end(),
                               [](const CommandLimit& c) { return c.concurrency_max > 0; });
  if (!any) return;
  const std::lock_guard lock(commands_->mutex);
  for (const CommandLimit& command : request.commands) {
    if (command.concurrency_max == 0) continue;
    auto found = commands_->pools.find(command.name);
    if (found == commands_->pools.end()) {
      found = commands_->pools.try_emplace(std::string(command.name)).first;
    }
    SlotPool* const pool = &found->second;
    if (std::find(held.commands.begin(), held.commands.end(), pool) != held.commands.end())
      continue;
    const MilliSlots slots_max = whole_slots(command.concurrency_max);
    if (!pool->fits(held.weight(), slots_max)) {
      decision.refused = base::Reason::CommandConcurrency;
      decision.command = command.name;
      decision.retry_after = pool->expected_wait(held.weight(), slots_max, holding_mean_, now);
      held.commands.clear();
      return;
    }
    held.commands.push_back(pool);
  }
  for (SlotPool* pool : held.commands) pool->take(held.weight(), now);
}

void Throttle::learn(base::Duration held_for) {
  const base::Duration mean = holding_mean_.load(std::memory_order_relaxed);
  holding_mean_.store(mean + (held_for - mean) / kHoldingMeanOver, std::memory_order_relaxed);
}

}  // namespace millrace::ratelimit
