// SPDX-License-Identifier: Apache-2.0
#include "pipeline/color.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/crypto.h"

namespace millrace::pipeline {
namespace {

constexpr std::array kNamedColors = {
    NamedColor{"transparent", {0, 0, 0, 0}}, NamedColor{"none", {0, 0, 0, 0}},
    NamedColor{"white", {255, 255, 255}},    NamedColor{"black", {0, 0, 0}},
    NamedColor{"red", {255, 0, 0}},          NamedColor{"orange", {255, 0xA5, 0}},
    NamedColor{"yellow", {255, 255, 0}},     NamedColor{"green", {0, 0x80, 0}},
    NamedColor{"blue", {0, 0, 255}},         NamedColor{"purple", {0x80, 0, 0x80}},
    NamedColor{"gray", {0x7E, 0x7E, 0x7E}},  NamedColor{"pink", {255, 0xC0, 0xCB}},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::uint8_t> hex_byte(std::string_view digits) {
  unsigned value = 0;
  for (const char given : digits) {
    const char c = lower(given);
    const bool is_letter = c >= 'a' && c <= 'f';
    if (!is_letter && (c < '0' || c > '9')) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(is_letter ? c - 'a' + 10 : c - '0');
  }
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::span<const NamedColor> named_colors() { return kNamedColors; }

std::optional<Color> color_from_text(std::string_view text) {
  for (const NamedColor& row : kNamedColors) {
    const bool same = std::ranges::equal(row.name, text, {}, {}, lower);
    if (same) return row.color;
  }
  const bool has_alpha = text.size() == 9;
  if (!text.starts_with('#') || (text.size() != 7 && !has_alpha)) return std::nullopt;
  const auto red = hex_byte(text.substr(1, 2));
  const auto green = hex_byte(text.substr(3, 2));
  const auto blue = hex_byte(text.substr(5, 2));
  const auto alpha = has_alpha ? hex_byte(text.substr(7, 2)) : std::optional<std::uint8_t>(255);
  if (!red || !green || !blue || !alpha) return std::nullopt;
  return Color{*red, *green, *blue, *alpha};
}

std::string text_of(const Color& color) {
  std::string text = fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
  if (color.alpha != 255) text += fmt::format("{:02x}", color.alpha);
  return text;
}

std::optional<Color> color_from_value(std::string_view value) {
  const auto text = base::base64url_decode(value);
  return text ? color_from_text(*text) : std::nullopt;
}

std::string value_of(const Color& color) { return base::base64url_encode(text_of(color)); }

}  // namespace millrace::pipeline
