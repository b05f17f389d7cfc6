// SPDX-License-Identifier: Apache-2.0
#include "storage/conditional.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "storage/http_date.h"

namespace millrace::storage {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view opaque_tag(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

// The tag that `text` begins with; empty when it begins with none.
std::string_view leading_entity_tag(std::string_view text) {
  const std::size_t open = text.starts_with("W/") ? 2 : 0;
  if (text.size() <= open || text[open] != '"') return {};
  const std::size_t close = text.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  const std::string_view tag = text.substr(0, close + 1);
  // etagc: no space, no control; bytes above 127 are obs-text.
  const bool good = std::ranges::all_of(opaque_tag(tag), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
  return good ? tag : std::string_view{};
}

// first-last, first-, or -suffix.
struct RangeSpec {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;  // with `first` absent: the length of the suffix
};

// Digits only. A number that does not fit lies beyond every entry, which is what the largest value
// says too.
std::optional<std::uint64_t> position(std::string_view digits) {
  const bool all_digits =
      !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!all_digits) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc::result_out_of_range ? UINT64_MAX : value;
}

std::optional<RangeSpec> range_spec(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, dash);
  const std::string_view after = text.substr(dash + 1);
  RangeSpec spec{position(before), position(after)};
  if (!before.empty() && !spec.first) return std::nullopt;
  if (!after.empty() && !spec.last) return std::nullopt;
  if (!spec.first && !spec.last) return std::nullopt;
  if (spec.first && spec.last && *spec.last < *spec.first) return std::nullopt;
  return spec;
}

// The set of a Range field; empty when the field is to be ignored.
std::vector<RangeSpec> range_set(std::string_view field) {
  constexpr std::size_t kRangesMax = 64;  // more than that is an attack, not a reader
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos) return {};
  if (!net::equal_ignoring_case(trimmed(field.substr(0, equals)), "bytes")) return {};
  std::vector<RangeSpec> set;
  std::string_view rest = field.substr(equals + 1);
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = trimmed(rest.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    if (item.empty()) continue;  // RFC 9110 section 5.6.1: empty list elements are ignored
    const auto spec = range_spec(item);
    if (!spec || set.size() == kRangesMax) return {};
    set.push_back(*spec);
  }
  return set;
}

// The bytes of an entry that a range names; nullopt when there are none.
std::optional<ServeDecision> resolved(const RangeSpec& spec, std::uint64_t size) {
  if (size == 0) return std::nullopt;
  if (!spec.first) {
    const std::uint64_t length = std::min(spec.last.value_or(0), size);
    if (length == 0) return std::nullopt;
    return ServeDecision{ServeKind::Partial, size - length, length};
  }
  if (*spec.first >= size) return std::nullopt;
  const std::uint64_t last = std::min(spec.last.value_or(size - 1), size - 1);
  return ServeDecision{ServeKind::Partial, *spec.first, last - *spec.first + 1};
}

ServeDecision decide_range(std::string_view field, std::uint64_t size) {
  const std::vector<RangeSpec> set = range_set(field);
  if (set.empty()) return {};
  if (set.size() == 1) {
    return resolved(set.front(), size).value_or(ServeDecision{ServeKind::Unsatisfiable});
  }
  const bool any = std::ranges::any_of(
      set, [size](const RangeSpec& s) { return resolved(s, size).has_value(); });
  return ServeDecision{any ? ServeKind::Whole : ServeKind::Unsatisfiable};
}

bool if_range_holds(std::string_view field, const EntryFacts& facts, std::int64_t now_unix_s) {
  const std::string_view value = trimmed(field);
  if (is_entity_tag(value)) return !value.starts_with("W/") && value == facts.validator;
  const auto date = parse_http_date(value, now_unix_s);
  // Section 8.8.2.2: a date is a strong validator only if the entry cannot have changed twice
  // within it.
  return date && facts.modified_unix_s == date && now_unix_s - *date >= 1;
}

bool not_modified(const ConditionalFields& fields, const EntryFacts& facts,
                  std::int64_t now_unix_s) {
  if (fields.if_none_match) return entity_tag_list_has(*fields.if_none_match, facts.validator);
  if (!fields.if_modified_since || !facts.modified_unix_s) return false;
  const auto since = parse_http_date(trimmed(*fields.if_modified_since), now_unix_s);
  return since && *facts.modified_unix_s <= *since;
}

}  // namespace

ConditionalFields conditional_fields(std::string_view method, const net::Headers& headers) {
  const auto copy = [&headers](std::string_view name) -> std::optional<std::string> {
    const auto value = headers.find(name);
    if (!value) return std::nullopt;
    return std::string(*value);
  };
  ConditionalFields fields;
  // Several fields of this name are one list.
  for (const net::Header& header : headers) {
    if (!net::equal_ignoring_case(header.name, "If-None-Match")) continue;
    fields.if_none_match =
        fields.if_none_match ? *fields.if_none_match + ", " + header.value : header.value;
  }
  fields.if_modified_since = copy("If-Modified-Since");
  if (method == "GET") {
    fields.if_range = copy("If-Range");
    fields.range = copy("Range");
  }
  return fields;
}

int ServeDecision::status() const {
  switch (kind) {
    case ServeKind::Whole:
      return 200;
    case ServeKind::Partial:
      return 206;
    case ServeKind::NotModified:
      return 304;
    case ServeKind::Unsatisfiable:
      return 416;
  }
  return 500;
}

std::string ServeDecision::content_range(std::uint64_t entry_size_bytes) const {
  if (kind == ServeKind::Partial) {
    return fmt::format("bytes {}-{}/{}", offset, offset + length - 1, entry_size_bytes);
  }
  if (kind == ServeKind::Unsatisfiable) return fmt::format("bytes */{}", entry_size_bytes);
  return {};
}

ServeDecision decide_serving(const ConditionalFields& fields, const EntryFacts& facts,
                             std::int64_t now_unix_s) {
  if (not_modified(fields, facts, now_unix_s)) return ServeDecision{ServeKind::NotModified};
  if (!fields.range || !facts.size_bytes) return {};
  if (fields.if_range && !if_range_holds(*fields.if_range, facts, now_unix_s)) return {};
  return decide_range(*fields.range, *facts.size_bytes);
}

bool is_entity_tag(std::string_view text) {
  return !text.empty() && leading_entity_tag(text).size() == text.size();
}

bool same_entity_weakly(std::string_view a, std::string_view b) {
  return is_entity_tag(a) && is_entity_tag(b) && opaque_tag(a) == opaque_tag(b);
}

bool entity_tag_list_has(std::string_view list, std::string_view validator) {
  std::string_view rest = trimmed(list);
  if (rest == "*") return true;
  while (!rest.empty()) {
    const std::string_view tag = leading_entity_tag(rest);
    if (tag.empty()) return false;  // malformed from here on
    if (same_entity_weakly(tag, validator)) return true;
    rest = trimmed(rest.substr(tag.size()));
    if (!rest.empty() && rest.front() != ',') return false;
    while (!rest.empty() && (rest.front() == ',' || is_blank(rest.front()))) rest.remove_prefix(1);
  }
  return false;
}

}  // namespace millrace::storage
