// SPDX-License-Identifier: Apache-2.0
#include "agent/variant_service.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/policy/sharing.h"
#include "pipeline/picture.h"
#include "pipeline/request_values.h"
#include "storage/conditional.h"

namespace millrace::agent {
namespace {

// Set aside for a result while it is made; what it really took is settled at its end. So the budget
// may be overrun for the length of a task by at most limits.result_bytes_max for each worker.
constexpr base::Bytes kResultGuess = base::mebibytes(1);
constexpr base::Duration kWorkerMargin = std::chrono::milliseconds(100);
// Of its limit of processor time a worker may not get the last bit.
constexpr double kNearlyAll = 0.8;
constexpr std::size_t kEtagDigits = 32;
// libwebp's method while a tier's line is nearly full: four fifths of the time of 2, an eighth more
// bytes, the same likeness.
constexpr int kEasedWebpEffort = 1;
// Seven such pipelines go with a run, in one frame.
constexpr std::size_t kSharedBytesMax = 1 << 10;

// The worker should give up by itself a moment before it would be killed: its own error costs no
// process.
std::chrono::milliseconds worker_time(base::Deadline deadline, base::TimePoint now) {
  const base::Duration left = deadline.remaining(now);
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      left > 10 * kWorkerMargin ? left - kWorkerMargin : left);
}

std::string too_expensive(const TaskPrediction& expected, const TaskCeiling& ceiling,
                          CostModel::Verdict verdict) {
  const auto ms = [](base::Duration span) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
  };
  if (verdict == CostModel::Verdict::TooMuchMemory) {
    return "The task is expected to need at least " + std::to_string(expected.memory_least.count) +
           " bytes of memory; at most " + std::to_string(ceiling.memory.count) +
           " are allowed. It can be run as a job.";
  }
  return "The task is expected to take at least " + ms(expected.cpu_least) +
         " ms of processor time; it may take " + ms(ceiling.cpu) +
         " ms before its deadline. It can be run as a job.";
}

// For commands that take a file of any kind: there is nothing about it to be known beforehand.
ipc::Probe unknown_kind_of_file() {
  ipc::Probe probe;
  probe.format = "file";
  probe.media_type = "application/octet-stream";
  return probe;
}

// For a worker: the original first. Open while the copies are pinned.
base::Result<std::vector<int>> descriptors_of(const SourceCopy& source,
                                              const std::vector<SourceCopy>& others) {
  std::vector<int> files;
  files.reserve(others.size() + 2);  // the output will be among them
  const auto add = [&files](const SourceCopy& copy) -> base::Result<void> {
    const auto file = copy.bytes.file().descriptor();
    if (!file) return base::fail(file.error());
    files.push_back(*file);
    return {};
  };
  if (auto added = add(source); !added) return base::fail(std::move(added.error()));
  for (const SourceCopy& other : others) {
    if (auto added = add(other); !added) return base::fail(std::move(added.error()));
  }
  return files;
}

double ms_of(base::Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

}  // namespace

bool is_media_failure(base::Reason reason) {
  switch (reason) {
    // The pipeline fits its specs by now: a worker that refuses a parameter refuses it for this
    // picture.
    case base::Reason::BadParameter:
    case base::Reason::UnsupportedMedia:
    case base::Reason::CorruptMedia:
    case base::Reason::TooManyPixels:
    case base::Reason::TooManyFrames:
    case base::Reason::ResultTooLarge:
    case base::Reason::TaskTooExpensive:
    case base::Reason::Quarantined:
    case base::Reason::WorkerDied:
      return true;
    default:
      return false;
  }
}

std::string etag_of(const CacheKey& result_key) {
  return '"' + base::hex(result_key).substr(0, kEtagDigits) + '"';
}

std::string eased_etag_of(const CacheKey& result_key) {
  std::string etag = etag_of(result_key);
  etag.insert(etag.size() - 1, "-e");
  return etag;
}

VariantService::VariantService(net::asio::io_context& io, Options options, Parts parts,
                               const AgentMetrics& metrics)
    : io_(io), options_(options), parts_(std::move(parts)), metrics_(metrics) {}

void VariantService::learn(const ipc::Describe& describe) {
  catalogue_ = std::make_shared<const pipeline::Catalogue>(describe.commands);
  build_ = describe.build;
}

