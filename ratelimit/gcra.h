// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/deadline.h"

namespace millrace::ratelimit {

// So many a second in the long run, and `burst` at once by whoever was silent before.
struct RateLimit {
  double rate_per_s = 0;    // 0: no limit. At most one a nanosecond; more counts as that
  std::uint32_t burst = 0;  // 0: what the rate gives in a second, at least 1
  friend bool operator==(const RateLimit&, const RateLimit&) = default;

  [[nodiscard]] bool limits() const { return rate_per_s > 0; }
  [[nodiscard]] std::uint32_t burst_or_default() const;
  // Both only where limits(). Between two requests in the long run, 1 ns and up; and how early a
  // request may come, burst - 1 intervals. Neither exceeds a year.
  [[nodiscard]] base::Duration interval() const;
  [[nodiscard]] base::Duration early_max() const;
};

// What a client is told about its rate, whatever became of the request.
struct RateFacts {
  std::uint32_t limit = 0;       // X-RateLimit-Limit: requests at once; 0: no limit, no headers
  std::uint32_t remaining = 0;   // X-RateLimit-Remaining: requests that would be admitted now
  base::Duration reset_after{};  // X-RateLimit-Reset: until `remaining` is `limit` again
  friend bool operator==(const RateFacts&, const RateFacts&) = default;
};

// The generic cell rate algorithm (ITU-T I.371) in its virtual-scheduling form: one time point a
// user, the theoretical arrival time of the next request that would be on schedule. A request is
// admitted when it is at most burst - 1 intervals early, and moves that time by one interval. No
// timer fills anything, and the wait of a refused request is known to the nanosecond. Another limit
// may be passed at any call: a debt made under a slower one shrinks to the most that the new one
// allows. Time is passed in; earlier times than before do no harm. One thread.
class Gcra {
 public:
  // Of somebody who has `full_after` to wait until nothing is missing any more.
  static RateFacts facts_of(const RateLimit& limit, base::Duration full_after);

  // Zero: a request now would be admitted. Otherwise exactly how long until one would be.
  [[nodiscard]] base::Duration wait(const RateLimit& limit, base::TimePoint now);
  // Takes one request, which wait() must have admitted.
  void take(const RateLimit& limit, base::TimePoint now);
  [[nodiscard]] RateFacts facts(const RateLimit& limit, base::TimePoint now) const;

  // From here on nothing distinguishes this user from one who was never seen.
  [[nodiscard]] base::TimePoint forgettable_at() const { return arrival_; }

 private:
  base::TimePoint arrival_ = base::TimePoint::min();
};

}  // namespace millrace::ratelimit
