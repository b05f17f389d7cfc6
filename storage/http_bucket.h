// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/http_client.h"
#include "storage/bucket.h"
#include "storage/config.h"
#include "storage/origin_answer.h"

namespace millrace::storage {

// A web server whose paths beneath a prefix are the entries: GET <prefix>/<key, percent-encoded>.
// What its answers mean stands at read_origin_answer. Up to three redirects are followed, and only
// to the scheme, host and port of the origin itself: whoever can write a Location cannot make this
// fleet fetch from elsewhere.
class HttpBucket final : public Bucket {
 public:
  // `config` has been checked (BucketConfig::bind): its origin parses. `io` outlives the bucket and
  // its readers.
  HttpBucket(net::asio::io_context& io, const BucketConfig& config);

  net::Awaitable<base::Result<OpenOutcome>> open(std::string key, OpenOptions options) override;
  // By HEAD, and by GET where the origin does not know HEAD.
  net::Awaitable<base::Result<EntryFacts>> stat(std::string key, base::Deadline deadline) override;
  [[nodiscard]] std::string origin() const override { return name_; }

 private:
  struct Exchange {
    OriginEntry entry;
    std::unique_ptr<net::ClientResponse> response;
  };
  using Asked = std::variant<Exchange, NotModified, MethodRefused>;

  // Asks, following redirects, until there is an answer that is none.
  net::Awaitable<base::Result<Asked>> ask(OriginQuestion question, base::Deadline deadline,
                                          net::CancelToken cancel);

  Origin origin_;
  std::string name_;
  net::HttpClient client_;
};

}  // namespace millrace::storage
