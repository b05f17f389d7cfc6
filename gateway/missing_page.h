// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "storage/bucket_set.h"

namespace millrace::gateway {

// The body of a bucket's 404 answers: its entry named errno-404, where there is one
// (reference/qiniu.md 1.4). One thread's.
class MissingPage {
 public:
  // Both outlive it.
  MissingPage(const storage::BucketSet& buckets, const Shared& shared)
      : buckets_(buckets), shared_(shared) {}

  // Answers 404 with the entry of the record's bucket. False: it has none, or none that could be
  // read just now, and nothing was sent; for the next seconds it is not looked for, since an origin
  // would be asked twice for whatever is missing. The arguments outlive the call.
  net::Awaitable<bool> serve(net::HttpExchange& exchange, RequestRecord& record);

 private:
  const storage::BucketSet& buckets_;
  const Shared& shared_;
  std::map<std::string, base::TimePoint, std::less<>> absent_until_;  // by bucket
};

// What an entry whose key says nothing seems to be, by its first bytes: a picture, HTML, or bytes.
std::string_view guessed_media_type(std::string_view first_bytes);

}  // namespace millrace::gateway
