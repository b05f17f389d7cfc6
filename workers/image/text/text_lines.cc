// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/text_lines.h"

#include <cstdint>

#include <fmt/format.h>

#include "pipeline/wording.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr char32_t kLineSeparator = 0x2028;
constexpr char32_t kParagraphSeparator = 0x2029;

// Of a well-formed sequence of that length.
char32_t character_of(std::string_view sequence) {
  const auto byte = [sequence](std::size_t at) { return static_cast<unsigned char>(sequence[at]); };
  if (sequence.size() == 1) return byte(0);
  char32_t character = byte(0) & (0xFFU >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) character = character << 6 | (byte(i) & 0x3FU);
  return character;
}

bool is_control(char32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0);
}

bool ends_a_line(char32_t character) {
  return character == '\n' || character == kLineSeparator || character == kParagraphSeparator;
}

}  // namespace

base::Result<std::vector<std::u32string>> text_lines(std::string_view text) {
  std::vector<std::u32string> lines(1);
  while (!text.empty()) {
    if (text.starts_with("\r\n")) text.remove_prefix(1);
    const std::size_t length = pipeline::utf8_sequence_bytes(text);
    if (length == 0) return base::fail(Reason::BadParameter, "The text is not UTF-8.");
    const char32_t character = character_of(text.substr(0, length));
    text.remove_prefix(length);
    if (!ends_a_line(character)) {
      if (is_control(character)) {
        return base::fail(Reason::BadParameter,
                          fmt::format("The text has the control character U+{:04X}; of these only "
                                      "line breaks are allowed.",
                                      static_cast<std::uint32_t>(character)));
      }
      lines.back().push_back(character);
      continue;
    }
    if (lines.size() == kTextLinesMax) {
      return base::fail(Reason::BadParameter,
                        fmt::format("The text has more than {} lines.", kTextLinesMax));
    }
    lines.emplace_back();
  }
  return lines;
}

}  // namespace millrace::workers::image
