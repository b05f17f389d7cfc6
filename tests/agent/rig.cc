// SPDX-License-Identifier: Apache-2.0
#include "tests/agent/rig.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <signal.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/queue_options.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

// Gives an entry's content in pieces, as an origin does.
class FakeReader final : public storage::EntryReader {
 public:
  FakeReader(FakeBucket::Entry entry, const std::string& key) : entry_(std::move(entry)) {
    facts_.validator = entry_.validator;
    facts_.media_type = "text/" + key;
    if (entry_.size_known) facts_.size_bytes = entry_.content.size();
  }
  [[nodiscard]] const storage::EntryFacts& facts() const override { return facts_; }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return facts_.size_bytes; }
  [[nodiscard]] std::uint64_t offset() const override { return 0; }
  net::Awaitable<base::Result<std::string_view>> read_some() override {
    const std::string_view piece = std::string_view(entry_.content).substr(at_, kPiece);
    at_ += piece.size();
    co_return piece;
  }

 private:
  static constexpr std::size_t kPiece = 1000;
  FakeBucket::Entry entry_;
  storage::EntryFacts facts_;
  std::size_t at_ = 0;
};

}  // namespace

TempFolder::TempFolder() {
  const std::string base =
      std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  std::string pattern = base + "/millrace-agent-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool run_until(net::asio::io_context& io, const std::function<bool()>& done) {
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    io.restart();
    io.run_one_for(100ms);
  }
  return true;
}

void FakeBucket::release() {
  hold = false;
  for (WaitPoint* waiter : held_) waiter->notify();
}

net::Awaitable<base::Result<storage::OpenOutcome>> FakeBucket::open(std::string key,
                                                                    storage::OpenOptions options) {
  ++opened;
  if (hold) {
    WaitPoint here(io_);
    held_.push_back(&here);
    const auto on_cancel = options.cancel.on_cancel([&here] { here.notify(); });
    const bool told = co_await here.wait(options.deadline);
    std::erase(held_, &here);
    if (options.cancel.cancelled()) {
      ++cancelled;
      co_return base::fail(base::Reason::ClientGone, "gone");
    }
    if (!told) co_return base::fail(base::Reason::Deadline, "late");
  }
  if (fail) co_return base::fail(base::Reason::OriginFailed, "The origin failed.");
  const auto found = entries.find(key);
  if (found == entries.end()) co_return base::fail(base::Reason::NoKey, "No such key.");
  const std::string& validator = found->second.validator;
  if (!options.known_validator.empty() && options.known_validator == validator) {
    ++not_modified;
    co_return storage::OpenOutcome(storage::NotModified{});
  }
  std::unique_ptr<storage::EntryReader> reader = std::make_unique<FakeReader>(found->second, key);
  co_return storage::OpenOutcome(std::move(reader));
}

net::Awaitable<base::Result<storage::EntryFacts>> FakeBucket::stat(std::string key,
                                                                   base::Deadline) {
  storage::EntryFacts facts;
  facts.validator = entries[key].validator;
  co_return facts;
}

WorkerPool::Options test_pool_options(std::size_t workers) {
  WorkerPool::Options options;
  options.program = {"image", MILLRACE_BINARY_DIR "/millrace-test-worker", {}};
  options.work_slots = workers;
  options.spares = 1;
  options.pin = false;
  options.recycle = {};
  options.back_off_min = 1ms;
  return options;
}