CacheKey VariantService::result_key(const SourceVersion& version,
                                    const std::vector<OtherPicture>& others,
                                    std::string_view text) const {
  const auto content = [](const SourceVersion& of) {
    return std::string_view(reinterpret_cast<const char*>(of.content.data()), of.content.size());
  };
  std::vector<std::string_view> parts = {"result", content(version), text, build_};
  for (const OtherPicture& other : others) parts.push_back(content(*other.version));
  return cache_key_of(parts);
}

std::optional<VariantOutcome> VariantService::at_once(const VariantRequest& request,
                                                      base::TimePoint now) {
  if (!catalogue_) return std::nullopt;
  const FreshVersion source = parts_.sources->fresh(request.bucket, request.key, now);
  if (!source.version) return std::nullopt;
  base::TimePoint until = source.until;
  std::vector<OtherPicture> others;
  if (pipeline::may_name_pictures(request.pipeline)) {
    const auto checked = catalogue_->check(request.pipeline);
    if (!checked) return std::nullopt;
    auto named = other_pictures_of(*checked);
    if (!named) return std::nullopt;
    others = std::move(*named);
  }
  for (OtherPicture& other : others) {
    const FreshVersion fresh = parts_.sources->fresh(other.bucket, other.key, now);
    if (!fresh.version) return std::nullopt;
    other.version = fresh.version;
    until = std::min(until, fresh.until);
  }
  auto outcome = known(request, result_key(*source.version, others, request.pipeline));
  if (outcome) {
    if (auto* answer = std::get_if<VariantAnswer>(&*outcome)) {
      answer->fresh_for = std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
    }
  }
  return outcome;
}

// What needs no work once the result's name is known: the client has it, or the cache has.
std::optional<VariantOutcome> VariantService::known(const VariantRequest& request,
                                                    const CacheKey& key) {
  if (!request.if_none_match.empty()) {
    std::string etag = etag_of(key);
    if (storage::entity_tag_list_has(request.if_none_match, etag)) {
      metrics_.not_modified.add();
      return VariantNotModified{std::move(etag)};
    }
  }
  CachePin file = parts_.store->find(key);
  if (!file) return std::nullopt;
  // It may have been made with less effort, under another entity-tag.
  const std::string& etag = file.file().facts()->etag;
  if (!request.if_none_match.empty() && storage::entity_tag_list_has(request.if_none_match, etag)) {
    metrics_.not_modified.add();
    return VariantNotModified{etag};
  }
  metrics_.cache_hits.add();
  return VariantAnswer{.file = std::move(file),
                       .from = VariantOrigin::Cache,
                       .times = {},
                       .cost = {},
                       .fresh_for = {}};
}

// Whether it will be answered without work of its own, as far as can be told without asking the
// origin: somebody makes it already, or it is in the cache and at most the origin must say that
// the original did not change.
bool VariantService::needs_no_work(const VariantRequest& request,
                                   std::vector<OtherPicture> others) const {
  const auto version = parts_.sources->last_known(request.bucket, request.key);
  if (!version) return false;
  for (OtherPicture& other : others) {
    other.version = parts_.sources->last_known(other.bucket, other.key);
    if (!other.version) return false;
  }
  const CacheKey key = result_key(*version, others, request.pipeline);
  return flights_.joinable(key) || parts_.store->has(key);
}

// Before anything is fetched: a permission when the tier's queue has room. Whoever asks for what
// another has a permission for shares that one.
base::Result<std::shared_ptr<Preparing>> VariantService::admit(const VariantRequest& request) {
  std::string name = request.bucket + '\0' + request.key + '\0' + request.pipeline;
  const auto shared = permissions_.find(name);
  if (shared != permissions_.end()) {
    if (auto permission = shared->second.lock()) return permission;
  }
  auto origin = parts_.sources->origin_of(request.bucket);
  if (!origin) return base::fail(std::move(origin.error()));
  auto given = parts_.queue->prepare(request.tier, request.user, *origin);
  if (!given) return given;
  // The entry goes with the permission, unless it is another's by then.
  const auto forget = [weak = weak_from_this(), kept = *given, name](void*) {
    const auto self = weak.lock();
    if (!self) return;
    const auto found = self->permissions_.find(name);
    const bool gone = found != self->permissions_.end() && found->second.expired();
    if (gone) self->permissions_.erase(found);
  };
  std::shared_ptr<Preparing> permission(given->get(), forget);
  permissions_[std::move(name)] = permission;
  return permission;
}

