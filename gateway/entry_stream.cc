// SPDX-License-Identifier: Apache-2.0
#include "gateway/entry_stream.h"

#include <utility>

namespace millrace::gateway {
namespace {

void note(RequestRecord& record, const base::Error& error) {
  record.failure = error.reason;
  record.detail = error.detail;
}

}  // namespace

net::Awaitable<void> stream_entry(net::HttpExchange& exchange, storage::EntryReader& reader,
                                  std::string_view first, net::HttpHead head,
                                  RequestRecord& record) {
  const auto length = reader.length();
  record.status = head.status;
  record.body_bytes = first.size();
  base::Result<void> written;
  if (length && first.size() == *length) {
    written = co_await exchange.respond(std::move(head), first);
    if (!written) note(record, written.error());
    co_return;
  }
  written = co_await exchange.start(std::move(head), length, first);
  while (written) {
    const auto piece = co_await reader.read_some();
    if (!piece) {
      note(record, piece.error());
      exchange.abort();
      co_return;
    }
    if (piece->empty()) break;
    written = co_await exchange.write(*piece);
    if (written) record.body_bytes += piece->size();
  }
  if (written) written = co_await exchange.finish();
  if (!written) note(record, written.error());
}

}  // namespace millrace::gateway
