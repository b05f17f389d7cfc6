// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/error.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "pipeline/target.h"
#include "storage/bucket_set.h"

namespace millrace::gateway {

// How an original is given out.
struct OriginalServing {
  bool is_private = false;   // of a private bucket
  bool is_fallback = false;  // in the place of another, which is missing
};

// Serves originals (a request without a pipeline) from storage: ranges, conditions, HEAD. One
// thread's; a piece of the body is in memory at a time, and the next is read when the client has
// taken it.
class OriginalServer {
 public:
  // `buckets` and `shared` outlive it.
  OriginalServer(const storage::BucketSet& buckets, const Shared& shared)
      : buckets_(buckets), shared_(shared) {}

  // nullopt: the client has its answer, or is gone (record.failure says so). An error: nothing was
  // sent yet. The arguments outlive the call.
  net::Awaitable<std::optional<base::Error>> serve(net::HttpExchange& exchange,
                                                   const pipeline::Target& target,
                                                   const OriginalServing& serving,
                                                   RequestRecord& record);

 private:
  const storage::BucketSet& buckets_;
  const Shared& shared_;
};

}  // namespace millrace::gateway
