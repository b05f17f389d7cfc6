// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/metrics.h"
#include "agent/variant_service.h"
#include "agent/worker_pool.h"
#include "base/metrics.h"
#include "net/asio.h"
#include "storage/bucket.h"

namespace millrace::agent {

// A folder of the test's own, on the machine's memory file system where there is one; removed at
// the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs `io` until `done` says so; false when that took half a minute.
bool run_until(net::asio::io_context& io, const std::function<bool()>& done);

// Starts a coroutine; its result appears in `value` while the io_context runs.
template <class T>
struct Eventually {
  std::optional<T> value;
  [[nodiscard]] bool done() const { return value.has_value(); }
};
template <class T>
net::Awaitable<void> deliver(net::Awaitable<T> work, std::shared_ptr<Eventually<T>> into) {
  into->value.emplace(co_await std::move(work));
}

// A bucket in memory that counts, and can hold its answers back.
class FakeBucket final : public storage::Bucket {
 public:
  struct Entry {
    std::string content;
    std::string validator;
    bool size_known = true;
  };
  explicit FakeBucket(net::asio::io_context& io) : io_(io) {}

  std::map<std::string, Entry> entries;
  bool hold = false;  // open() waits until release() or its cancellation
  bool fail = false;  // OriginFailed
  int opened = 0;
  int not_modified = 0;
  int cancelled = 0;
  void release();
  [[nodiscard]] std::size_t held() const { return held_.size(); }

  net::Awaitable<base::Result<storage::OpenOutcome>> open(std::string key,
                                                          storage::OpenOptions options) override;
  net::Awaitable<base::Result<storage::EntryFacts>> stat(std::string key,
                                                         base::Deadline deadline) override;
  [[nodiscard]] std::string origin() const override { return "fake"; }

 private:
  net::asio::io_context& io_;
  std::vector<WaitPoint*> held_;
};

// Pool, queues, cache, catalogue and service over the test worker and a fake bucket called "b".
class Rig {
 public:
  explicit Rig(const std::function<void(AgentConfig&)>& adjust = {});
  ~Rig();

  // Workers are up and idle.
  [[nodiscard]] bool ready();
  using Outcome = base::Result<VariantOutcome>;
  std::shared_ptr<Eventually<Outcome>> ask(const std::string& key, const std::string& pipeline,
                                           net::CancelToken cancel = {},
                                           const std::function<void(VariantRequest&)>& adjust = {});
  // ask() and wait for it.
  Outcome get(const std::string& key, const std::string& pipeline,
              const std::function<void(VariantRequest&)>& adjust = {});
  [[nodiscard]] bool until(const std::function<bool()>& done) { return run_until(io, done); }
  [[nodiscard]] std::size_t busy() const { return pool->busy(WorkerRole::Work); }
  // Ends a `wait` on every worker.
  void signal_workers() const;

  net::asio::io_context io;
  AgentConfig config;
  base::Metrics base_metrics;
  std::unique_ptr<AgentMetrics> metrics;
  TempFolder folder;
  FakeBucket bucket{io};
  std::shared_ptr<CacheStore> store;
  std::shared_ptr<WorkerPool> pool;
  std::shared_ptr<RunQueue> work_queue;
  std::shared_ptr<RunQueue> probe_queue;
  std::shared_ptr<SourceCatalog> sources;
  std::shared_ptr<CostModel> costs = std::make_shared<CostModel>();
  std::shared_ptr<VariantService> service;
};

WorkerPool::Options test_pool_options(std::size_t workers);

// The text of a good answer, or "!<reason>".
std::string text_of(const Rig::Outcome& outcome);

}  // namespace millrace::agent
