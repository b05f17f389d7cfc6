// SPDX-License-Identifier: Apache-2.0
#include "storage/origin_answer.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "storage/conditional.h"
#include "storage/config.h"
#include "storage/http_date.h"
#include "storage/media_type.h"

namespace millrace::storage {
namespace {

using base::Reason;
using base::Result;

// Our own validators say what they were made from, so that the next question can be put in the
// origin's terms.
constexpr std::string_view kModifiedTag = "W/\"millrace-modified-";
constexpr std::string_view kFetchedTag = "W/\"millrace-fetched-";
constexpr std::size_t kEntityTagBytesMax = 512;

base::Failure failed(std::string detail) {
  return base::fail(Reason::OriginFailed, "The bucket's origin gave no usable answer",
                    std::move(detail));
}

// Digits at the front of `text`, taken off it.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> size;
};

// "bytes 0-99/1000" or "bytes 0-99/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  ContentRange range;
  if (!take(text, "bytes ")) return std::nullopt;
  const auto first = take_number(text);
  if (!first || !take(text, "-")) return std::nullopt;
  const auto last = take_number(text);
  if (!last || !take(text, "/")) return std::nullopt;
  range.first = *first;
  range.last = *last;
  if (text != "*") {
    range.size = take_number(text);
    if (!range.size || !text.empty()) return std::nullopt;
  }
  // UINT64_MAX as the last byte would make lengths overflow.
  if (range.last < range.first || range.last == UINT64_MAX) return std::nullopt;
  if (range.size && range.last >= *range.size) return std::nullopt;
  return range;
}

std::string media_type_from(const net::Headers& headers, std::string_view key) {
  const auto given = headers.find("Content-Type");
  // What object stores say when nobody told them better.
  const bool knows = given && !given->empty() && *given != "application/octet-stream" &&
                     *given != "binary/octet-stream" && given->find('/') != std::string_view::npos;
  return std::string(knows ? *given : media_type_of_key(key));
}

EntryFacts facts_from(const net::Headers& headers, std::string_view key,
                      std::optional<std::uint64_t> size, std::int64_t now_unix_s) {
  EntryFacts facts;
  facts.size_bytes = size;
  facts.media_type = media_type_from(headers, key);
  if (const auto modified = headers.find("Last-Modified")) {
    facts.modified_unix_s = parse_http_date(*modified, now_unix_s);
  }
  const auto tag = headers.find("ETag");
  if (tag && tag->size() <= kEntityTagBytesMax && is_entity_tag(*tag)) {
    facts.validator = *tag;
    return facts;
  }
  const std::string size_text = size ? fmt::format("{}", *size) : "unknown";
  if (facts.modified_unix_s) {
    facts.validator = fmt::format("{}{}-{}\"", kModifiedTag, *facts.modified_unix_s, size_text);
    return facts;
  }
  // A cache between us and the origin repeats the Date of what it has stored: that is the same
  // answer.
  std::int64_t answered = now_unix_s;
  if (const auto date = headers.find("Date")) {
    answered = parse_http_date(*date, now_unix_s).value_or(now_unix_s);
  }
  facts.validator = fmt::format("{}{}-{}\"", kFetchedTag, answered, size_text);
  return facts;
}

Result<OriginAnswer> whole_answer(const OriginQuestion& question, const net::Headers& headers,
                                  std::optional<std::uint64_t> content_length,
                                  std::int64_t now_unix_s) {
  OriginEntry entry;
  entry.facts = facts_from(headers, question.key, content_length, now_unix_s);
  entry.length = content_length;
  if (!question.known_validator.empty() &&
      same_entity_weakly(question.known_validator, entry.facts.validator)) {
    return NotModified{};
  }
  const auto part = question.part();
  if (!part) return entry;
  entry.offset = entry.skip = part->offset;
  entry.length = part->length;
  if (content_length) {
    if (entry.offset >= *content_length) {
      return base::fail(Reason::BadRange, "The range lies beyond the end of the entry");
    }
    const std::uint64_t left = *content_length - entry.offset;
    entry.length = std::min(entry.length.value_or(left), left);
  }
  return entry;
}

Result<OriginAnswer> partial_answer(const OriginQuestion& question, const net::Headers& headers,
                                    std::optional<std::uint64_t> content_length,
                                    std::int64_t now_unix_s) {
  const auto part = question.part();
  if (!part || question.head) return failed("206 to a request without Range");
  const auto field = headers.find("Content-Range");
  if (!field) return failed("206 without Content-Range");
  const auto range = parse_content_range(*field);
  if (!range) return failed("Content-Range cannot be read: " + std::string(*field));
  const std::uint64_t length = range->last - range->first + 1;
  if (range->first != part->offset) {
    return failed("206 begins elsewhere: " + std::string(*field));
  }
  const std::uint64_t asked = part->length.value_or(UINT64_MAX);
  const bool to_the_end = range->size && range->last == *range->size - 1;
  const bool fits =
      length == asked || (length < asked && to_the_end) || (!part->length && !range->size);
  if (!fits) return failed("206 ends elsewhere: " + std::string(*field));
  if (content_length && *content_length != length) {
    return failed("Content-Range and Content-Length disagree");
  }
  OriginEntry entry;
  entry.facts = facts_from(headers, question.key, range->size, now_unix_s);
  entry.offset = range->first;
  entry.length = length;
  return entry;
}

}  // namespace

