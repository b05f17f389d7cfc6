// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "gateway/admission.h"
#include "gateway/bucket_delivery.h"
#include "gateway/missing_page.h"
#include "gateway/original_server.h"
#include "gateway/redis_link.h"
#include "gateway/request_identity.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "gateway/variant_proxy.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "storage/bucket_set.h"

namespace millrace::gateway {

// The media port of one thread: GET|HEAD /<bucket>/<key>[?pipeline], and CORS preflights. Every
// answer has an X-Reqid.
class MediaService {
 public:
  // `io`, `disk` and `shared` outlive it.
  // `threads`: of this gateway, each with a service of its own.
  MediaService(net::asio::io_context& io, net::BlockingPool& disk, Shared& shared,
               std::size_t threads);

  net::Awaitable<void> handle(net::HttpExchange& exchange);
  [[nodiscard]] VariantProxy& variants() { return variants_; }
  // The answer to what never became a request: too long, malformed, too slow.
  std::pair<net::HttpHead, std::string> refuse(const base::Error& error);

 private:
  net::Awaitable<std::optional<Refusal>> serve(net::HttpExchange& exchange, RequestRecord& record);
  // A request as its bucket understands it. In the request's frame.
  struct Wanted {
    pipeline::Target target;
    const DeliveryTable& table;
    const BucketDelivery& bucket;  // of the table
    std::string style = {};        // the name that stood behind the key; empty: none
    std::string user = {};         // who asks
  };
  static bool has_fallback(const Wanted& wanted);
  net::Awaitable<std::optional<Refusal>> serve_wanted(net::HttpExchange& exchange, Wanted& wanted,
                                                      RequestRecord& record);
  net::Awaitable<std::optional<Refusal>> serve_original(net::HttpExchange& exchange,
                                                        const Wanted& wanted, const Asking& asking,
                                                        RequestRecord& record);
  net::Awaitable<std::optional<Refusal>> serve_variant(net::HttpExchange& exchange,
                                                       const Wanted& wanted, const Asking& asking,
                                                       RequestRecord& record);
  // In the place of what is `missing`, which is the answer where the fallback fails too.
  net::Awaitable<std::optional<Refusal>> serve_fallback(net::HttpExchange& exchange,
                                                        const Wanted& wanted, Refusal missing,
                                                        RequestRecord& record);
  [[nodiscard]] base::Result<VariantPlan> plan(const net::HttpExchange& exchange,
                                               const Wanted& wanted,
                                               const pipeline::Target& target);
  net::Awaitable<void> answer(net::HttpExchange& exchange, RequestRecord& record, Refusal refusal);
  net::Awaitable<void> preflight(net::HttpExchange& exchange, RequestRecord& record);

  Shared& shared_;
  RequestIds ids_;
  storage::BucketSet buckets_;
  OriginalServer originals_;
  MissingPage missing_page_;
  VariantProxy variants_;
  std::unique_ptr<RedisLink> redis_;  // null where limits are this gateway's own
};

}  // namespace millrace::gateway
