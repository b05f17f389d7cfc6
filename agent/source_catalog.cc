// SPDX-License-Identifier: Apache-2.0
#include "agent/source_catalog.h"

#include <sys/mman.h>
#include <utility>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/policy/sharing.h"

namespace millrace::agent {
namespace {

base::Failure too_large(base::Bytes max) {
  return base::fail(base::Reason::SourceTooLarge,
                    "The original is larger than " + std::to_string(max.count) + " bytes.");
}

// For origins that give no validator: what the bytes are is what version they are.
base::Result<CacheKey> content_key(int fd, std::uint64_t size_bytes) {
  if (size_bytes == 0) return cache_key_of({"content"});
  void* mapping = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED) {
    return base::fail(base::Reason::CacheFull, "The node's memory cache has no room.", "mmap");
  }
  const CacheKey key =
      cache_key_of({"content", std::string_view(static_cast<const char*>(mapping), size_bytes)});
  ::munmap(mapping, size_bytes);
  return key;
}

}  // namespace

SourceCatalog::SourceCatalog(net::asio::io_context& io, Options options, FindBucket find_bucket,
                             std::shared_ptr<CacheStore> store, const AgentMetrics& metrics)
    : io_(io),
      options_(options),
      find_bucket_(std::move(find_bucket)),
      store_(std::move(store)),
      metrics_(metrics),
      gate_(options.gate),
      records_(options.fresh, options.known_max) {}

FreshVersion SourceCatalog::fresh(const std::string& bucket, const std::string& key,
                                  base::TimePoint now) {
  return records_.fresh(source_name(bucket, key), now);
}

std::shared_ptr<SourceVersion> SourceCatalog::last_known(const std::string& bucket,
                                                         const std::string& key) {
  return records_.last_known(source_name(bucket, key));
}

base::Result<std::string> SourceCatalog::origin_of(const std::string& bucket) const {
  const auto found = find_bucket_(bucket);
  if (!found) return base::fail(found.error());
  return (*found)->origin();
}

net::Awaitable<base::Result<SourceCopy>> SourceCatalog::get(std::shared_ptr<SourceCatalog> catalog,
                                                            std::string bucket, std::string key,
                                                            Want want, base::Deadline deadline,
                                                            net::CancelToken cancel) {
  auto found = catalog->find_bucket_(bucket);
  if (!found) co_return base::fail(std::move(found.error()));
  const std::string name = source_name(bucket, key);
  // Each turn waits for one flight. A flight that was begun for the version alone may not have the
  // bytes, and one that was begun by somebody with less time may have ended at that one's deadline:
  // then this caller begins its own.
  while (true) {
    if (auto version = catalog->fresh(bucket, key, base::Clock::now()).version) {
      if (want == Want::Version) co_return SourceCopy{std::move(version), {}};
      if (CachePin bytes = catalog->store_->find(version->content)) {
        co_return SourceCopy{std::move(version), std::move(bytes)};
      }
    }
    auto joined = catalog->flights_.join(catalog->io_, name);
    if (joined.is_new) {
      net::asio::co_spawn(catalog->io_,
                          fetch(catalog, joined.flight, *found, bucket, key, want, deadline),
                          net::asio::detached);
    }
    auto outcome = co_await Flight<SourceCopy>::wait(joined.flight, deadline, cancel);
    const bool own = joined.is_new || cancel.cancelled() || deadline.expired(base::Clock::now());
    if (own) co_return outcome;
    if (outcome) {
      if (want == Want::Version || outcome->bytes) co_return outcome;
    } else {
      if (!ended_for_its_beginner(outcome.error().reason)) co_return outcome;
    }
  }
}

net::Awaitable<void> SourceCatalog::fetch(std::shared_ptr<SourceCatalog> self, SourceFlight flight,
                                          storage::Bucket* bucket, std::string bucket_name,
                                          std::string key, Want want, base::Deadline deadline) {
  const std::string name = source_name(bucket_name, key);
  auto outcome =
      co_await self->ask_origin(*bucket, bucket_name, key, want, deadline, flight->cancel_token());
  if (outcome) {
    outcome->version =
        self->records_.remember(name, std::move(outcome->version), base::Clock::now());
  }
  self->flights_.finish(name, flight, std::move(outcome));
}

