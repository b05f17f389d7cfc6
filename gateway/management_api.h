// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "discovery/registry.h"
#include "gateway/delivery_book.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "net/io_pool.h"

namespace millrace::gateway {

// One call of the reference's management API (reference/qiniu.md 1.3), taken apart and decoded.
struct ManagementCall {
  enum class Kind { Style, Unstyle, Separator, AccessMode };
  Kind kind = Kind::Style;
  std::string bucket;
  std::string style;       // Style, Unstyle
  std::string pipeline;    // Style
  std::string separators;  // Separator
  bool protect = false;    // AccessMode
};

// The path of a request target:
//   /style/<bucket>/name/<base64 name>/style/<base64 pipeline>
//   /unstyle/<bucket>/name/<base64 name>
//   /separator/<bucket>/sep/<base64 characters>
//   /accessMode/<bucket>/mode/<0|1>
// BadTarget with a sentence that has the form.
base::Result<ManagementCall> parse_management_call(std::string_view target);

// Changes what buckets give out: the calls above, signed by an owner of the bucket. On the control
// thread, where it does not wait for the disk.
class ManagementApi {
 public:
  // All outlive it.
  ManagementApi(DeliveryBook& book, const Shared& shared, const discovery::RegistryView& registry,
                net::BlockingPool& disk)
      : book_(book), shared_(shared), registry_(registry), disk_(disk) {}

  // True for the targets that `handle` answers.
  [[nodiscard]] bool owns(std::string_view target) const;
  net::Awaitable<void> handle(net::HttpExchange& exchange);

 private:
  [[nodiscard]] base::Result<std::string> user_of(const net::HttpRequest& request) const;
  [[nodiscard]] base::Result<void> check_owner(const std::string& bucket,
                                               std::string_view user) const;
  [[nodiscard]] base::Result<void> apply(const ManagementCall& call);
  net::Awaitable<base::Result<void>> serve(const net::HttpRequest& request);

  DeliveryBook& book_;
  const Shared& shared_;
  const discovery::RegistryView& registry_;
  net::BlockingPool& disk_;
};

}  // namespace millrace::gateway
