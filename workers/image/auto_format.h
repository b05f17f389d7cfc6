// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/format_choice.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// What format/auto depends on, besides what may be chosen from.
struct AutoFacts {
  OutputFormat given = OutputFormat::Jpeg;  // how what the command was given is encoded
  bool has_alpha = false;                   // of what is to be written, as is the rest
  bool animated = false;
  Size size;  // px
};

// The format that format/auto.<set> means (docs/delivery.md has the table). Of the set, the first
// of AVIF, JPEG XL and WebP that holds the picture; WebP alone for an animation. Else what every
// browser shows: the kind it had if it is one of them, PNG for transparency, GIF for an animation,
// JPEG. Pure.
OutputFormat auto_format(const pipeline::FormatSet& allowed, const AutoFacts& facts);

// What format/best.<set> chooses from, without what it may not be: those of the set that hold the
// picture, and of those that every browser shows JPEG without transparency, PNG where the picture
// had a format that keeps every pixel or is transparent, and GIF where it was one. Of an animation
// GIF, and WebP if it is in the set. `lossless`: PNG, WebP and JPEG XL alone, or the animation's
// GIF. Never empty. Pure.
std::vector<OutputFormat> best_candidates(const pipeline::FormatSet& allowed,
                                          const AutoFacts& facts, bool lossless);

// What the value of a format parameter means: one of auto's or a format by its name; nullopt for
// other words.
std::optional<OutputFormat> format_from_word(std::string_view word, const AutoFacts& facts);

// The values of a format parameter that mean auto's choice, and best's, for what can be written
// here.
std::vector<std::string> auto_format_words(const pipeline::FormatSet& writable);
std::vector<std::string> best_format_words(const pipeline::FormatSet& writable);

}  // namespace millrace::workers::image
