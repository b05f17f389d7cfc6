// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace millrace::workers::image {

// A face that is looked for on the machine.
struct FontPlace {
  std::string_view name;    // as it is offered
  std::string_view family;  // as the font file names it; one file may hold several
  std::string_view path;
  bool is_serif = false;
  bool is_bold = false;
  // Lends its characters to the others of its style.
  bool lends = false;
};
// In the order in which they are offered and lend.
std::span<const FontPlace> font_places();

// Another name for one of them: what other systems call a font that looks like it.
struct FontAlias {
  std::string_view alias;
  std::string_view name;
};
std::span<const FontAlias> font_aliases();

}  // namespace millrace::workers::image
