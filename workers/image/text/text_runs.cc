// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/text_runs.h"

#include <algorithm>
#include <fribidi.h>
#include <hb.h>
#include <iterator>

namespace millrace::workers::image {
namespace {

constexpr char32_t kJoiners[] = {0x200C, 0x200D};

// 0, 2 …: to the right; 1, 3 …: to the left, inside of what is one less.
std::vector<FriBidiLevel> levels_of(const std::u32string& line) {
  const auto length = static_cast<FriBidiStrIndex>(line.size());
  const std::vector<FriBidiChar> characters(line.begin(), line.end());
  std::vector<FriBidiCharType> types(line.size());
  std::vector<FriBidiBracketType> brackets(line.size());
  std::vector<FriBidiLevel> levels(line.size());
  fribidi_get_bidi_types(characters.data(), length, types.data());
  fribidi_get_bracket_types(characters.data(), length, types.data(), brackets.data());
  FriBidiParType direction = FRIBIDI_PAR_ON;  // by the first letter
  // 0: out of memory. All to the right then.
  if (fribidi_get_par_embedding_levels_ex(types.data(), brackets.data(), length, &direction,
                                          levels.data()) == 0) {
    std::ranges::fill(levels, FriBidiLevel{0});
  }
  return levels;
}

bool has_own_script(hb_script_t script) {
  return script != HB_SCRIPT_COMMON && script != HB_SCRIPT_INHERITED && script != HB_SCRIPT_UNKNOWN;
}

// What belongs to no script is of that before it, or else of that behind it.
std::vector<hb_script_t> scripts_of(const std::u32string& line) {
  std::vector<hb_script_t> scripts;
  hb_script_t current = HB_SCRIPT_COMMON;
  for (const char32_t character : line) {
    const hb_script_t own = hb_unicode_script(hb_unicode_funcs_get_default(), character);
    if (has_own_script(own)) current = own;
    scripts.push_back(current);
  }
  const auto first = std::ranges::find_if(scripts, has_own_script);
  if (first != scripts.end()) std::fill(scripts.begin(), first, *first);
  return scripts;
}

// It is drawn onto the character before it, or changes how that is drawn.
bool clings(char32_t character) {
  switch (hb_unicode_general_category(hb_unicode_funcs_get_default(), character)) {
    case HB_UNICODE_GENERAL_CATEGORY_NON_SPACING_MARK:
    case HB_UNICODE_GENERAL_CATEGORY_ENCLOSING_MARK:
    case HB_UNICODE_GENERAL_CATEGORY_SPACING_MARK:
      return true;
    default:
      return std::ranges::find(kJoiners, character) != std::end(kJoiners);
  }
}

std::vector<const FontFace*> faces_of(const std::u32string& line, const FontBook::Faces& faces) {
  std::vector<const FontFace*> chosen;
  for (const char32_t character : line) {
    if (clings(character) && !chosen.empty()) {
      chosen.push_back(chosen.back());
      continue;
    }
    const auto has = [character](const FontFace* face) { return face->has(character); };
    const auto found = std::ranges::find_if(faces, has);
    chosen.push_back(found == faces.end() ? faces.front() : *found);
  }
  return chosen;
}

// UAX 9, L2: what is of a level or more is turned around, from the highest to the lowest odd one.
void put_in_visible_order(std::vector<TextRun>& runs, std::vector<FriBidiLevel>& levels) {
  const FriBidiLevel highest = std::ranges::max(levels);
  for (FriBidiLevel level = highest; level > 0; --level) {
    for (std::size_t i = 0; i < runs.size();) {
      std::size_t end = i;
      while (end < runs.size() && levels[end] >= level) ++end;
      const auto from = static_cast<std::ptrdiff_t>(i);
      const auto to = static_cast<std::ptrdiff_t>(end);
      std::reverse(runs.begin() + from, runs.begin() + to);
      std::reverse(levels.begin() + from, levels.begin() + to);
      i = std::max(end, i + 1);
    }
  }
}

}  // namespace

std::vector<TextRun> text_runs(const std::u32string& line, const FontBook::Faces& faces) {
  if (line.empty()) return {};
  const auto levels = levels_of(line);
  const auto scripts = scripts_of(line);
  const auto chosen = faces_of(line, faces);
  std::vector<TextRun> runs;
  std::vector<FriBidiLevel> levels_of_runs;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool goes_on = i > 0 && levels[i] == levels[i - 1] && scripts[i] == scripts[i - 1] &&
                         chosen[i] == chosen[i - 1];
    if (goes_on) {
      ++runs.back().length;
      continue;
    }
    runs.push_back({i, 1, levels[i] % 2 != 0, static_cast<unsigned>(scripts[i]), chosen[i]});
    levels_of_runs.push_back(levels[i]);
  }
  put_in_visible_order(runs, levels_of_runs);
  return runs;
}

}  // namespace millrace::workers::image
