// SPDX-License-Identifier: Apache-2.0
#include "storage/delivery_config.h"

#include <algorithm>
#include <cstddef>

#include "storage/key.h"

namespace millrace::storage {
namespace {

constexpr std::size_t kStyleNameMax = 64;
constexpr std::size_t kSeparatorsMax = 16;
constexpr std::string_view kMarks = "-_.!@$~+=,:;*";

bool is_mark(char c) { return kMarks.find(c) != std::string_view::npos; }

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The first rule that is broken, or "".
std::string broken_rule(const DeliveryConfig& config) {
  if (!config.separators.empty() && !are_separators(config.separators)) {
    return "separators are " + std::string(kSeparatorsRule);
  }
  const std::string_view separators =
      config.separators.empty() ? kDefaultSeparators : config.separators;
  for (const auto& [name, unused] : config.styles) {
    if (!is_style_name(name)) {
      return "styles: \"" + name + "\" is no name of a style; " + std::string(kStyleNameRule);
    }
    if (name.find_first_of(separators) != std::string::npos) {
      return "styles: \"" + name + "\" has one of the separators (" + std::string(separators) +
             ") in it and could not be asked for";
    }
  }
  if (config.is_private && config.owners.empty()) {
    return "a private bucket needs owners, or nobody could read it";
  }
  if (!config.fallback.empty() && !is_path_key(config.fallback)) {
    return "fallback is the key of an entry of this bucket";
  }
  return "";
}

}  // namespace

const std::string_view kStyleNameRule = "1 to 64 letters, digits and -_.!@$~+=,:;* make one";
const std::string_view kSeparatorsRule = "1 to 16 different characters of -_.!@$~+=,:;*/";

bool is_style_name(std::string_view name) {
  return !name.empty() && name.size() <= kStyleNameMax &&
         std::ranges::all_of(name, [](char c) { return is_alnum(c) || is_mark(c); });
}

bool are_separators(std::string_view text) {
  if (text.empty() || text.size() > kSeparatorsMax) return false;
  return std::ranges::all_of(text, [text](char c) {
    return (is_mark(c) || c == '/') && std::ranges::count(text, c) == 1;
  });
}

void DeliveryConfig::bind(base::ConfigBinder& b) {
  b.text_map("styles", styles,
             "name: pipeline; <key><separator><name> is then short for <key>?<pipeline>");
  b.text("separators", separators,
         "characters that may stand between key and style; empty: -, unless the api says "
         "otherwise");
  b.flag("protect_originals", protect_originals,
         "originals and pipelines of a client's own are refused; styles are given out");
  b.flag("private", is_private, "answers its owners only");
  b.text_list("owners", owners, "names of gateway.users: may read it, and change its styles");
  b.text("fallback", fallback, "key of what stands in for an original that is missing");
  b.choice("format", format, {"source", "auto"},
           "of pipelines that name none; auto: the best that the client's Accept allows");
  if (const std::string broken = broken_rule(*this); !broken.empty()) b.refuse(broken);
}

}  // namespace millrace::storage
