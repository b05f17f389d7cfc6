// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/deadline.h"
#include "net/connection_phase.h"

namespace millrace::net {

// The connections of one port over all its threads: how many there may be, and which goes when one
// more comes. The kernel deals connections out to the threads unevenly (SO_REUSEPORT), so that a
// bound and an oldest of each thread would be neither the port's bound nor its oldest. Any thread;
// below the bound a connection costs two atomic additions.
class ConnectionLimit {
 public:
  // The connections of one thread.
  class Share {
   public:
    // Since when the oldest connection in `phase` has been in it; TimePoint::max(): there is none.
    void publish(Phase phase, base::TimePoint oldest) {
      oldest_[index_of(phase)].store(oldest.time_since_epoch().count(), std::memory_order_relaxed);
    }

   private:
    friend class ConnectionLimit;
    [[nodiscard]] std::int64_t oldest(Phase phase) const {
      return oldest_[index_of(phase)].load(std::memory_order_relaxed);
    }
    std::array<std::atomic<std::int64_t>, kPhaseCount> oldest_;
    std::function<void(Phase)> push_out_;
  };

  explicit ConnectionLimit(std::size_t connections_max) : connections_max_(connections_max) {}
  ConnectionLimit(const ConnectionLimit&) = delete;
  ConnectionLimit& operator=(const ConnectionLimit&) = delete;

  // `push_out` is called on any thread and must only post to the share's own: close your oldest
  // connection in this phase. Each call is answered by one settled().
  std::shared_ptr<Share> join(std::function<void(Phase)> push_out);
  void leave(const std::shared_ptr<Share>& share);

  void opened() { ++open_; }
  void closed() { --open_; }
  // The connection that was to go has gone, or goes on after all, or there was none any more.
  void settled() { --leaving_; }

  // One more may come: there is a place, or somebody gives way.
  [[nodiscard]] bool may_open() const;
  [[nodiscard]] bool over() const { return staying() > connections_max(); }
  // Has the oldest connection of the first phase of kGivingWay closed, whichever thread's it is.
  // False when there is none.
  bool push_out();

  // Descriptors allow no more than so many for now.
  void hold_at(std::size_t connections) { held_at_ = connections; }
  void release_hold() { held_at_ = SIZE_MAX; }

  [[nodiscard]] std::size_t connections_max() const {
    return std::min(connections_max_, held_at_.load());
  }
  [[nodiscard]] std::size_t open() const { return static_cast<std::size_t>(open_.load()); }

 private:
  struct Oldest {
    Share* share = nullptr;
    Phase phase = Phase::Idle;
  };
  [[nodiscard]] std::size_t staying() const;
  [[nodiscard]] Oldest find_oldest() const;  // under the mutex

  const std::size_t connections_max_;
  std::atomic<std::size_t> held_at_{SIZE_MAX};
  std::atomic<std::int64_t> open_{0};
  std::atomic<std::int64_t> leaving_{0};  // told to go, and still counted as open
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Share>> shares_;
};

}  // namespace millrace::net
