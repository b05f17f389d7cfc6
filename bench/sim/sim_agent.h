// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/cost_model.h"
#include "agent/policy/quarantine.h"
#include "agent/policy/queue_decider.h"
#include "agent/policy/task_features.h"
#include "base/error.h"
#include "bench/sim/cores.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_costs.h"
#include "bench/sim/sim_server.h"
#include "bench/sim/sim_sources.h"
#include "bench/sim/sim_workers.h"
#include "pipeline/task.h"

namespace millrace::bench::sim {

// What a gateway asks of an agent.
struct SimTask {
  std::string bucket;
  std::string key;
  std::string pipeline;  // canonical
  std::string user;
  std::string tier;
  base::Duration time_left{};
  std::size_t mix = 0;  // of the scenario
};
struct SimTaskAnswer {
  std::optional<base::Reason> refused;  // nullopt: the variant
  base::Duration retry_after{};
  bool held_a_place = false;  // not from the cache, nor another's work
  pipeline::NodeLoad load;
  std::optional<pipeline::TaskCost> cost;
};

// An agent in virtual time. What is decided is decided by the agent's own classes: QueueDecider
// before its workers, CostModel, SourceRecords, FetchGate, CachePolicy, Quarantine. This class is
// what VariantService, RunQueue and TaskServer are in the product: the order in which these are
// asked, with events where those have coroutines.
class SimAgent {
 public:
  using Done = std::function<void(const SimTaskAnswer&)>;
  // Processor time that one of the mix takes a worker.
  using DrawWork = std::function<base::Duration(std::size_t mix)>;

  // All outlive it.
  SimAgent(EventQueue& events, Cores& cores, const Scenario& scenario, const SimServer& server,
           const SimCosts& costs, DrawWork draw_work);
  ~SimAgent();
  SimAgent(const SimAgent&) = delete;
  SimAgent& operator=(const SimAgent&) = delete;

  // The task has arrived. `done` when its answer leaves. Gives a name for cancel().
  std::uint64_t ask(SimTask task, Done done);
  // Its gateway has closed the connection.
  void cancel(std::uint64_t id);
  void ask_load(std::function<void(const pipeline::NodeLoad&)> done);

  // SIGKILL to a worker: its task fails.
  void kill_worker(std::size_t worker);
  [[nodiscard]] SimWorkers& workers() { return workers_; }
  [[nodiscard]] SimSources& sources() { return sources_; }
  [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }
  [[nodiscard]] const agent::QueueDecider& decider() const { return decider_; }

 private:
  struct Flight;
  using FlightPtr = std::shared_ptr<Flight>;
  // The right to be fetched and probed; given up when this goes.
  struct Permission {
    Permission(agent::QueueDecider& given_by, agent::TicketId ticket)
        : decider(given_by), id(ticket) {}
    Permission(const Permission&) = delete;
    Permission& operator=(const Permission&) = delete;
    ~Permission() { decider.abandon(id); }
    agent::QueueDecider& decider;
    agent::TicketId id;
  };
  struct Request {
    std::uint64_t id = 0;
    SimTask task;
    base::Deadline deadline;
    Done done;
    std::shared_ptr<Permission> permission;
    std::shared_ptr<SimSources::Waiter> fetch;
    FlightPtr flight;
    bool began_flight = false;
    bool waits = false;  // counted in waiting_
    bool ended = false;
  };
  using RequestPtr = std::shared_ptr<Request>;
  enum class Stage { Preparing, Queued, Running, Landed };
  // The making of one result, shared by all who ask for it.
  struct Flight {
    agent::CacheKey key;
    SimTask task;  // of the beginner; tier and user are those as whom it waits
    base::Deadline deadline;
    std::shared_ptr<Permission> permission;
    SimSources::Version version;
    std::shared_ptr<SimSources::Waiter> fetch;
    std::list<RequestPtr> waiters;
    agent::TaskFeatures features;
    agent::TaskPrediction expected;
    Stage stage = Stage::Preparing;
    bool deserted = false;  // nobody waits any more: not joinable
    agent::TicketId ticket = 0;
    std::size_t worker = 0;
    base::Duration cpu{};
    base::TimePoint begun_at{};
  };

  // What became of a flight: nullopt is a result.
  using Outcome = std::optional<base::Reason>;

  void begin(const RequestPtr& request);
  void fetched(const RequestPtr& request, const base::Result<SimSources::Version>& version);
  void share(const RequestPtr& request, const SimSources::Version& version);
  [[nodiscard]] bool needs_no_work(const SimTask& task);
  [[nodiscard]] base::Result<std::shared_ptr<Permission>> admit(const SimTask& task);
  [[nodiscard]] FlightPtr joinable(const agent::CacheKey& key) const;
  bool lift(Flight& flight, const SimTask& task);

  void fly(const FlightPtr& flight);
  void probe(const FlightPtr& flight);
  void queue(const FlightPtr& flight);
  void serve();
  void start(const FlightPtr& flight, std::size_t worker);
  void worked(const FlightPtr& flight);
  void end_ticket(agent::TicketId ticket, base::Reason reason);
  void stop_work(const FlightPtr& flight);
  void at_deadline(const FlightPtr& flight);
  void land(const FlightPtr& flight, Outcome outcome);
  void leave(const RequestPtr& request);

  void refuse(const RequestPtr& request, base::Reason reason);
  void answer(const RequestPtr& request, bool held_a_place, std::optional<pipeline::TaskCost> cost);
  void send(const RequestPtr& request, SimTaskAnswer answer, base::Duration cpu);
  void end(const RequestPtr& request);
  const pipeline::NodeLoad& load();

  EventQueue& events_;
  const Scenario& scenario_;
  const SimServer& server_;
  const SimCosts& costs_;
  DrawWork draw_work_;
  Cores::Thread& thread_;
  Cores::Thread& prober_;
  SimCache cache_;
  SimSources sources_;
  SimWorkers workers_;
  agent::QueueDecider decider_;
  agent::CostModel costs_model_;
  agent::Quarantine quarantine_;
  std::unordered_map<std::uint64_t, RequestPtr> requests_;
  std::unordered_map<agent::CacheKey, FlightPtr, agent::CacheKeyHash> flights_;
  std::unordered_map<agent::TicketId, FlightPtr> tickets_;  // of those in the line
  std::map<std::string, std::weak_ptr<Permission>> permissions_;
  std::size_t waiting_ = 0;
  std::uint64_t next_id_ = 1;
  agent::TicketId next_ticket_ = 1;
  std::optional<pipeline::NodeLoad> load_;
  base::TimePoint load_made_{};
};

}  // namespace millrace::bench::sim
