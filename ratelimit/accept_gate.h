// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millrace::ratelimit {

// Permits for requests in flight, over all threads. Whoever has none does not accept and does not
// read: what cannot be served is refused before it costs anything. Lock-free, any thread.
class AcceptGate {
 public:
  explicit AcceptGate(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}
  AcceptGate(const AcceptGate&) = delete;
  AcceptGate& operator=(const AcceptGate&) = delete;

  // A hint: another thread may be faster.
  [[nodiscard]] bool has_room() const { return in_flight() < in_flight_max(); }
  // Takes a permit. False, and counted as turned away, when there is none.
  [[nodiscard]] bool try_acquire();
  // Gives one back. A permit that was never taken is a defect of the program: it aborts.
  void release();

  // A lower limit takes nobody's permit away; it holds from the next one on.
  void set_in_flight_max(std::size_t limit) { in_flight_max_.store(limit); }

  [[nodiscard]] std::size_t in_flight() const { return in_flight_.load(); }
  [[nodiscard]] std::size_t in_flight_max() const { return in_flight_max_.load(); }
  [[nodiscard]] std::uint64_t acquired_total() const { return acquired_total_.load(); }
  [[nodiscard]] std::uint64_t turned_away_total() const { return turned_away_total_.load(); }

 private:
  std::atomic<std::size_t> in_flight_max_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::uint64_t> acquired_total_{0};
  std::atomic<std::uint64_t> turned_away_total_{0};
};

}  // namespace millrace::ratelimit