net::Awaitable<base::Result<SourceCopy>> SourceCatalog::ask_origin(storage::Bucket& bucket,
                                                                   std::string bucket_name,
                                                                   std::string key, Want want,
                                                                   base::Deadline deadline,
                                                                   net::CancelToken cancel) {
  const std::string origin = bucket.origin();
  auto entered = co_await enter_gate(origin, deadline, cancel);
  if (!entered) co_return base::fail(std::move(entered.error()));
  const std::shared_ptr<void> place(nullptr, [this, &origin](void*) { leave_gate(origin); });

  storage::OpenOptions options;
  options.deadline = deadline;
  options.cancel = cancel;
  SourceCopy known;
  if (auto version = records_.last_known(source_name(bucket_name, key))) {
    known.version = std::move(version);
    known.bytes = store_->find(known.version->content);
    // Without the bytes an unchanged version is of use only to who wants no more than the version.
    const bool ask = known.bytes || want == Want::Version;
    if (ask) options.known_validator = known.version->validator;
  }
  auto opened = co_await bucket.open(key, std::move(options));
  if (!opened) co_return base::fail(std::move(opened.error()));
  if (std::holds_alternative<storage::NotModified>(*opened)) {
    if (!known.version) {
      co_return base::fail(base::Reason::OriginFailed, "The origin's answer made no sense.",
                           "not modified, though no version was named");
    }
    metrics_.sources_revalidated.add();
    co_return known;
  }
  const auto reader = std::get<std::unique_ptr<storage::EntryReader>>(std::move(*opened));
  auto copy = co_await download(*reader, bucket_name, key);
  co_return copy;
}

net::Awaitable<base::Result<void>> SourceCatalog::enter_gate(std::string origin,
                                                             base::Deadline deadline,
                                                             net::CancelToken cancel) {
  const std::uint64_t id = next_id_++;
  const FetchGate::Entry entry = gate_.enter(origin, id);
  if (entry == FetchGate::Entry::Go) co_return base::Result<void>();
  if (entry == FetchGate::Entry::Full) {
    co_return base::fail(base::Reason::QueueFull, "Too many downloads wait for this origin.");
  }
  WaitPoint turn(io_);
  gate_waiters_.emplace(id, &turn);
  const auto on_cancel = cancel.on_cancel([&turn] { turn.notify(); });
  co_await turn.wait(deadline);
  // leave_gate() takes a waiter out of the list when it hands the place over.
  if (gate_waiters_.erase(id) == 0) co_return base::Result<void>();
  gate_.abandon(id);
  if (cancel.cancelled()) co_return base::fail(base::Reason::ClientGone, "The client went away.");
  co_return base::fail(base::Reason::Deadline,
                       "The origin of this file is too slow: the deadline passed while waiting.");
}

void SourceCatalog::leave_gate(const std::string& origin) {
  const auto next = gate_.leave(origin);
  if (!next) return;
  const auto found = gate_waiters_.find(*next);
  WaitPoint* turn = found->second;
  gate_waiters_.erase(found);
  turn->notify();
}

net::Awaitable<base::Result<SourceCopy>> SourceCatalog::download(storage::EntryReader& reader,
                                                                 std::string bucket_name,
                                                                 std::string key) {
  const storage::EntryFacts facts = reader.facts();
  const std::uint64_t expected = facts.size_bytes.value_or(0);
  if (expected > options_.source_max.count) co_return too_large(options_.source_max);
  auto writer = store_->begin(base::Bytes{expected});
  if (!writer) co_return base::fail(std::move(writer.error()));
  while (true) {
    const auto piece = co_await reader.read_some();
    if (!piece) co_return base::fail(piece.error());
    if (piece->empty()) break;
    if (writer->written() + piece->size() > options_.source_max.count) {
      co_return too_large(options_.source_max);
    }
    auto appended = writer->append(*piece);
    if (!appended) co_return base::fail(std::move(appended.error()));
  }
  metrics_.sources_fetched.add();
  metrics_.source_bytes.add(static_cast<double>(writer->written()));
  co_return keep(std::move(*writer), facts, std::move(bucket_name), std::move(key));
}

base::Result<SourceCopy> SourceCatalog::keep(CacheWriter writer, const storage::EntryFacts& facts,
                                             std::string bucket_name, std::string key) {
  auto version = std::make_shared<SourceVersion>();
  version->validator = facts.validator;
  version->media_type = facts.media_type;
  version->size_bytes = writer.written();
  if (facts.validator.empty()) {
    auto content = content_key(writer.fd(), writer.written());
    if (!content) return base::fail(std::move(content.error()));
    version->content = *content;
  } else {
    version->content = cache_key_of({"source", bucket_name, key, facts.validator});
  }
  version->bucket = std::move(bucket_name);
  version->key = std::move(key);
  auto pin =
      writer.commit({.key = version->content, .facts = nullptr, .keep = true, .size_bytes = {}});
  if (!pin) return base::fail(std::move(pin.error()));
  return SourceCopy{std::move(version), std::move(*pin)};
}

}  // namespace millrace::agent
