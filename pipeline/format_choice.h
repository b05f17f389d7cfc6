// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::pipeline {

// The formats that format/auto and format/best may choose besides those that every browser shows.
//
// A client writes format/auto; what its Accept allows, and its gateway knows to be there, becomes
// part of the value before anybody works on it: format/auto.avif.webp is to be resolved with those
// two, by the worker, who knows what no header tells: whether the picture is transparent or moves.
// So a pipeline's text still means one thing, and is what results are kept by. format/best is
// settled in the same way.
struct FormatSet {
  bool avif = false;
  bool jxl = false;
  bool webp = false;

  // The set with the same choices of format/auto and fewer names: an AVIF is taken before a JPEG XL
  // wherever there may be one, so that beside it a JPEG XL is never chosen.
  [[nodiscard]] FormatSet normalised() const { return {avif, jxl && !avif, webp}; }
  [[nodiscard]] FormatSet common_with(const FormatSet& other) const {
    return {avif && other.avif, jxl && other.jxl, webp && other.webp};
  }
  friend bool operator==(const FormatSet&, const FormatSet&) = default;
};

inline constexpr std::string_view kAutoFormat = "auto";
inline constexpr std::string_view kBestFormat = "best";

// "auto", "auto.avif.webp", …: the rule's word and, each after a dot, the members in alphabetical
// order. `rule` is kAutoFormat or kBestFormat.
std::string format_word(std::string_view rule, const FormatSet& set);
// nullopt for what format_word() gives for that rule and no set.
std::optional<FormatSet> set_of_format(std::string_view rule, std::string_view word);

inline std::string auto_format_word(const FormatSet& set) { return format_word(kAutoFormat, set); }
inline std::optional<FormatSet> set_of_auto_format(std::string_view word) {
  return set_of_format(kAutoFormat, word);
}

}  // namespace millrace::pipeline
