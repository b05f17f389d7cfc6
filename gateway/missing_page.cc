// SPDX-License-Identifier: Apache-2.0
#include "gateway/missing_page.h"

#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "gateway/answer_head.h"
#include "gateway/disposition.h"
#include "gateway/entry_stream.h"

namespace millrace::gateway {
namespace {

using base::Clock;

constexpr std::string_view kKey = "errno-404";
constexpr base::Duration kRemembered = std::chrono::seconds(10);
constexpr base::Duration kDeadline = std::chrono::seconds(5);
constexpr std::string_view kBytes = "application/octet-stream";

struct Magic {
  std::string_view begin;
  std::string_view media_type;
};
constexpr std::array kMagics = {Magic{"\xff\xd8\xff", "image/jpeg"},
                                Magic{"\x89PNG\r\n", "image/png"}, Magic{"GIF8", "image/gif"},
                                Magic{"<", "text/html; charset=utf-8"}};

// An open reader of the whole entry, or null.
net::Awaitable<std::unique_ptr<storage::EntryReader>> open_page(storage::Bucket& bucket) {
  auto opened = co_await bucket.open(
      std::string(kKey),
      storage::OpenOptions{.deadline = base::Deadline::after(Clock::now(), kDeadline)});
  if (!opened) co_return nullptr;
  auto* reader = std::get_if<std::unique_ptr<storage::EntryReader>>(&*opened);
  co_return reader == nullptr ? nullptr : std::move(*reader);
}

}  // namespace

std::string_view guessed_media_type(std::string_view first_bytes) {
  if (first_bytes.starts_with("RIFF") && first_bytes.substr(0, 12).ends_with("WEBP")) {
    return "image/webp";
  }
  const std::size_t begin = first_bytes.find_first_not_of(" \t\r\n");
  for (const Magic& magic : kMagics) {
    if (begin != std::string_view::npos && first_bytes.substr(begin).starts_with(magic.begin)) {
      return magic.media_type;
    }
  }
  return kBytes;
}

net::Awaitable<bool> MissingPage::serve(net::HttpExchange& exchange, RequestRecord& record) {
  const auto bucket = buckets_.find(record.bucket);
  if (!bucket) co_return false;
  const auto absent = absent_until_.find(record.bucket);
  if (absent != absent_until_.end() && Clock::now() < absent->second) co_return false;
  const std::unique_ptr<storage::EntryReader> reader = co_await open_page(**bucket);
  base::Result<std::string_view> first = std::string_view();
  if (reader) first = co_await reader->read_some();
  if (!reader || !first) {
    absent_until_[record.bucket] = Clock::now() + kRemembered;
    co_return false;
  }
  std::string_view media_type = reader->facts().media_type;
  if (media_type.empty() || media_type == kBytes) media_type = guessed_media_type(*first);
  net::HttpHead head;
  head.status = base::http_status_of(base::Reason::NoKey);
  head.headers.add("Content-Type", media_type);
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("X-Content-Type-Options", "nosniff");
  if (needs_sandbox(media_type)) head.headers.add("Content-Security-Policy", kSandboxPolicy);
  add_common_fields(head.headers, {.request_id = record.request_id,
                                   .cors_allow_origin = shared_.config.cors_allow_origin,
                                   .rate = record.rate});
  co_await stream_entry(exchange, *reader, *first, std::move(head), record);
  co_return true;
}

}  // namespace millrace::gateway