net::Headers question_headers(const OriginQuestion& question) {
  net::Headers headers;
  headers.set("Accept-Encoding", "identity");
  if (const auto part = question.part(); part && !question.head) {
    const std::uint64_t first = part->offset;
    // A last byte that does not fit lies beyond every entry: to the end.
    const bool closed = part->length && *part->length <= UINT64_MAX - first;
    headers.set("Range", closed ? fmt::format("bytes={}-{}", first, first + *part->length - 1)
                                : fmt::format("bytes={}-", first));
  }
  std::string_view known = question.known_validator;
  if (take(known, kModifiedTag)) {
    std::int64_t modified = 0;
    const auto [end, error] = std::from_chars(known.data(), known.data() + known.size(), modified);
    if (error == std::errc()) headers.set("If-Modified-Since", format_http_date(modified));
  } else if (!known.empty() && !known.starts_with(kFetchedTag)) {
    headers.set("If-None-Match", known);
  }
  return headers;
}

Result<OriginAnswer> read_origin_answer(const OriginQuestion& question, int status,
                                        const net::Headers& headers,
                                        std::optional<std::uint64_t> content_length,
                                        std::int64_t now_unix_s) {
  if (status == 404 || status == 410 || status == 403) {
    return base::fail(Reason::NoKey, "The bucket has no such key",
                      fmt::format("the origin answered {}", status));
  }
  if (status == 416 && question.part()) {
    return base::fail(Reason::BadRange, "The range lies beyond the end of the entry");
  }
  if (question.head && (status == 405 || status == 501)) return MethodRefused{};
  if (status == 304) {
    const net::Headers sent = question_headers(question);
    if (sent.find("If-None-Match") || sent.find("If-Modified-Since")) return NotModified{};
    return failed("304 to a request without a condition");
  }
  if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
    const auto location = headers.find("Location");
    if (!location) return failed(fmt::format("{} without Location", status));
    return OriginRedirect{std::string(*location)};
  }
  if (status != 200 && status != 206) return failed(fmt::format("the origin answered {}", status));
  const auto coding = headers.find("Content-Encoding");
  if (coding && !coding->empty() && !net::equal_ignoring_case(*coding, "identity")) {
    return failed("content coding that was not asked for: " + std::string(*coding));
  }
  return status == 200 ? whole_answer(question, headers, content_length, now_unix_s)
                       : partial_answer(question, headers, content_length, now_unix_s);
}

std::optional<std::string> redirect_target(const net::Endpoint& origin, std::string_view target,
                                           std::string_view location) {
  location = location.substr(0, location.find('#'));
  const bool printable = std::ranges::all_of(location, [](char c) { return c > 0x20 && c < 0x7f; });
  if (location.empty() || !printable) return std::nullopt;

  const std::string_view scheme = origin.tls ? "https:" : "http:";
  const bool has_scheme = location.size() > scheme.size() &&
                          net::equal_ignoring_case(location.substr(0, scheme.size()), scheme) &&
                          location.substr(scheme.size()).starts_with("//");
  if (has_scheme) location.remove_prefix(scheme.size());
  if (location.starts_with("//")) {
    const std::size_t end = std::min(location.find_first_of("/?", 2), location.size());
    const auto there = parse_origin(std::string(scheme) + std::string(location.substr(0, end)));
    if (!there || !net::equal_ignoring_case(there->endpoint.host, origin.host) ||
        there->endpoint.port != origin.port) {
      return std::nullopt;
    }
    location.remove_prefix(end);
    if (!location.starts_with('/')) return "/" + std::string(location);
    return std::string(location);
  }
  if (location.starts_with('/')) return std::string(location);

  // Relative to the folder of what was asked for. A colon before the first slash would be another
  // scheme.
  const std::string_view path = location.substr(0, location.find('?'));
  if (path.empty() || path.substr(0, path.find('/')).find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  if (path.starts_with("./") || path.find("../") != std::string_view::npos ||
      path.ends_with("..") || path == "." || path.find("/./") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view asked = target.substr(0, target.find('?'));
  return std::string(asked.substr(0, asked.rfind('/') + 1)) + std::string(location);
}

}  // namespace millrace::storage
