// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::pipeline {

// sRGB with straight alpha, 0..255 each.
struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  std::uint8_t alpha = 255;
  friend bool operator==(const Color&, const Color&) = default;
};

struct NamedColor {
  std::string_view name;
  Color color;
};
// The names that the reference has, with its values: its grey is #7E7E7E.
std::span<const NamedColor> named_colors();

// A name in any case, or #RRGGBB or #RRGGBBAA.
std::optional<Color> color_from_text(std::string_view text);
// "#rrggbb", or "#rrggbbaa" where it is not opaque.
std::string text_of(const Color& color);

// The same, as a value in a URL: base64url, with or without its padding.
std::optional<Color> color_from_value(std::string_view value);
std::string value_of(const Color& color);

}  // namespace millrace::pipeline