net::Awaitable<base::Result<VariantOutcome>> VariantService::make(
    std::shared_ptr<VariantService> service, VariantRequest request, net::CancelToken cancel) {
  if (!service->catalogue_) {
    co_return base::fail(base::Reason::NoNode, "No worker of this node is up yet.");
  }
  auto checked = service->catalogue_->check(request.pipeline);
  if (!checked) co_return base::fail(std::move(checked.error()));
  request.pipeline = checked->text();
  const bool ignores_errors = checked->ignores_errors();
  auto others = other_pictures_of(*checked);
  if (!others) co_return base::fail(std::move(others.error()));
  std::shared_ptr<Preparing> permission;
  if (!service->needs_no_work(request, *others)) {
    auto admitted = service->admit(request);
    if (!admitted) co_return base::fail(std::move(admitted.error()));
    permission = std::move(*admitted);
  }

  const base::TimePoint begun = base::Clock::now();
  auto source = co_await SourceCatalog::get(service->parts_.sources, request.bucket, request.key,
                                            SourceCatalog::Want::Version, request.deadline, cancel);
  if (!source) co_return base::fail(std::move(source.error()));
  if (!others->empty()) {
    const auto copies =
        co_await fetch_pictures(service->io_, service->parts_.sources, *others,
                                SourceCatalog::Want::Version, request.deadline, cancel);
    if (!copies) {
      const base::Reason reason = copies.error().reason;
      if (!ignores_errors || !is_picture_missing(reason)) co_return base::fail(copies.error());
      auto instead =
          co_await original_instead(service, request, reason, base::Clock::now() - begun, cancel);
      co_return instead;
    }
    for (std::size_t i = 0; i < copies->size(); ++i) (*others)[i].version = (*copies)[i].version;
  }
  const base::Duration fetch = base::Clock::now() - begun;
  const CacheKey key = service->result_key(*source->version, *others, request.pipeline);
  if (auto outcome = service->known(request, key)) co_return std::move(*outcome);

  bool joined_other = false;
  Plan plan{request,
            std::move(*checked),
            source->version,
            std::move(*others),
            key,
            std::move(permission),
            {},
            {}};
  auto made = co_await share(service, std::move(plan), cancel, joined_other);
  if (made) {
    (joined_other ? service->metrics_.cache_joins : service->metrics_.cache_misses).add();
    made->times.fetch += fetch;
    VariantAnswer answer{.file = std::move(made->file),
                         .from = joined_other ? VariantOrigin::Flight : VariantOrigin::Worker,
                         .times = made->times,
                         .cost = {},
                         .fresh_for = {}};
    if (!joined_other) answer.cost = made->cost;
    co_return answer;
  }
  const base::Reason reason = made.error().reason;
  if (!ignores_errors || !is_media_failure(reason)) co_return base::fail(std::move(made.error()));
  auto instead = co_await original_instead(service, request, reason, fetch, cancel);
  co_return instead;
}

net::Awaitable<base::Result<VariantOutcome>> VariantService::original_instead(
    std::shared_ptr<VariantService> service, VariantRequest request, base::Reason reason,
    base::Duration fetch, net::CancelToken cancel) {
  auto original = co_await SourceCatalog::get(service->parts_.sources, request.bucket, request.key,
                                              SourceCatalog::Want::Bytes, request.deadline, cancel);
  if (!original) co_return base::fail(std::move(original.error()));
  service->metrics_.ignored_errors.add();
  co_return OriginalInstead{std::move(*original), reason, {.fetch = fetch}};
}

