// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/error.h"

namespace millrace::gateway {

// Why a node did not give the variant, and what the client is told about it.
struct Refusal {
  base::Error error;
  base::Duration retry_after{};  // without jitter; zero: none
  // A newer node's reason that is not in our table: its body goes to the client as it is, with this
  // status.
  int foreign_status = 0;
  std::string foreign_body = {};
};

// What the link did before any answer could be read.
enum class LinkEnd {
  Unreachable,  // no connection was made: the node is ejected
  Broken,       // it broke off before the answer's head or body
  Timeout,
  ClientGone,
};
// From the net client's error.
LinkEnd link_end_of(const base::Error& error);
// To the client a node that is gone is no_node, whatever the socket said.
Refusal refusal_of(LinkEnd end, std::string_view node_id, const base::Error& error);

// A node's answer that is neither 200 nor 304. `body` is the JSON of docs/errors.md; whatever else
// comes is a broken link. A node that refuses the fleet's signature is our trouble, not the
// client's: no_node.
Refusal refusal_from_answer(int status, std::string_view body, base::Duration retry_after,
                            std::string_view node_id);
// Whole seconds, as nodes write Retry-After; zero for anything else.
base::Duration retry_after_from_header(std::string_view text);
// Whole milliseconds, as nodes write X-Millrace-Fresh-Ms; zero for anything else.
base::Duration fresh_for_from_header(std::string_view text);

// True when another node may do what this one could not, once, while there is time. The retry
// budget is asked after it.
bool worth_second_node(const Refusal& refusal, int attempts, base::Deadline deadline,
                       base::TimePoint now);

}  // namespace millrace::gateway
