// SPDX-License-Identifier: Apache-2.0
#include "gateway/accepted_formats.h"

#include <algorithm>
#include <cstddef>

namespace millrace::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the trimmed text up to the next `separator` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view front = trimmed(rest.substr(0, at));
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return front;
}

// A weight is 0, 0.…, 1 or 1.0…; what is none of these is no promise that the client can show it.
bool is_positive_weight(std::string_view weight) {
  const bool digits =
      std::ranges::all_of(weight, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return digits && weight.find_first_of("123456789") != std::string_view::npos;
}

// `parameters` of a media range, behind its first ";".
bool is_acceptable(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = take_until(parameters, ';');
    const std::string_view name = take_until(parameter, '=');
    if (net::equal_ignoring_case(name, "q")) return is_positive_weight(trimmed(parameter));
  }
  return true;
}

void read_field(std::string_view text, pipeline::FormatSet& set) {
  while (!text.empty()) {
    std::string_view range = take_until(text, ',');
    const std::string_view type = take_until(range, ';');
    if (!is_acceptable(range)) continue;
    if (net::equal_ignoring_case(type, "image/avif")) set.avif = true;
    if (net::equal_ignoring_case(type, "image/jxl")) set.jxl = true;
    if (net::equal_ignoring_case(type, "image/webp")) set.webp = true;
  }
}

}  // namespace

pipeline::FormatSet accepted_formats(const net::Headers& headers) {
  pipeline::FormatSet set;
  for (const net::Header& field : headers) {
    if (net::equal_ignoring_case(field.name, "Accept")) read_field(field.value, set);
  }
  return set;
}

}  // namespace millrace::gateway
