// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_agent.h"

#include <algorithm>
#include <utility>

#include "agent/policy/sharing.h"
#include "agent/queue_options.h"
#include "agent/task_server.h"

namespace millrace::bench::sim {
namespace {

using base::Reason;

constexpr std::string_view kBuild = "simulated";

agent::CacheKey result_key(const agent::SourceVersion& version, std::string_view pipeline) {
  const std::string_view content(reinterpret_cast<const char*>(version.content.data()),
                                 version.content.size());
  return agent::cache_key_of({"result", content, pipeline, kBuild});
}

double ms_of(base::Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

}  // namespace

SimAgent::SimAgent(EventQueue& events, Cores& cores, const Scenario& scenario,
                   const SimServer& server, const SimCosts& costs, DrawWork draw_work)
    : events_(events),
      scenario_(scenario),
      server_(server),
      costs_(costs),
      draw_work_(std::move(draw_work)),
      thread_(cores.add_thread("millrace-agent", Standing::Service)),
      prober_(cores.add_thread("millrace-image-worker", Standing::Work)),
      cache_(server.agent.cache),
      sources_(events, server, costs, cache_,
               [this](base::Duration cpu, EventQueue::Action then) {
                 thread_.run(cpu, std::move(then));
               }),
      workers_(events, cores,
               {.slots = server.workers,
                .spares = server.agent.image_workers.spares,
                .start = costs.worker_start},
               [this] { serve(); }),
      decider_(agent::work_queue_options(server.agent, server.workers)),
      quarantine_({.deaths_max = server.agent.quarantine.deaths_max,
                   .ttl = server.agent.quarantine.ttl,
                   .entries_max = server.agent.quarantine.entries_max}) {}

// A request holds its flight, and a flight those who wait for it.
SimAgent::~SimAgent() {
  for (const auto& [id, request] : requests_) request->flight = nullptr;
}

std::uint64_t SimAgent::ask(SimTask task, Done done) {
  auto request = std::make_shared<Request>();
  request->id = next_id_++;
  request->deadline = base::Deadline::after(
      events_.now(), std::min<base::Duration>(task.time_left, server_.agent.limits.deadline));
  request->task = std::move(task);
  request->done = std::move(done);
  requests_[request->id] = request;
  thread_.run(costs_.agent_read, [this, request] {
    if (!request->ended) begin(request);
  });
  return request->id;
}

void SimAgent::begin(const RequestPtr& request) {
  const SimTask& task = request->task;
  if (const auto version = sources_.fresh(task.bucket, task.key)) {
    if (cache_.find(result_key(*version, task.pipeline))) return answer(request, false, {});
  }
  if (waiting_ >= server_.agent.limits.waiting_max) return refuse(request, Reason::QueueFull);
  ++waiting_;
  request->waits = true;
  events_.at(request->deadline.at(), [this, request] {
    if (!request->ended) refuse(request, Reason::Deadline);
  });
  if (!needs_no_work(task)) {
    auto admitted = admit(task);
    if (!admitted) return refuse(request, admitted.error().reason);
    request->permission = *std::move(admitted);
  }
  request->fetch = sources_.get(task.bucket, task.key, scenario_.mixes[task.mix].source_px,
                                request->deadline, [this, request](const auto& version) {
                                  if (!request->ended) fetched(request, version);
                                });
}

bool SimAgent::needs_no_work(const SimTask& task) {
  const auto version = sources_.last_known(task.bucket, task.key);
  if (!version) return false;
  const agent::CacheKey key = result_key(*version, task.pipeline);
  return joinable(key) || cache_.has(key);
}

base::Result<std::shared_ptr<SimAgent::Permission>> SimAgent::admit(const SimTask& task) {
  const std::string name = task.bucket + '\0' + task.key + '\0' + task.pipeline;
  std::weak_ptr<Permission>& shared = permissions_[name];
  if (auto permission = shared.lock()) return permission;
  if (!decider_.knows(task.tier)) return base::fail(Reason::Internal, "the tier is not known");
  const agent::TicketId id = next_ticket_++;
  if (!decider_.prepare(id, task.tier, task.user, sources_.origin_of(task.bucket), events_.now())) {
    permissions_.erase(name);
    return base::fail(Reason::QueueFull, "the queue is full");
  }
  auto permission = std::make_shared<Permission>(decider_, id);
  shared = permission;
  return permission;
}

void SimAgent::fetched(const RequestPtr& request,
                       const base::Result<SimSources::Version>& version) {
  request->fetch.reset();
  if (!version) return refuse(request, version.error().reason);
  if (cache_.find(result_key(**version, request->task.pipeline))) {
    return answer(request, false, {});
  }
  share(request, *version);
}

SimAgent::FlightPtr SimAgent::joinable(const agent::CacheKey& key) const {
  const auto found = flights_.find(key);
  return found == flights_.end() || found->second->deserted ? nullptr : found->second;
}

// Joins the making of this result, or begins it.
void SimAgent::share(const RequestPtr& request, const SimSources::Version& version) {
  const agent::CacheKey key = result_key(*version, request->task.pipeline);
  FlightPtr flight = joinable(key);
  if (!request->permission && !flight) {
    auto admitted = admit(request->task);
    if (!admitted) return refuse(request, admitted.error().reason);
    request->permission = *std::move(admitted);
  }
  request->began_flight = !flight;
  if (flight) {
    if (!lift(*flight, request->task)) return refuse(request, Reason::QueueFull);
    request->flight = flight;
    flight->waiters.push_back(request);
    return;
  }
  flight = std::make_shared<Flight>();
  flight->key = key;
  flight->task = request->task;
  flight->deadline = request->deadline;
  flight->permission = request->permission;
  flight->version = version;
  flight->waiters.push_back(request);
  request->flight = flight;
  flights_[key] = flight;
  events_.at(flight->deadline.at(), [this, flight] { at_deadline(flight); });
  fly(flight);
}

// What a better tier waits for does not wait in a worse one's queue. False: its own is full.
bool SimAgent::lift(Flight& flight, const SimTask& task) {
  if (!decider_.outweighs(task.tier, flight.task.tier)) return true;
  if (flight.stage == Stage::Queued) {
    const auto promoted = decider_.promote(flight.ticket, task.tier, task.user, events_.now());
    if (promoted.displaced) end_ticket(*promoted.displaced, Reason::QueueFull);
    if (promoted.lift == agent::TierQueue::Lift::Full) return false;
    if (promoted.lift != agent::TierQueue::Lift::Lifted) return true;
  }
  flight.task.tier = task.tier;
  flight.task.user = task.user;
  return true;
}

void SimAgent::fly(const FlightPtr& flight) {
  if (quarantine_.holds(flight->key, events_.now())) return land(flight, Reason::Quarantined);
  thread_.run(costs_.agent_prepare, [this, flight] {
    if (flight->stage == Stage::Landed) return;
    flight->fetch = sources_.get(flight->task.bucket, flight->task.key,
                                 scenario_.mixes[flight->task.mix].source_px, flight->deadline,
                                 [this, flight](const auto& version) {
                                   if (flight->stage == Stage::Landed) return;
                                   if (!version) return land(flight, version.error().reason);
                                   flight->version = *version;
                                   probe(flight);
                                 });
  });
}

// One worker reads headers, one after another; what it found is kept with the version.
void SimAgent::probe(const FlightPtr& flight) {
  if (flight->version->probe) return queue(flight);
  prober_.run(costs_.probe, [this, flight] {
    if (!flight->version->probe) {
      const auto bucket = server_.buckets.find(flight->task.bucket);
      flight->version->probe =
          probe_of(bucket == server_.buckets.end() ? nullptr : &bucket->second, flight->task.key,
                   scenario_.mixes[flight->task.mix].source_px);
    }
    if (flight->stage != Stage::Landed) queue(flight);
  });
}

void SimAgent::queue(const FlightPtr& flight) {
  const base::TimePoint now = events_.now();
  const auto pipeline = server_.catalogue.check(flight->task.pipeline);
  flight->features = agent::features_of(*flight->version->probe, *pipeline, server_.catalogue);
  flight->expected = costs_model_.predict(flight->features);
  const agent::TaskCeiling ceiling{
      .cpu = std::min<base::Duration>(flight->task.time_left, server_.agent.limits.worker_cpu),
      .memory = server_.agent.limits.worker_memory_max};
  const auto verdict = costs_model_.judge(flight->features, ceiling, now);
  if (verdict == agent::CostModel::Verdict::TooMuchCpu ||
      verdict == agent::CostModel::Verdict::TooMuchMemory) {
    return land(flight, Reason::TaskTooExpensive);
  }
  const bool sure = verdict == agent::CostModel::Verdict::Run;
  if (sure && flight->deadline.remaining(now) < flight->expected.cpu_least) {
    costs_model_.note_dropped(flight->features, now);
    return land(flight, Reason::Deadline);
  }
  const agent::ExpectedWork work{flight->expected.cpu,
                                 sure ? flight->expected.cpu_least : base::Duration{}};
  if (flight->permission) decider_.prepared(flight->permission->id, now);
  flight->ticket = next_ticket_++;
  const auto offered = decider_.offer(
      flight->task.tier, {flight->ticket, flight->task.user, flight->deadline, work, now}, now);
  if (offered.verdict == agent::TierQueue::Verdict::UnknownTier) {
    return land(flight, Reason::Internal);
  }
  if (offered.verdict == agent::TierQueue::Verdict::Full) return land(flight, Reason::QueueFull);
  flight->stage = Stage::Queued;
  tickets_[flight->ticket] = flight;
  if (offered.displaced) end_ticket(*offered.displaced, Reason::QueueFull);
  serve();
}

void SimAgent::end_ticket(agent::TicketId ticket, base::Reason reason) {
  const FlightPtr flight = tickets_.at(ticket);
  land(flight, reason);
}

void SimAgent::serve() {
  while (decider_.depth() > 0) {
    const auto worker = workers_.take();
    if (!worker) return;
    const agent::TierQueue::Taken taken = decider_.take(events_.now());
    if (taken.next) {
      const FlightPtr flight = tickets_.at(taken.next->id);
      tickets_.erase(taken.next->id);
      start(flight, *worker);
    } else {
      workers_.give_back(*worker);
    }
    for (const auto& dropped : taken.dropped) {
      costs_model_.note_dropped(tickets_.at(dropped.id)->features, events_.now());
      end_ticket(dropped.id, Reason::Deadline);
    }
    if (!taken.next) return;
  }
}

void SimAgent::start(const FlightPtr& flight, std::size_t worker) {
  flight->stage = Stage::Running;
  flight->worker = worker;
  flight->cpu = draw_work_(flight->task.mix);
  flight->begun_at = events_.now();
  thread_.run(costs_.agent_dispatch, [this, flight] {
    if (flight->stage != Stage::Running) return;
    workers_.run(flight->worker, flight->cpu, [this, flight] {
      thread_.run(costs_.agent_finish, [this, flight] {
        if (flight->stage == Stage::Running) worked(flight);
      });
    });
  });
}

void SimAgent::worked(const FlightPtr& flight) {
  const base::TimePoint now = events_.now();
  decider_.finished(flight->ticket, now - flight->begun_at, now);
  costs_model_.learn(flight->features, flight->cpu,
                     base::Bytes{static_cast<std::uint64_t>(costs_.worker_memory_mib * (1 << 20))});
  if (server_.agent.cache.results) {
    (void)cache_.keep(flight->key, base::Bytes{scenario_.mixes[flight->task.mix].answer_bytes});
  }
  workers_.give_back(flight->worker);
  land(flight, std::nullopt);
}

// Its worker is killed; nothing comes of it.
void SimAgent::stop_work(const FlightPtr& flight) {
  decider_.failed(flight->ticket);
  workers_.kill(flight->worker);
}

void SimAgent::kill_worker(std::size_t worker) {
  for (const auto& [key, running] : flights_) {
    if (running->stage != Stage::Running || running->worker != worker) continue;
    const FlightPtr flight = running;
    stop_work(flight);
    quarantine_.died(flight->key, events_.now());
    return land(flight, Reason::WorkerDied);
  }
  workers_.kill(worker);
}

void SimAgent::at_deadline(const FlightPtr& flight) {
  if (flight->stage == Stage::Landed) return;
  if (flight->stage == Stage::Running) {
    stop_work(flight);
    const bool overran = events_.now() - flight->begun_at >= server_.agent.limits.deadline / 2;
    if (overran) quarantine_.died(flight->key, events_.now());
  }
  land(flight, Reason::Deadline);
}

void SimAgent::land(const FlightPtr& flight, Outcome outcome) {
  if (flight->stage == Stage::Landed) return;
  if (flight->stage == Stage::Queued) {
    decider_.withdraw(flight->ticket);
    tickets_.erase(flight->ticket);
  }
  flight->stage = Stage::Landed;
  flight->permission.reset();
  if (flight->fetch) sources_.leave(std::exchange(flight->fetch, nullptr));
  const auto found = flights_.find(flight->key);
  if (found != flights_.end() && found->second == flight) flights_.erase(found);
  for (const RequestPtr& request : std::exchange(flight->waiters, {})) {
    request->flight.reset();
    if (request->ended) continue;
    if (!outcome) {
      const pipeline::TaskCost cost{.predicted_cpu_ms = ms_of(flight->expected.cpu),
                                    .actual_cpu_ms = ms_of(flight->cpu)};
      answer(request, request->began_flight,
             request->began_flight ? std::optional(cost) : std::nullopt);
      continue;
    }
    const bool own = request->began_flight || request->deadline.expired(events_.now());
    if (own || !agent::making_ended_for_its_beginner(*outcome)) {
      refuse(request, *outcome);
    } else {
      share(request, flight->version);
    }
  }
}

// A flight that everybody has left is given up: at once while it waits; at work it may still end
// for as long as the grace is.
void SimAgent::leave(const RequestPtr& request) {
  if (request->fetch) sources_.leave(std::exchange(request->fetch, nullptr));
  const FlightPtr flight = std::exchange(request->flight, nullptr);
  if (!flight) return;
  flight->waiters.remove(request);
  if (!flight->waiters.empty()) return;
  flight->deserted = true;
  if (flight->stage != Stage::Running) return land(flight, Reason::ClientGone);
  events_.after(server_.agent.image_workers.cancel_grace, [this, flight] {
    if (flight->stage != Stage::Running) return;
    stop_work(flight);
    land(flight, Reason::ClientGone);
  });
}

void SimAgent::cancel(std::uint64_t id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  const RequestPtr request = found->second;
  if (!request->ended) end(request);
}

void SimAgent::end(const RequestPtr& request) {
  request->ended = true;
  if (request->waits) --waiting_;
  leave(request);
  request->permission.reset();
  requests_.erase(request->id);
}

void SimAgent::refuse(const RequestPtr& request, Reason reason) {
  SimTaskAnswer refused;
  refused.refused = reason;
  if (base::http_status_of(reason) == 503) {
    refused.retry_after =
        std::chrono::seconds(decider_.retry_after_s(request->task.tier, events_.now()));
  }
  send(request, std::move(refused), costs_.agent_refuse);
}

void SimAgent::answer(const RequestPtr& request, bool held_a_place,
                      std::optional<pipeline::TaskCost> cost) {
  SimTaskAnswer answer;
  answer.held_a_place = held_a_place;
  answer.cost = cost;
  send(request, std::move(answer), costs_.agent_answer);
}

void SimAgent::send(const RequestPtr& request, SimTaskAnswer answer, base::Duration cpu) {
  end(request);
  thread_.run(cpu, [this, request, answer = std::move(answer)]() mutable {
    answer.load = load();
    request->done(answer);
  });
}

const pipeline::NodeLoad& SimAgent::load() {
  const base::TimePoint now = events_.now();
  if (load_ && now - load_made_ < agent::TaskServer::kLoadLife) return *load_;
  load_ = decider_.load(now);
  load_->busy = static_cast<std::uint32_t>(workers_.busy());
  load_->slots = static_cast<std::uint32_t>(workers_.count());
  load_->cache_bytes = cache_.used().count;
  load_made_ = now;
  return *load_;
}

void SimAgent::ask_load(std::function<void(const pipeline::NodeLoad&)> done) {
  thread_.run(costs_.agent_answer, [this, done = std::move(done)] { done(load()); });
}

}  // namespace millrace::bench::sim
