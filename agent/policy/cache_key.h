// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/crypto.h"

namespace millrace::agent {

// Names one immutable content: the SHA-256 of everything that decides its bytes.
using CacheKey = base::Digest256;

struct CacheKeyHash {
  std::size_t operator()(const CacheKey& key) const {
    std::size_t word = 0;
    std::memcpy(&word, key.data(), sizeof word);
    return word;
  }
};

// The key of a list of parts. Each part is written with its length, so that no two lists have the
// same text.
CacheKey cache_key_of(std::initializer_list<std::string_view> parts);
CacheKey cache_key_of(std::span<const std::string_view> parts);

}  // namespace millrace::agent
