// SPDX-License-Identifier: Apache-2.0
#include "workers/image/auto_format.h"

#include <algorithm>

namespace millrace::workers::image {
namespace {

OutputFormat shown_by_all(const AutoFacts& facts) {
  if (facts.animated) return OutputFormat::Gif;
  switch (facts.given) {
    case OutputFormat::Png:
    case OutputFormat::Gif:
      return facts.given;
    default:
      return facts.has_alpha ? OutputFormat::Png : OutputFormat::Jpeg;
  }
}

}  // namespace

OutputFormat auto_format(const pipeline::FormatSet& allowed, const AutoFacts& facts) {
  // The encoders of the other two write one frame.
  if (facts.animated) return allowed.webp ? OutputFormat::Webp : shown_by_all(facts);
  if (allowed.avif && holds_size(OutputFormat::Avif, facts.size)) return OutputFormat::Avif;
  if (allowed.jxl) return OutputFormat::Jxl;
  if (allowed.webp && holds_size(OutputFormat::Webp, facts.size)) return OutputFormat::Webp;
  return shown_by_all(facts);
}

std::vector<OutputFormat> best_candidates(const pipeline::FormatSet& allowed,
                                          const AutoFacts& facts, bool lossless) {
  std::vector<OutputFormat> formats;
  const auto add = [&](bool wanted, OutputFormat format) {
    if (wanted && holds_size(format, facts.size)) formats.push_back(format);
  };
  add(allowed.webp, OutputFormat::Webp);
  if (facts.animated) {
    formats.push_back(OutputFormat::Gif);
    return formats;
  }
  const bool was_gif = facts.given == OutputFormat::Gif;
  add(allowed.avif && !lossless, OutputFormat::Avif);
  add(allowed.jxl, OutputFormat::Jxl);
  add(!facts.has_alpha && !lossless, OutputFormat::Jpeg);
  add(facts.has_alpha || lossless || was_gif || facts.given == OutputFormat::Png,
      OutputFormat::Png);
  add(was_gif && !lossless, OutputFormat::Gif);
  return formats;
}

std::optional<OutputFormat> format_from_word(std::string_view word, const AutoFacts& facts) {
  for (const std::string_view rule : {pipeline::kAutoFormat, pipeline::kBestFormat}) {
    if (const auto set = pipeline::set_of_format(rule, word)) return auto_format(*set, facts);
  }
  return output_format_from_word(word);
}

std::vector<std::string> auto_format_words(const pipeline::FormatSet& writable) {
  std::vector<std::string> words;
  for (const bool webp : {false, true}) {
    for (const pipeline::FormatSet set : {pipeline::FormatSet{}, {.avif = true}, {.jxl = true}}) {
      const pipeline::FormatSet with{set.avif, set.jxl, webp};
      if (with.common_with(writable) == with) words.push_back(pipeline::auto_format_word(with));
    }
  }
  std::ranges::sort(words);
  return words;
}

std::vector<std::string> best_format_words(const pipeline::FormatSet& writable) {
  std::vector<std::string> words;
  for (unsigned bits = 0; bits < 8; ++bits) {
    const pipeline::FormatSet set{(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0};
    if (set.common_with(writable) != set) continue;
    words.push_back(pipeline::format_word(pipeline::kBestFormat, set));
  }
  std::ranges::sort(words);
  return words;
}

}  // namespace millrace::workers::image
