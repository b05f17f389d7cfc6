// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "net/asio.h"
#include "net/cancel.h"
#include "storage/bucket.h"
#include "storage/conditional.h"

namespace millrace::storage {

// An entry opened the way a client asked for it.
struct Original {
  ServeDecision decision;
  EntryFacts facts;
  // Gives exactly what the decision says: the whole, or decision.length bytes. Null for 304 and
  // 416.
  std::unique_ptr<EntryReader> reader;
};

// Opens `key` for a client's GET with these fields. A whole entry costs one open; a range or a
// condition costs a stat before it, and an entry that changes between the two is served whole.
// `bucket` outlives the reader. Errors as Bucket::open; an unsatisfiable range is a decision, not
// an error.
net::Awaitable<base::Result<Original>> open_original(Bucket& bucket, std::string key,
                                                     ConditionalFields fields,
                                                     base::Deadline deadline,
                                                     net::CancelToken cancel = {});

}  // namespace millrace::storage
