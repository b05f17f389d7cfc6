// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/headers.h"
#include "storage/bucket.h"

namespace millrace::storage {

// The fields of a GET or HEAD that decide how an original is served. RFC 9110 sections 13 and 14.
struct ConditionalFields {
  std::optional<std::string> if_none_match = {};
  std::optional<std::string> if_modified_since = {};
  std::optional<std::string> if_range = {};
  std::optional<std::string> range = {};
};
// Range and If-Range are dropped unless `method` is GET (section 14.2).
ConditionalFields conditional_fields(std::string_view method, const net::Headers& headers);

enum class ServeKind {
  Whole,          // 200
  Partial,        // 206
  NotModified,    // 304
  Unsatisfiable,  // 416
};

struct ServeDecision {
  ServeKind kind = ServeKind::Whole;
  // Partial only: first byte and number of bytes, both inside the entry.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  [[nodiscard]] int status() const;
  // "bytes 0-99/1000" for 206, "bytes */1000" for 416, else empty.
  [[nodiscard]] std::string content_range(std::uint64_t entry_size_bytes) const;
  friend bool operator==(const ServeDecision&, const ServeDecision&) = default;
};

// Pure. In the order of section 13.2.2: If-None-Match (weak comparison), else If-Modified-Since;
// then Range, if If-Range (strong comparison) allows it. A Range that is malformed, of another
// unit, or of several ranges is ignored: the whole entry answers it; several ranges that all lie
// beyond the end are unsatisfiable like one. An entry of unknown size is served whole.
ServeDecision decide_serving(const ConditionalFields& fields, const EntryFacts& facts,
                             std::int64_t now_unix_s);

// Entity-tags: `"x"` or `W/"x"`.
bool is_entity_tag(std::string_view text);
bool same_entity_weakly(std::string_view a, std::string_view b);
// True when the list (or "*") of an If-None-Match has `validator`, compared weakly.
bool entity_tag_list_has(std::string_view list, std::string_view validator);

}  // namespace millrace::storage
