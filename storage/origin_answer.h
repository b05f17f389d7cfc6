// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "net/endpoint.h"
#include "net/headers.h"
#include "storage/bucket.h"

namespace millrace::storage {

// What was asked of an HTTP origin.
struct OriginQuestion {
  std::string key;
  std::optional<ByteRange> range;  // as the caller gave it
  std::string known_validator;     // may be empty
  bool head = false;

  // The range, unless that is simply the whole.
  [[nodiscard]] std::optional<ByteRange> part() const {
    return range && (range->offset > 0 || range->length) ? range : std::nullopt;
  }
};

// The fields of the request: Accept-Encoding: identity always, Range and a condition where they
// apply.
net::Headers question_headers(const OriginQuestion& question);

// An entry in an answer: which of the body's bytes are those that were asked for.
struct OriginEntry {
  EntryFacts facts;
  std::uint64_t offset = 0;  // in the entry, of the first byte handed out
  std::uint64_t skip = 0;    // bytes of the body before it (an origin that ignores Range)
  std::optional<std::uint64_t> length;  // bytes handed out; nullopt: to the end of the body
};
struct OriginRedirect {
  std::string location;
};
struct MethodRefused {};  // it does not know HEAD
using OriginAnswer = std::variant<OriginEntry, NotModified, OriginRedirect, MethodRefused>;

// Reads the head of an origin's answer. Pure; `now_unix_s` is wall-clock time.
//   200, 206   OriginEntry. A 206 must be exactly what was asked for; a 200 to a Range is cut to it
//   here. 304        NotModified, if a condition was sent 301 302 303 307 308   OriginRedirect 404
//   410    NoKey. 403 too: an object store says so for a missing key to whoever may not list. 416
//   BadRange, if a Range was sent 405 501    MethodRefused, to a HEAD else       OriginFailed, as
//   are a content coding, a Content-Range that does not fit, several parts
// The validator is the origin's ETag where it has one; else made from Last-Modified and the size,
// weak; else from the time of the answer, weak: then nothing proves that a later answer is the
// same, and it is not taken for the same.
base::Result<OriginAnswer> read_origin_answer(const OriginQuestion& question, int status,
                                              const net::Headers& headers,
                                              std::optional<std::uint64_t> content_length,
                                              std::int64_t now_unix_s);

// The request target that a Location leads to from `target`; nullopt when it leads to another
// scheme, host or port, or is no URL. Relative references with dot segments are not resolved
// (nullopt).
std::optional<std::string> redirect_target(const net::Endpoint& origin, std::string_view target,
                                           std::string_view location);

}  // namespace millrace::storage
