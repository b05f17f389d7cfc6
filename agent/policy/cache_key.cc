// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cache_key.h"

#include <string>

namespace millrace::agent {

CacheKey cache_key_of(std::initializer_list<std::string_view> parts) {
  return cache_key_of(std::span(parts.begin(), parts.size()));
}

CacheKey cache_key_of(std::span<const std::string_view> parts) {
  std::string text;
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size() + 12;
  text.reserve(size);
  for (const std::string_view part : parts) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  return base::sha256(text);
}

}  // namespace millrace::agent
