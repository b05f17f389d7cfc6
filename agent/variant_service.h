// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "agent/cache_store.h"
#include "agent/config.h"
#include "agent/flight.h"
#include "agent/metrics.h"
#include "agent/other_pictures.h"
#include "agent/policy/cost_model.h"
#include "agent/policy/quarantine.h"
#include "agent/prober.h"
#include "agent/run_queue.h"
#include "agent/source_catalog.h"
#include "base/result.h"
#include "ipc/road.h"
#include "net/cancel.h"
#include "pipeline/pipeline.h"
#include "pipeline/task.h"

namespace millrace::agent {

// Where the time of a request went.
struct StageTimes {
  base::Duration fetch{};
  base::Duration probe{};
  base::Duration queue{};
  base::Duration work{};
  std::optional<ipc::Road> road{};  // that the work took
};

// A result, pinned, with the time it took.
struct MadeVariant {
  CachePin file;  // has facts
  StageTimes times;
  pipeline::TaskCost cost;
};

enum class VariantOrigin { Cache, Worker, Flight };

struct VariantAnswer {
  CachePin file;
  VariantOrigin from = VariantOrigin::Cache;
  StageTimes times;
  std::optional<pipeline::TaskCost> cost;  // of the work that this request had done
  // Whoever asks for the same within this time gets the same; zero: not known.
  std::chrono::milliseconds fresh_for{0};
};
// The client has this version already.
struct VariantNotModified {
  std::string etag;
};
// The pipeline asked for the original where it fails (ignore-error/1).
struct OriginalInstead {
  SourceCopy source;
  base::Reason ignored = base::Reason::Internal;
  StageTimes times;
};
using VariantOutcome = std::variant<VariantAnswer, VariantNotModified, OriginalInstead>;

// What a request asks for, once its task was checked.
struct VariantRequest {
  std::string bucket;
  std::string key;
  std::string pipeline;  // canonical text
  std::string user;
  std::string tier;
  std::string if_none_match;  // as received; empty: none
  base::Deadline deadline;
  base::Duration time_allowed{};  // from its receipt to the deadline
};

// Makes variants: result in the cache? the same one being made? is there room in the tier's queue?
// then fetch, probe, queue, work, keep. Who finds the queue full is refused before anything is
// fetched or waited for. Requests for the same result share one making of it. With `keep_results`
// false the result goes when the last request that shared it was answered; sharing is still right
// then: nobody is given anything older than the request that began the work which they joined while
// it ran. One thread.
class VariantService : public std::enable_shared_from_this<VariantService> {
 public:
  struct Parts {
    std::shared_ptr<CacheStore> store;
    std::shared_ptr<SourceCatalog> sources;
    std::shared_ptr<Prober> prober;
    std::shared_ptr<RunQueue> queue;
    std::shared_ptr<WorkerPool> pool;
    std::shared_ptr<Quarantine> quarantine;
    std::shared_ptr<CostModel> costs;
  };
  struct Options {
    TaskLimitsConfig limits;
    bool keep_results = true;
    std::chrono::milliseconds cancel_grace{1'000};
  };
  VariantService(net::asio::io_context& io, Options options, Parts parts,
                 const AgentMetrics& metrics);

  // The workers described themselves: their commands are what is understood from now on, and their
  // build is part of every result's name.
  void learn(const ipc::Describe& describe);

  // What can be answered without waiting and without a system call; nullopt is not an error.
  [[nodiscard]] std::optional<VariantOutcome> at_once(const VariantRequest& request,
                                                      base::TimePoint now);
  // Any reason of section 9 that an agent has.
  static net::Awaitable<base::Result<VariantOutcome>> make(std::shared_ptr<VariantService> service,
                                                           VariantRequest request,
                                                           net::CancelToken cancel);

  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  using VariantFlight = std::shared_ptr<Flight<MadeVariant>>;
  using StandingPtr = std::shared_ptr<RunQueue::Standing>;
  struct Plan {
    VariantRequest request;
    pipeline::Pipeline pipeline;
    std::shared_ptr<SourceVersion> version;
    std::vector<OtherPicture> others;  // with their versions
    CacheKey key;
    std::shared_ptr<Preparing> permission;  // null: it came to join, or for what is in the cache
    TaskFeatures features;                  // once it is probed
    TaskPrediction expected;
  };
  [[nodiscard]] CacheKey result_key(const SourceVersion& version,
                                    const std::vector<OtherPicture>& others,
                                    std::string_view pipeline) const;
  [[nodiscard]] std::optional<VariantOutcome> known(const VariantRequest& request,
                                                    const CacheKey& key);
  [[nodiscard]] bool needs_no_work(const VariantRequest& request,
                                   std::vector<OtherPicture> others) const;
  static net::Awaitable<base::Result<VariantOutcome>> original_instead(
      std::shared_ptr<VariantService> service, VariantRequest request, base::Reason reason,
      base::Duration fetch, net::CancelToken cancel);
  base::Result<std::shared_ptr<Preparing>> admit(const VariantRequest& request);
  static net::Awaitable<base::Result<MadeVariant>> share(std::shared_ptr<VariantService> self,
                                                         Plan plan, net::CancelToken cancel,
                                                         bool& joined_other);
  static net::Awaitable<void> fly(std::shared_ptr<VariantService> self, VariantFlight flight,
                                  Plan plan, StandingPtr standing);
  net::Awaitable<base::Result<MadeVariant>> produce(Plan plan, StandingPtr standing,
                                                    net::CancelToken cancel);
  // A plan's files, pinned.
  struct Inputs {
    SourceCopy source;
    std::vector<SourceCopy> others;
  };
  // Their present versions become the plan's.
  net::Awaitable<base::Result<Inputs>> fetch(Plan& plan, net::CancelToken cancel);
  struct Headers {
    ipc::Probe source;
    std::vector<ipc::Probe> others;
  };
  net::Awaitable<base::Result<Headers>> probe(const Plan& plan, const Inputs& inputs,
                                              StandingPtr standing, net::CancelToken cancel);
  base::Result<ExpectedWork> expect(Plan& plan, const Headers& headers);
  net::Awaitable<base::Result<MadeVariant>> work(Plan plan, Inputs inputs, QueuedWorker worker,
                                                 StageTimes times, net::CancelToken cancel);
  pipeline::TaskCost learn_cost(const Plan& plan, const ipc::Reply& reply);
  void note_failure(const Plan& plan, base::Reason reason, base::TimePoint begun);
  base::Result<CachePin> keep(const Plan& plan, CacheWriter writer, const ipc::RunOutcome& outcome);

  net::asio::io_context& io_;
  Options options_;
  Parts parts_;
  const AgentMetrics& metrics_;
  std::shared_ptr<const pipeline::Catalogue> catalogue_;
  std::string build_;
  FlightMap<CacheKey, MadeVariant, CacheKeyHash> flights_;
  std::unordered_map<const Flight<MadeVariant>*, StandingPtr> standings_;  // of those in the air
  // By bucket, key and pipeline: who comes for the same is let in with the first.
  std::unordered_map<std::string, std::weak_ptr<Preparing>> permissions_;
  std::uint64_t next_id_ = 1;
};

// Failures that are the file's own, for which ignore-error/1 gives the original.
bool is_media_failure(base::Reason reason);
// The strong entity-tag of a result.
std::string etag_of(const CacheKey& result_key);
// That of one made with less effort, for want of time: other bytes have another one.
std::string eased_etag_of(const CacheKey& result_key);

}  // namespace millrace::agent