// Joins the making of this result, or begins it.
net::Awaitable<base::Result<MadeVariant>> VariantService::share(
    std::shared_ptr<VariantService> self, Plan plan, net::CancelToken cancel, bool& joined_other) {
  const base::Deadline deadline = plan.request.deadline;
  while (true) {
    if (!plan.permission && !self->flights_.joinable(plan.key)) {
      // It came to join, or for what was in the cache: now it is work after all.
      auto admitted = self->admit(plan.request);
      if (!admitted) co_return base::fail(std::move(admitted.error()));
      plan.permission = std::move(*admitted);
    }
    const auto joined = self->flights_.join(self->io_, plan.key);
    if (joined.is_new) {
      auto standing = std::make_shared<RunQueue::Standing>();
      standing->tier = plan.request.tier;
      standing->user = plan.request.user;
      self->standings_[joined.flight.get()] = standing;
      net::asio::co_spawn(self->io_, fly(self, joined.flight, plan, std::move(standing)),
                          net::asio::detached);
    } else {
      // What a better tier waits for does not wait in a worse one's queue; nor does who asks for
      // it, when its own queue is full.
      auto lifted = self->parts_.queue->lift(*self->standings_.at(joined.flight.get()),
                                             plan.request.tier, plan.request.user);
      if (!lifted) co_return base::fail(std::move(lifted.error()));
      self->parts_.prober->lift(plan.version->content, plan.request.tier, plan.request.user);
      for (const OtherPicture& other : plan.others) {
        self->parts_.prober->lift(other.version->content, plan.request.tier, plan.request.user);
      }
    }
    joined_other = !joined.is_new;
    auto outcome = co_await Flight<MadeVariant>::wait(joined.flight, deadline, cancel);
    if (outcome || joined.is_new || cancel.cancelled() || deadline.expired(base::Clock::now())) {
      co_return outcome;
    }
    // Whoever began it had less time, or another tier's queue was full for it: this caller begins
    // its own.
    if (!making_ended_for_its_beginner(outcome.error().reason)) co_return outcome;
  }
}

net::Awaitable<void> VariantService::fly(std::shared_ptr<VariantService> self, VariantFlight flight,
                                         Plan plan, StandingPtr standing) {
  const CacheKey key = plan.key;
  auto outcome =
      co_await self->produce(std::move(plan), std::move(standing), flight->cancel_token());
  self->standings_.erase(flight.get());
  self->flights_.finish(key, flight, std::move(outcome));
}

net::Awaitable<base::Result<MadeVariant>> VariantService::produce(Plan plan, StandingPtr standing,
                                                                  net::CancelToken cancel) {
  const base::Deadline deadline = plan.request.deadline;
  StageTimes times;
  if (parts_.quarantine->holds(plan.key, base::Clock::now())) {
    co_return base::fail(
        base::Reason::Quarantined,
        "This file and these commands killed workers; they are refused for a while.");
  }
  base::TimePoint begun = base::Clock::now();
  auto inputs = co_await fetch(plan, cancel);
  if (!inputs) co_return base::fail(std::move(inputs.error()));
  base::TimePoint ended = base::Clock::now();
  times.fetch = ended - begun;
  metrics_.fetch_seconds.observe(std::chrono::duration<double>(times.fetch).count());

  begun = ended;
  const auto headers = co_await probe(plan, *inputs, standing, cancel);
  if (!headers) co_return base::fail(headers.error());
  ended = base::Clock::now();
  times.probe = ended - begun;
  metrics_.probe_seconds.observe(std::chrono::duration<double>(times.probe).count());

  begun = ended;
  const auto expected = expect(plan, *headers);
  if (!expected) co_return base::fail(expected.error());
  if (plan.permission) plan.permission->arrived();
  RunQueue::Task task{.work = *expected};
  const bool may_share = can_share_decode(plan.features, plan.expected.cpu) &&
                         plan.others.empty() && plan.pipeline.text().size() <= kSharedBytesMax;
  if (may_share) {
    task.batch = std::string(reinterpret_cast<const char*>(plan.version->content.data()),
                             plan.version->content.size());
    task.pipeline = plan.pipeline.text();
  }
  auto worker =
      co_await RunQueue::worker(parts_.queue, standing, std::move(task), deadline, cancel);
  if (standing->too_late) parts_.costs->note_dropped(plan.features, base::Clock::now());
  if (!worker) co_return base::fail(std::move(worker.error()));
  times.queue = base::Clock::now() - begun;
  metrics_.queue_seconds.observe(std::chrono::duration<double>(times.queue).count());
  auto made = co_await work(std::move(plan), std::move(*inputs), std::move(*worker), times, cancel);
  co_return made;
}

