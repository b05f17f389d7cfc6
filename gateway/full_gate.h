// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/deadline.h"

namespace millrace::gateway {

// What a node said when one of its tier queues was full.
struct FullNews {
  double drain_per_s = 0;  // tasks that the node finishes a second, all tiers
  std::uint32_t queued = 0;
  base::Duration retry_after{};   // the node's own word, zero for none
  bool others_have_room = false;  // it refused for the request's origin; the queue is not full
};

// Decides, for one tier of one node and one thread of the gateway, which requests are worth sending
// while that tier's queue is full. No I/O, time passed in.
//
// It must never starve the queue: whoever refuses for the node must let more through than the node
// takes. So while it is full two kinds of requests pass as probes. Each task of this thread that
// the node finishes freed a place, and lets another try. And a trickle, this thread's share of the
// drain rate, for a thread that has none of its own in the queue yet. Then twice as many arrive as
// are taken, whatever the speed of the node and however many threads and gateways there are,
// without any of them knowing of the others. The rest is refused here, for the price of a lookup.
//
// Users who have less on its way than others (UserShare) have as many probes once more, for
// themselves alone: together they cannot use more than the node drains, and the flood of another
// must not take their turns.
//
// Full is believed only for `hold` after the last such news: long enough to see a few probes
// refused, and a quarter of what a full queue lasts. Without news all pass again.
class FullGate {
 public:
  // `threads`: of this gateway, which share one node's drain rate.
  explicit FullGate(std::size_t threads = 1) : threads_(threads) {}

  // A request was refused with queue_full, or an answer said that the next one would be.
  void note_full(const FullNews& news, base::TimePoint now);
  // A request that held a place in the queue or a worker was answered.
  void note_finished();

  [[nodiscard]] bool is_full(base::TimePoint now) const { return now < full_until_; }
  // Only while is_full. True: this one may go; its pass is taken. `behind`: of a user who has less
  // on its way than others.
  [[nodiscard]] bool try_probe(base::TimePoint now, bool behind = false);
  // What a client that is refused here is told, without jitter; at least a second.
  [[nodiscard]] base::Duration retry_after() const { return retry_after_; }

 private:
  static constexpr double kPassesMax = 16;
  struct Passes {
    double count = 0;
    void add(double more);
    bool take();
  };

  std::size_t threads_;
  base::TimePoint full_until_{};
  base::TimePoint filled_at_{};
  Passes anybodys_;
  Passes of_those_behind_;
  double trickle_per_s_ = 0;
  base::Duration retry_after_ = std::chrono::seconds(1);
};

}  // namespace millrace::gateway
