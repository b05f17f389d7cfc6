// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "gateway/request_record.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "storage/bucket.h"

namespace millrace::gateway {

// Answers with an entry, piece by piece: the next is read when the client has taken the one before.
// `first` is what the reader gave first. The head promises the reader's length, so after an error
// the connection is cut. What was sent, and what went wrong, is noted in `record`. The arguments
// outlive the call.
net::Awaitable<void> stream_entry(net::HttpExchange& exchange, storage::EntryReader& reader,
                                  std::string_view first, net::HttpHead head,
                                  RequestRecord& record);

}  // namespace millrace::gateway