net::Awaitable<base::Result<VariantService::Inputs>> VariantService::fetch(
    Plan& plan, net::CancelToken cancel) {
  const base::Deadline deadline = plan.request.deadline;
  auto source = co_await SourceCatalog::get(parts_.sources, plan.request.bucket, plan.request.key,
                                            SourceCatalog::Want::Bytes, deadline, cancel);
  if (!source) co_return base::fail(std::move(source.error()));
  Inputs inputs{std::move(*source), {}};
  if (!plan.others.empty()) {
    auto others = co_await fetch_pictures(io_, parts_.sources, plan.others,
                                          SourceCatalog::Want::Bytes, deadline, cancel);
    if (!others) co_return base::fail(std::move(others.error()));
    inputs.others = std::move(*others);
  }
  // If one changed while we looked, what is made now is the new version's result, under that one's
  // name.
  plan.version = inputs.source.version;
  for (std::size_t i = 0; i < inputs.others.size(); ++i) {
    plan.others[i].version = inputs.others[i].version;
  }
  plan.key = result_key(*plan.version, plan.others, plan.request.pipeline);
  co_return inputs;
}

net::Awaitable<base::Result<VariantService::Headers>> VariantService::probe(
    const Plan& plan, const Inputs& inputs, StandingPtr standing, net::CancelToken cancel) {
  const base::Deadline deadline = plan.request.deadline;
  Headers headers{unknown_kind_of_file(), {}};
  if (!pipeline::takes_any_file(plan.pipeline, *catalogue_)) {
    auto source = co_await Prober::probe(parts_.prober, inputs.source, standing, deadline, cancel);
    if (!source) co_return base::fail(std::move(source.error()));
    headers.source = std::move(*source);
  }
  if (!inputs.others.empty()) {
    auto others = co_await probe_pictures(parts_.prober, plan.others, inputs.others, standing,
                                          deadline, cancel);
    if (!others) co_return base::fail(std::move(others.error()));
    headers.others = std::move(*others);
  }
  co_return headers;
}

// What the task will take. TaskTooExpensive when that can never be had; Deadline when what is left
// of this request's time, after the fetch, is too little for it.
base::Result<ExpectedWork> VariantService::expect(Plan& plan, const Headers& headers) {
  const base::TimePoint now = base::Clock::now();
  plan.features = features_of(headers.source, plan.pipeline, *catalogue_, headers.others);
  plan.expected = parts_.costs->predict(plan.features);
  const TaskCeiling ceiling{
      .cpu = std::min<base::Duration>(plan.request.time_allowed, options_.limits.worker_cpu),
      .memory = options_.limits.worker_memory_max};
  const CostModel::Verdict verdict = parts_.costs->judge(plan.features, ceiling, now);
  switch (verdict) {
    case CostModel::Verdict::Run:
      if (plan.request.deadline.remaining(now) >= plan.expected.cpu_least) {
        return ExpectedWork{plan.expected.cpu, plan.expected.cpu_least};
      }
      parts_.queue->refuse_late(plan.request.tier);
      parts_.costs->note_dropped(plan.features, now);
      return base::fail(base::Reason::Deadline,
                        "Too little was left of the request's time for the work when the original "
                        "was there.");
    case CostModel::Verdict::Trial:
      metrics_.cost_trials.add();
      return ExpectedWork{plan.expected.cpu, {}};
    case CostModel::Verdict::TooMuchCpu:
    case CostModel::Verdict::TooMuchMemory:
      break;
  }
  metrics_.cost_refusals.add();
  return base::fail(base::Reason::TaskTooExpensive, too_expensive(plan.expected, ceiling, verdict));
}

