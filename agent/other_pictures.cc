// SPDX-License-Identifier: Apache-2.0
#include "agent/other_pictures.h"

#include <cstddef>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/wait_point.h"
#include "pipeline/picture.h"

namespace millrace::agent {
namespace {

using base::Reason;
using Copy = base::Result<SourceCopy>;

// Whose fault it is: the picture's, or that of the node and the request.
bool is_of_picture(Reason reason) {
  switch (reason) {
    case Reason::UnsupportedMedia:
    case Reason::CorruptMedia:
    case Reason::TooManyPixels:
    case Reason::TooManyFrames:
    case Reason::TaskTooExpensive:
    case Reason::Quarantined:
    case Reason::WorkerDied:
      return true;
    default:
      return is_picture_missing(reason);
  }
}

base::Error named(const OtherPicture& picture, base::Error error) {
  if (!is_of_picture(error.reason)) return error;
  return pipeline::about_picture(picture.value, std::move(error));
}

// Downloads that run at the same time.
struct Gathering {
  Gathering(net::asio::io_context& io, std::size_t count)
      : told(io), copies(count), missing(count) {}
  WaitPoint told;  // all are there, or one failed
  net::CancelSource stop;
  std::vector<std::optional<Copy>> copies;
  std::size_t missing;
};

net::Awaitable<void> fetch_one(std::shared_ptr<SourceCatalog> sources,
                               std::shared_ptr<Gathering> all, std::size_t index,
                               std::string bucket, std::string key, SourceCatalog::Want want,
                               base::Deadline deadline) {
  auto copy = co_await SourceCatalog::get(sources, std::move(bucket), std::move(key), want,
                                          deadline, all->stop.token());
  const bool failed = !copy;
  all->copies[index].emplace(std::move(copy));
  --all->missing;
  if (failed || all->missing == 0) all->told.notify();
}

}  // namespace

bool is_picture_missing(Reason reason) {
  return reason == Reason::NoBucket || reason == Reason::NoKey ||
         reason == Reason::SourceTooLarge || reason == Reason::OriginFailed;
}

base::Result<std::vector<OtherPicture>> other_pictures_of(const pipeline::Pipeline& pipeline) {
  std::vector<OtherPicture> pictures;
  for (std::string& value : pipeline::pictures_of(pipeline)) {
    auto name = pipeline::picture_from_value(value);
    if (!name || name->form != pipeline::PictureName::Form::Entry) {
      return base::fail(Reason::BadParameter,
                        "A node is given other pictures as kodo://<bucket>/<key> only.");
    }
    pictures.push_back({std::move(value), std::move(name->bucket), std::move(name->key)});
  }
  return pictures;
}

net::Awaitable<base::Result<std::vector<SourceCopy>>> fetch_pictures(
    net::asio::io_context& io, std::shared_ptr<SourceCatalog> sources,
    std::vector<OtherPicture> pictures, SourceCatalog::Want want, base::Deadline deadline,
    net::CancelToken cancel) {
  const auto all = std::make_shared<Gathering>(io, pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    net::asio::co_spawn(
        io, fetch_one(sources, all, i, pictures[i].bucket, pictures[i].key, want, deadline),
        net::asio::detached);
  }
  const auto on_cancel = cancel.on_cancel([all] { all->told.notify(); });
  if (all->missing > 0) co_await all->told.wait(deadline);
  std::vector<SourceCopy> copies;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    std::optional<Copy>& copy = all->copies[i];
    if (copy && !*copy) {
      all->stop.cancel();
      co_return base::fail(named(pictures[i], std::move(copy->error())));
    }
    if (copy) copies.push_back(std::move(**copy));
  }
  if (all->missing == 0) co_return copies;
  all->stop.cancel();
  if (cancel.cancelled()) co_return base::fail(Reason::ClientGone, "The client went away.");
  co_return base::fail(Reason::Deadline, "The other pictures were not there before the deadline.");
}

net::Awaitable<base::Result<std::vector<ipc::Probe>>> probe_pictures(
    std::shared_ptr<Prober> prober, std::vector<OtherPicture> pictures,
    std::vector<SourceCopy> copies, std::shared_ptr<const RunQueue::Standing> asker,
    base::Deadline deadline, net::CancelToken cancel) {
  std::vector<ipc::Probe> probes;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    auto probe = co_await Prober::probe(prober, copies[i], asker, deadline, cancel);
    if (!probe) co_return base::fail(named(pictures[i], std::move(probe.error())));
    probes.push_back(std::move(*probe));
  }
  co_return probes;
}

}  // namespace millrace::agent
