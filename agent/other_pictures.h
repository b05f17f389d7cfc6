// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/prober.h"
#include "agent/source_catalog.h"
#include "base/result.h"
#include "net/asio.h"
#include "net/cancel.h"
#include "pipeline/pipeline.h"

namespace millrace::agent {

// Another picture than the original that a task needs.
struct OtherPicture {
  std::string value;  // as in the pipeline
  std::string bucket;
  std::string key;
  std::shared_ptr<SourceVersion> version = nullptr;  // once it is known
};

// Those of a checked pipeline, in the order of pipeline::pictures_of. BadParameter for one that is
// no entry: the gateway settles what others stand for.
base::Result<std::vector<OtherPicture>> other_pictures_of(const pipeline::Pipeline& pipeline);

// Each of them by the catalogue, all at the same time, within that one's bounds of downloads; in
// their order. The first failure ends the waiting for the rest. Errors as SourceCatalog::get; what
// is a picture's own fault names it.
net::Awaitable<base::Result<std::vector<SourceCopy>>> fetch_pictures(
    net::asio::io_context& io, std::shared_ptr<SourceCatalog> sources,
    std::vector<OtherPicture> pictures, SourceCatalog::Want want, base::Deadline deadline,
    net::CancelToken cancel);

// What the header of each says, within the limits of an original. `copies` have their bytes.
net::Awaitable<base::Result<std::vector<ipc::Probe>>> probe_pictures(
    std::shared_ptr<Prober> prober, std::vector<OtherPicture> pictures,
    std::vector<SourceCopy> copies, std::shared_ptr<const RunQueue::Standing> asker,
    base::Deadline deadline, net::CancelToken cancel);

// Failures to get another picture for which ignore-error/1 gives the original.
bool is_picture_missing(base::Reason reason);

}  // namespace millrace::agent
