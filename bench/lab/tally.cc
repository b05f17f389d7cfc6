// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/tally.h"

namespace millrace::bench {

void Tally::add(const Outcome& outcome) {
  ++offered;
  std::string key = std::to_string(outcome.status);
  if (!outcome.reason.empty()) key.append(" ").append(outcome.reason);
  ++by_status[key];
  body_bytes += outcome.body_bytes;
  if (outcome.status == 0) return;
  ++answered;
  all_latency.add(outcome.latency_us);
  if (outcome.late) ++late;
  if (outcome.status == 200 && !outcome.late) {
    ++good;
    good_latency.add(outcome.latency_us);
  }
  if (outcome.status == 429 || outcome.status == 503) {
    ++refused;
    refused_latency.add(outcome.latency_us);
    if (!outcome.asks_to_wait) ++refused_silently;
  }
}

void Tally::merge(const Tally& other) {
  offered += other.offered;
  answered += other.answered;
  good += other.good;
  late += other.late;
  refused += other.refused;
  refused_silently += other.refused_silently;
  body_bytes += other.body_bytes;
  for (const auto& [key, count] : other.by_status) by_status[key] += count;
  good_latency.merge(other.good_latency);
  refused_latency.merge(other.refused_latency);
  all_latency.merge(other.all_latency);
}

}  // namespace millrace::bench
