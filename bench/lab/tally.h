// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bench/lab/histogram.h"

namespace millrace::bench {

// What became of one request.
struct Outcome {
  int status = 0;               // 0: no answer; `reason` then says why
  std::string_view reason{};    // of the answer's JSON; or connect_failed | reset | unanswered …
  std::int64_t latency_us = 0;  // from the intended start to the last byte
  bool late = false;            // answered after its deadline
  bool asks_to_wait = false;    // the answer had Retry-After
  std::uint64_t body_bytes = 0;
};

// What became of many: the numbers of one row.
class Tally {
 public:
  void add(const Outcome& outcome);
  void merge(const Tally& other);

  std::uint64_t offered = 0;  // that left, or ought to have left, in this row's time
  std::uint64_t answered = 0;
  std::uint64_t good = 0;              // 200 within the deadline
  std::uint64_t late = 0;              // any answer after it
  std::uint64_t refused = 0;           // answers of 429 and 503
  std::uint64_t refused_silently = 0;  // of them without Retry-After
  std::uint64_t body_bytes = 0;
  std::map<std::string, std::uint64_t> by_status;  // "200", "503 queue_full", "0 unanswered"
  Histogram good_latency;
  Histogram refused_latency;
  Histogram all_latency;  // of every answer
};

}  // namespace millrace::bench