net::Awaitable<base::Result<MadeVariant>> VariantService::work(Plan plan, Inputs inputs,
                                                               QueuedWorker worker,
                                                               StageTimes times,
                                                               net::CancelToken cancel) {
  auto files = descriptors_of(inputs.source, inputs.others);
  if (!files) co_return base::fail(std::move(files.error()));
  auto writer = parts_.store->begin_result(kResultGuess);
  if (!writer) co_return base::fail(std::move(writer.error()));

  const base::TimePoint begun = base::Clock::now();
  ipc::RunRequest request;
  request.id = next_id_++;
  request.pipeline = plan.pipeline.text();
  request.time_left = worker_time(plan.request.deadline, begun);
  request.limits = run_limits(options_.limits);
  if (worker.is_pressed()) request.limits.webp_effort_max = kEasedWebpEffort;
  worker.tell_convoy(request);
  WorkerProcess::Ask ask;
  ask.id = request.id;
  ask.json = ipc::to_json(request);
  files->insert(files->begin() + 1, writer->fd());
  ask.descriptors = *std::move(files);
  ask.deadline = plan.request.deadline;
  ask.cancel = cancel;
  ask.grace = options_.cancel_grace;
  auto reply = co_await worker->ask(std::move(ask));
  const base::TimePoint ended = base::Clock::now();
  times.work = ended - begun;
  if (!reply) {
    note_failure(plan, reply.error().reason, begun);
    co_return base::fail(std::move(reply.error()));
  }
  metrics_.work_seconds.observe(std::chrono::duration<double>(times.work).count());
  metrics_.work_cpu_seconds.observe(std::chrono::duration<double>(reply->cpu_time).count());
  worker.finished(times.work);
  if (auto* error = std::get_if<base::Error>(&reply->body)) {
    const bool ran_out = reply->cpu_time > kNearlyAll * options_.limits.worker_cpu;
    if (ran_out) parts_.costs->learn_overrun(plan.features, reply->cpu_time);
    co_return base::fail(std::move(*error));
  }
  const auto* outcome = std::get_if<ipc::RunOutcome>(&reply->body);
  if (outcome == nullptr) {
    co_return base::fail(base::Reason::Internal, "A worker's answer made no sense.",
                         "a probe for a run");
  }
  times.road = outcome->road;
  if (outcome->shared) metrics_.shared_decodes.add();
  if (outcome->eased) metrics_.eased.add();
  if (outcome->road) metrics_.roads[static_cast<std::size_t>(*outcome->road)].add();
  auto file = keep(plan, std::move(*writer), *outcome);
  if (!file) co_return base::fail(std::move(file.error()));
  co_return MadeVariant{std::move(*file), times, learn_cost(plan, *reply)};
}

pipeline::TaskCost VariantService::learn_cost(const Plan& plan, const ipc::Reply& reply) {
  const auto* outcome = std::get_if<ipc::RunOutcome>(&reply.body);
  const bool is_its_own = outcome != nullptr && !outcome->shared && !outcome->eased;
  if (is_its_own) parts_.costs->learn(plan.features, reply.cpu_time, reply.memory_peak);
  const pipeline::TaskCost cost{.predicted_cpu_ms = ms_of(plan.expected.cpu),
                                .actual_cpu_ms = ms_of(reply.cpu_time),
                                .memory_predicted_bytes = plan.expected.memory.count,
                                .memory_peak_bytes = reply.memory_peak.count};
  if (is_its_own && reply.cpu_time.count() > 0) {
    metrics_.cost_cpu_ratio.observe(cost.predicted_cpu_ms / cost.actual_cpu_ms);
  }
  if (is_its_own && cost.memory_peak_bytes > 0) {
    metrics_.cost_memory_ratio.observe(static_cast<double>(cost.memory_predicted_bytes) /
                                       static_cast<double>(cost.memory_peak_bytes));
  }
  return cost;
}

// A death is remembered, and so is a task that had at least half of the longest allowed time and
// did not end.
void VariantService::note_failure(const Plan& plan, base::Reason reason, base::TimePoint begun) {
  const base::TimePoint now = base::Clock::now();
  const bool died = reason == base::Reason::WorkerDied || reason == base::Reason::TaskTooExpensive;
  const bool overran =
      reason == base::Reason::Deadline && now - begun >= options_.limits.deadline / 2;
  if (died || overran) parts_.quarantine->died(plan.key, now);
  const bool spent = now - begun > kNearlyAll * options_.limits.worker_cpu;
  if (overran || (reason == base::Reason::TaskTooExpensive && spent)) {
    parts_.costs->learn_overrun(plan.features, now - begun);
  }
}

base::Result<CachePin> VariantService::keep(const Plan& plan, CacheWriter writer,
                                            const ipc::RunOutcome& outcome) {
  auto facts = std::make_shared<VariantFacts>();
  facts->etag = outcome.eased ? eased_etag_of(plan.key) : etag_of(plan.key);
  facts->headers.set("Content-Type", outcome.media_type);
  facts->headers.set("ETag", facts->etag);
  if (!outcome.cacheable_by_clients) facts->headers.set("Cache-Control", "no-store");
  for (const auto& [name, value] : outcome.headers) facts->headers.set(name, value);
  return writer.commit({.key = plan.key,
                        .facts = std::move(facts),
                        .keep = options_.keep_results,
                        .size_bytes = outcome.bytes});
}

}  // namespace millrace::agent
