// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/cache_store.h"
#include "agent/config.h"
#include "agent/flight.h"
#include "agent/metrics.h"
#include "agent/policy/fetch_gate.h"
#include "agent/policy/source_records.h"
#include "base/result.h"
#include "net/cancel.h"
#include "storage/bucket.h"

namespace millrace::agent {

// A version, with its bytes when they were asked for.
struct SourceCopy {
  std::shared_ptr<SourceVersion> version;
  CachePin bytes;
};

// Knows the originals that requests name, and fetches them: one download however many wait. A
// version is served without a question for `source_fresh`, then the origin is asked whether it
// changed. Failures are not remembered: whoever waited for the same download shares it, the next
// one tries again. One thread.
class SourceCatalog : public std::enable_shared_from_this<SourceCatalog> {
 public:
  struct Options {
    std::chrono::milliseconds fresh{2'000};
    std::size_t known_max = 200'000;
    base::Bytes source_max = base::mebibytes(20);
    FetchGate::Limits gate;
  };
  // The bucket lives as long as the catalogue.
  using FindBucket = std::function<base::Result<storage::Bucket*>(std::string_view)>;

  SourceCatalog(net::asio::io_context& io, Options options, FindBucket find_bucket,
                std::shared_ptr<CacheStore> store, const AgentMetrics& metrics);

  // The version to serve without a question, and until when; null when it is not known or not
  // fresh. No wait, no system call.
  [[nodiscard]] FreshVersion fresh(const std::string& bucket, const std::string& key,
                                   base::TimePoint now);

  // The version seen last, fresh or not; null when none is known. No wait, no system call.
  [[nodiscard]] std::shared_ptr<SourceVersion> last_known(const std::string& bucket,
                                                          const std::string& key);
  // Where a bucket's originals come from: the name under which downloads are bounded. NoBucket.
  [[nodiscard]] base::Result<std::string> origin_of(const std::string& bucket) const;

  enum class Want { Version, Bytes };
  // The present version, and with Want::Bytes its bytes, pinned. NoBucket, NoKey, SourceTooLarge,
  // OriginFailed, CacheFull, QueueFull (too many wait for this origin), Deadline, ClientGone.
  static net::Awaitable<base::Result<SourceCopy>> get(std::shared_ptr<SourceCatalog> catalog,
                                                      std::string bucket, std::string key,
                                                      Want want, base::Deadline deadline,
                                                      net::CancelToken cancel);

  [[nodiscard]] std::size_t known() const { return records_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  using SourceFlight = std::shared_ptr<Flight<SourceCopy>>;

  static net::Awaitable<void> fetch(std::shared_ptr<SourceCatalog> self, SourceFlight flight,
                                    storage::Bucket* bucket, std::string bucket_name,
                                    std::string key, Want want, base::Deadline deadline);
  net::Awaitable<base::Result<SourceCopy>> ask_origin(storage::Bucket& bucket,
                                                      std::string bucket_name, std::string key,
                                                      Want want, base::Deadline deadline,
                                                      net::CancelToken cancel);
  net::Awaitable<base::Result<void>> enter_gate(std::string origin, base::Deadline deadline,
                                                net::CancelToken cancel);
  void leave_gate(const std::string& origin);
  net::Awaitable<base::Result<SourceCopy>> download(storage::EntryReader& reader,
                                                    std::string bucket_name, std::string key);
  base::Result<SourceCopy> keep(CacheWriter writer, const storage::EntryFacts& facts,
                                std::string bucket_name, std::string key);

  net::asio::io_context& io_;
  Options options_;
  FindBucket find_bucket_;
  std::shared_ptr<CacheStore> store_;
  const AgentMetrics& metrics_;
  FetchGate gate_;
  std::unordered_map<std::uint64_t, WaitPoint*> gate_waiters_;
  std::uint64_t next_id_ = 1;
  SourceRecords records_;
  FlightMap<std::string, SourceCopy> flights_;
};

}  // namespace millrace::agent
