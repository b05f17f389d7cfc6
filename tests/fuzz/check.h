// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "pipeline/wording.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace millrace::fuzz {

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// A promise of the parser that must hold for every input.
inline void check(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

// What a client is shown is one sentence of printable UTF-8, whatever the client sent.
inline void check_sentence(const base::Error& error) {
  std::string_view text = error.public_message;
  check(!text.empty(), "a refusal says why");
  while (!text.empty()) {
    const std::size_t length = pipeline::utf8_sequence_bytes(text);
    check(length > 0, "a sentence is UTF-8");
    check(length > 1 || static_cast<unsigned char>(text[0]) >= 0x20, "a sentence is printable");
    text.remove_prefix(length);
  }
}

}  // namespace millrace::fuzz
