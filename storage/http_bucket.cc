// SPDX-License-Identifier: Apache-2.0
#include "storage/http_bucket.h"

#include <chrono>
#include <utility>

#include "storage/key.h"

namespace millrace::storage {
namespace {

using base::Reason;
using base::Result;

constexpr int kRedirectsMax = 3;

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

net::HttpClient::Options client_options(const BucketConfig& config) {
  net::HttpClient::Options options;
  options.limits.connect_timeout = config.connect_timeout;
  options.limits.read_timeout = config.read_timeout;
  options.limits.connections_per_endpoint_max = config.connections_max;
  options.limits.idle_per_endpoint_max = config.connections_max;
  options.ca_file = config.ca_file;
  return options;
}

base::Failure ended_early() {
  return base::fail(Reason::OriginFailed, "The bucket's origin gave no usable answer",
                    "the body ended early");
}

class HttpReader final : public EntryReader {
 public:
  HttpReader(OriginEntry entry, std::unique_ptr<net::ClientResponse> response)
      : entry_(std::move(entry)), left_(entry_.length), response_(std::move(response)) {}

  // Reads over the bytes before the range, where the origin sent the whole. BadRange when it ends
  // in them.
  net::Awaitable<Result<void>> skip() {
    std::uint64_t skipped = 0;
    while (skipped < entry_.skip) {
      const Result<std::string_view> piece = co_await response_->read_some();
      if (!piece) co_return base::fail(piece.error());
      if (piece->empty()) {
        co_return base::fail(Reason::BadRange, "The range lies beyond the end of the entry");
      }
      const std::uint64_t part = std::min<std::uint64_t>(entry_.skip - skipped, piece->size());
      skipped += part;
      pending_ = piece->substr(part);
    }
    // A range that begins exactly at the end, of an entry whose size the origin did not say.
    if (entry_.skip > 0 && pending_.empty()) {
      const Result<std::string_view> piece = co_await response_->read_some();
      if (!piece) co_return base::fail(piece.error());
      if (piece->empty()) {
        co_return base::fail(Reason::BadRange, "The range lies beyond the end of the entry");
      }
      pending_ = *piece;
    }
    co_return Result<void>();
  }

  [[nodiscard]] const EntryFacts& facts() const override { return entry_.facts; }
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    // Without the entry's size a range may turn out shorter than it was asked for.
    const bool certain = entry_.skip == 0 || entry_.facts.size_bytes.has_value();
    return certain ? entry_.length : std::nullopt;
  }
  [[nodiscard]] std::uint64_t offset() const override { return entry_.offset; }

  net::Awaitable<Result<std::string_view>> read_some() override {
    if (left_ == 0) co_return std::string_view();
    std::string_view piece = std::exchange(pending_, {});
    if (piece.empty()) {
      const Result<std::string_view> next = co_await response_->read_some();
      if (!next) co_return base::fail(next.error());
      piece = *next;
    }
    if (!left_) co_return piece;
    if (piece.empty()) {
      if (length()) co_return ended_early();
      left_ = 0;
      co_return piece;
    }
    piece = piece.substr(0, *left_);
    *left_ -= piece.size();
    co_return piece;
  }

 private:
  OriginEntry entry_;
  std::optional<std::uint64_t> left_;  // nullopt: to the end of the body
  std::unique_ptr<net::ClientResponse> response_;
  std::string_view pending_;  // of the response's last piece
};

}  // namespace

HttpBucket::HttpBucket(net::asio::io_context& io, const BucketConfig& config)
    : origin_(parse_origin(config.origin).value()),
      name_(origin_.endpoint.text()),
      client_(io, client_options(config)) {}

net::Awaitable<Result<HttpBucket::Asked>> HttpBucket::ask(OriginQuestion question,
                                                          base::Deadline deadline,
                                                          net::CancelToken cancel) {
  if (!is_key(question.key)) co_return base::fail(Reason::NoKey, "The bucket has no such key");
  std::string target = origin_.prefix + "/" + percent_encode_key(question.key);
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    net::ClientRequest request;
    request.method = question.head ? "HEAD" : "GET";
    request.target = target;
    request.headers = question_headers(question);
    auto response = co_await client_.send(origin_.endpoint, std::move(request), deadline, cancel);
    if (!response) co_return base::fail(response.error());

    const net::ClientResponse& head = **response;
    Result<OriginAnswer> answer = read_origin_answer(question, head.status(), head.headers(),
                                                     head.content_length(), now_unix_s());
    if (!answer) co_return base::fail(answer.error());
    if (std::holds_alternative<NotModified>(*answer)) co_return Asked(NotModified{});
    if (std::holds_alternative<MethodRefused>(*answer)) co_return Asked(MethodRefused{});
    if (auto* entry = std::get_if<OriginEntry>(&*answer)) {
      co_return Asked(Exchange{std::move(*entry), std::move(*response)});
    }
    const std::string& location = std::get<OriginRedirect>(*answer).location;
    const auto next = redirect_target(origin_.endpoint, target, location);
    if (!next) {
      co_return base::fail(Reason::OriginFailed, "The bucket's origin gave no usable answer",
                           "a redirect that leaves the origin: " + location);
    }
    target = *next;
  }
  co_return base::fail(Reason::OriginFailed, "The bucket's origin gave no usable answer",
                       "too many redirects");
}

net::Awaitable<Result<OpenOutcome>> HttpBucket::open(std::string key, OpenOptions options) {
  if (options.range && options.range->length == 0) {
    co_return base::fail(Reason::BadRange, "A range of no bytes cannot be served");
  }
  OriginQuestion question;
  question.key = std::move(key);
  question.range = options.range;
  question.known_validator = options.known_validator;
  Result<Asked> asked = co_await ask(std::move(question), options.deadline, options.cancel);
  if (!asked) co_return base::fail(asked.error());
  if (std::holds_alternative<NotModified>(*asked)) co_return OpenOutcome(NotModified{});
  Exchange& exchange = std::get<Exchange>(*asked);
  auto reader =
      std::make_unique<HttpReader>(std::move(exchange.entry), std::move(exchange.response));
  const Result<void> skipped = co_await reader->skip();
  if (!skipped) co_return base::fail(skipped.error());
  co_return OpenOutcome(std::move(reader));
}

net::Awaitable<Result<EntryFacts>> HttpBucket::stat(std::string key, base::Deadline deadline) {
  OriginQuestion question;
  question.key = key;
  question.head = true;
  Result<Asked> asked = co_await ask(std::move(question), deadline, {});
  if (!asked) co_return base::fail(asked.error());
  if (const auto* exchange = std::get_if<Exchange>(&*asked)) co_return exchange->entry.facts;
  // A GET whose body nobody reads says the same.
  const Result<OpenOutcome> opened =
      co_await open(std::move(key), OpenOptions{.deadline = deadline});
  if (!opened) co_return base::fail(opened.error());
  co_return std::get<std::unique_ptr<EntryReader>>(*opened)->facts();
}

}  // namespace millrace::storage
