// SPDX-License-Identifier: Apache-2.0
#include "pipeline/format_choice.h"

#include <array>

namespace millrace::pipeline {
namespace {

struct Member {
  std::string_view suffix;
  bool FormatSet::* flag;
};
constexpr std::array kMembers = {Member{".avif", &FormatSet::avif}, Member{".jxl", &FormatSet::jxl},
                                 Member{".webp", &FormatSet::webp}};

}  // namespace

std::string format_word(std::string_view rule, const FormatSet& set) {
  std::string word(rule);
  for (const Member& member : kMembers) {
    if (set.*member.flag) word += member.suffix;
  }
  return word;
}

std::optional<FormatSet> set_of_format(std::string_view rule, std::string_view word) {
  if (!word.starts_with(rule)) return std::nullopt;
  word.remove_prefix(rule.size());
  FormatSet set;
  for (const Member& member : kMembers) {
    if (!word.starts_with(member.suffix)) continue;
    set.*member.flag = true;
    word.remove_prefix(member.suffix.size());
  }
  if (!word.empty()) return std::nullopt;
  return set;
}

}  // namespace millrace::pipeline
