// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_sources.h"

#include <algorithm>
#include <utility>

namespace millrace::bench::sim {
namespace {

using base::Reason;

}  // namespace

bool SimCache::find(const agent::CacheKey& key) {
  agent::CachePolicy::Node* node = policy_.find(key);
  if (node != nullptr) agent::CachePolicy::touch(*node);
  return node != nullptr;
}

bool SimCache::keep(const agent::CacheKey& key, base::Bytes size) {
  if (policy_.find(key) != nullptr) return true;
  evicted_.clear();
  if (!policy_.reserve(size, evicted_)) return false;
  agent::CachePolicy::Node* node = policy_.admit(key, size, evicted_);
  if (node == nullptr) {
    policy_.release(size);
    return false;
  }
  policy_.unpin(*node);
  return true;
}

SimSources::SimSources(EventQueue& events, const SimServer& server, const SimCosts& costs,
                       SimCache& cache, Spend spend)
    : events_(events),
      server_(server),
      costs_(costs),
      cache_(cache),
      spend_(std::move(spend)),
      records_(server.agent.cache.source_fresh, server.agent.cache.sources_known_max),
      gate_({.downloads_per_origin_max = server.agent.fetch.downloads_per_origin_max,
             .waiting_per_origin_max = server.agent.fetch.waiting_per_origin_max}) {
  for (const auto& [name, bucket] : server.buckets) states_[name] = bucket.origin;
}

SimSources::~SimSources() {
  for (const auto& [name, download] : downloads_) {
    for (const auto& waiter : download->waiters) waiter->done = nullptr;
  }
}

void SimSources::tell(Waiter& waiter, const base::Result<Version>& outcome) {
  if (const Done done = std::exchange(waiter.done, nullptr)) done(outcome);
}

SimSources::Version SimSources::fresh(const std::string& bucket, const std::string& key) {
  return records_.fresh(agent::source_name(bucket, key), events_.now()).version;
}

SimSources::Version SimSources::last_known(const std::string& bucket, const std::string& key) {
  return records_.last_known(agent::source_name(bucket, key));
}

// Each bucket of a scenario has a folder or an origin of its own.
std::string SimSources::origin_of(const std::string& bucket) const { return bucket; }

std::string SimSources::state_of(const std::string& bucket) const {
  const auto found = states_.find(bucket);
  return found == states_.end() ? "local" : found->second;
}

std::shared_ptr<SimSources::Waiter> SimSources::get(const std::string& bucket,
                                                    const std::string& key, double source_px,
                                                    base::Deadline deadline, Done done) {
  auto waiter = std::make_shared<Waiter>(Waiter{std::move(done)});
  const std::string name = agent::source_name(bucket, key);
  if (Version version = records_.fresh(name, events_.now()).version) {
    if (cache_.find(version->content)) {
      tell(*waiter, std::move(version));
      return waiter;
    }
  }
  const auto found = downloads_.find(name);
  if (found != downloads_.end()) {
    found->second->waiters.push_back(waiter);
    return waiter;
  }
  auto download = std::make_shared<Download>();
  download->name = name;
  download->bucket = bucket;
  download->key = key;
  download->origin = origin_of(bucket);
  download->source_px = source_px;
  download->id = next_id_++;
  download->waiters.push_back(waiter);
  downloads_[name] = download;
  begin(download, deadline);
  return waiter;
}

void SimSources::begin(const DownloadPtr& download, base::Deadline deadline) {
  if (!deadline.is_never()) {
    events_.at(deadline.at(), [this, download] {
      land(download, base::fail(Reason::Deadline, "the origin was too slow"));
    });
  }
  switch (gate_.enter(download->origin, download->id)) {
    case agent::FetchGate::Entry::Go:
      return open(download);
    case agent::FetchGate::Entry::Wait:
      at_gate_[download->id] = download;
      return;
    case agent::FetchGate::Entry::Full:
      return land(download, base::fail(Reason::QueueFull, "too many downloads wait"));
  }
}

void SimSources::open(const DownloadPtr& download) {
  download->at_origin = true;
  spend_(costs_.agent_fetch, [this, download] {
    if (!download->landed) ask(download);
  });
}

// What the origin does is decided by its state when the question comes; one that hangs answers when
// it is well again.
void SimSources::ask(const DownloadPtr& download) {
  const std::string state = state_of(download->bucket);
  download->asked_at = events_.now();
  const auto fails = [this, download] {
    land(download, base::fail(Reason::OriginFailed, "the origin gave no usable answer"));
  };
  if (state == "hang") {
    download->hangs = true;
    // As the bucket of a scenario has it.
    events_.after(storage::BucketConfig{}.read_timeout, [download, fails] {
      if (download->hangs) fails();
    });
  } else if (state == "refuse" || state == "error") {
    events_.after(2 * costs_.network, fails);
  } else if (state == "local") {
    events_.after(costs_.local_disk, [this, download] { arrived(download); });
  } else {
    const auto bucket = server_.buckets.find(download->bucket);
    const base::Duration wait = state == "slow" && bucket != server_.buckets.end()
                                    ? base::Duration(bucket->second.origin_delay)
                                    : base::Duration::zero();
    events_.after(wait + costs_.origin, [this, download] { arrived(download); });
  }
}

void SimSources::become(const std::string& bucket, const std::string& state) {
  states_[bucket] = state;
  if (state == "hang") return;
  std::vector<DownloadPtr> again;
  for (const auto& [name, download] : downloads_) {
    if (download->bucket == bucket && download->hangs) again.push_back(download);
  }
  for (const DownloadPtr& download : again) {
    download->hangs = false;
    ask(download);
  }
}

void SimSources::arrived(const DownloadPtr& download) {
  if (download->landed) return;
  const auto bucket = server_.buckets.find(download->bucket);
  const ipc::Probe probe = probe_of(bucket == server_.buckets.end() ? nullptr : &bucket->second,
                                    download->key, download->source_px);
  auto version = std::make_shared<agent::SourceVersion>();
  version->bucket = download->bucket;
  version->key = download->key;
  version->validator = "1";
  version->content = agent::cache_key_of({"source", download->bucket, download->key, "1"});
  version->size_bytes = source_bytes_of(probe);
  if (!cache_.keep(version->content, base::Bytes{version->size_bytes})) {
    return land(download, base::fail(Reason::CacheFull, "the cache has no room"));
  }
  land(download, records_.remember(download->name, std::move(version), events_.now()));
}

void SimSources::leave(const std::shared_ptr<Waiter>& waiter) {
  waiter->done = nullptr;
  for (const auto& [name, download] : downloads_) {
    const auto at = std::ranges::find(download->waiters, waiter);
    if (at == download->waiters.end()) continue;
    download->waiters.erase(at);
    if (!download->waiters.empty()) return;
    const DownloadPtr alone = download;
    return land(alone, base::fail(Reason::ClientGone, "nobody waits any more"));
  }
}

void SimSources::land(const DownloadPtr& download, const base::Result<Version>& outcome) {
  if (download->landed) return;
  download->landed = true;
  downloads_.erase(download->name);
  if (download->at_origin) {
    if (const auto next = gate_.leave(download->origin)) {
      const DownloadPtr turn = at_gate_.at(*next);
      at_gate_.erase(*next);
      open(turn);
    }
  } else {
    gate_.abandon(download->id);
    at_gate_.erase(download->id);
  }
  for (const auto& waiter : std::exchange(download->waiters, {})) {
    tell(*waiter, outcome);
  }
}

}  // namespace millrace::bench::sim