Rig::Rig(const std::function<void(AgentConfig&)>& adjust) {
  config.cache.dir = folder.path();
  config.cache.bytes_max = base::mebibytes(64);
  config.cache.source_fresh = 1h;
  config.image_workers.count = 2;
  config.image_workers.probe_count = 1;
  config.image_workers.probe_timeout = 30s;
  if (adjust) adjust(config);
  metrics = std::make_unique<AgentMetrics>(base_metrics, std::vector<std::string>{"free", "paid"});
  store = CacheStore::open(config.cache).value();
  auto pool_options = test_pool_options(config.image_workers.count);
  pool_options.probe_slots = config.image_workers.probe_count;
  pool_options.recycle.tasks_max = config.image_workers.tasks_max;
  pool = std::make_shared<WorkerPool>(io, pool_options, *metrics);
  work_queue = std::make_shared<RunQueue>(
      io, pool, WorkerRole::Work, work_queue_options(config, config.image_workers.count), *metrics);
  probe_queue = std::make_shared<RunQueue>(io, pool, WorkerRole::Probe, probe_queue_options(config),
                                           *metrics);
  auto quarantine = std::make_shared<Quarantine>(
      Quarantine::Rules{config.quarantine.deaths_max, config.quarantine.ttl, 100});
  auto prober = std::make_shared<Prober>(io, config.limits, config.image_workers.probe_timeout,
                                         probe_queue, quarantine);
  SourceCatalog::Options source_options;
  source_options.fresh = config.cache.source_fresh;
  source_options.source_max = config.limits.source_max;
  source_options.gate = {config.fetch.downloads_per_origin_max,
                         config.fetch.waiting_per_origin_max};
  sources = std::make_shared<SourceCatalog>(
      io, source_options,
      [this](std::string_view name) -> base::Result<storage::Bucket*> {
        if (name != "b") return base::fail(base::Reason::NoBucket, "No such bucket.");
        return &bucket;
      },
      store, *metrics);
  service = std::make_shared<VariantService>(
      io,
      VariantService::Options{config.limits, config.cache.results,
                              config.image_workers.cancel_grace},
      VariantService::Parts{store, sources, prober, work_queue, pool, quarantine, costs}, *metrics);
  work_queue->start();
  probe_queue->start();
  pool->on_change([this] {
    if (pool->describe()) service->learn(*pool->describe());
  });
  pool->start();
  bucket.entries["cat"] = {"100x50x1 a cat", "\"v1\"", true};
}

// Everything that is under way ends before the parts go: held origins answer, workers are killed.
Rig::~Rig() {
  bool stopped = false;
  pool->on_change({});
  bucket.release();
  pool->stop([&stopped] { stopped = true; });
  (void)until([&] { return stopped && service->in_flight() == 0 && sources->in_flight() == 0; });
  io.restart();
  io.run_for(0ms);
}

bool Rig::ready() {
  return until([this] {
    return pool->ready(WorkerRole::Work) == config.image_workers.count &&
           pool->ready(WorkerRole::Probe) == config.image_workers.probe_count;
  });
}

std::shared_ptr<Eventually<Rig::Outcome>> Rig::ask(
    const std::string& key, const std::string& pipeline, net::CancelToken cancel,
    const std::function<void(VariantRequest&)>& adjust) {
  VariantRequest request;
  request.bucket = "b";
  request.key = key;
  request.pipeline = pipeline;
  request.tier = "free";
  request.time_allowed = 30s;
  request.deadline = base::Deadline::after(base::Clock::now(), request.time_allowed);
  if (adjust) adjust(request);
  auto into = std::make_shared<Eventually<Outcome>>();
  net::asio::co_spawn(
      io, deliver(VariantService::make(service, std::move(request), std::move(cancel)), into),
      net::asio::detached);
  return into;
}

Rig::Outcome Rig::get(const std::string& key, const std::string& pipeline,
                      const std::function<void(VariantRequest&)>& adjust) {
  const auto pending = ask(key, pipeline, {}, adjust);
  if (!until([&] { return pending->done(); })) {
    return base::fail(base::Reason::Internal, "the test gave up waiting");
  }
  return std::move(*pending->value);
}

void Rig::signal_workers() const {
  for (const pid_t pid : pool->pids(WorkerRole::Work)) ::kill(pid, SIGUSR1);
}

std::string text_of(const Rig::Outcome& outcome) {
  if (!outcome) return "!" + std::string(base::word_of(outcome.error().reason));
  if (const auto* same = std::get_if<VariantNotModified>(&*outcome)) return "304 " + same->etag;
  if (const auto* original = std::get_if<OriginalInstead>(&*outcome)) {
    return "original " + std::string(original->source.bytes.file().bytes().value());
  }
  return std::string(std::get<VariantAnswer>(*outcome).file.file().bytes().value());
}

}  // namespace millrace::agent
