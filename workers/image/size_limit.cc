// SPDX-License-Identifier: Apache-2.0
#include "workers/image/size_limit.h"

#include <array>
#include <cstdint>
#include <utility>

namespace millrace::workers::image {
namespace {

using pipeline::ValueForm;

constexpr std::size_t kKibi = 1024;

// A form with and without the mark of strictness, and what its number counts.
struct Unit {
  const char* text;
  std::int64_t max;
  std::size_t bytes;
  const char* summary;
};
constexpr std::array kUnits = {
    Unit{"<n>", 999'999'999, 1, "That many bytes"},
    Unit{"<n>k", 999'999, kKibi, "That many times 1024 bytes"},
    Unit{"<n>K", 999'999, kKibi, "The same"},
    Unit{"<n>m", 999, kKibi* kKibi, "That many times 1024 x 1024 bytes"},
    Unit{"<n>M", 999, kKibi* kKibi, "The same"},
};

const std::vector<ValueForm>& forms() {
  static const std::vector<ValueForm> table = [] {
    std::vector<ValueForm> made;
    for (const std::string mark : {"", "!"}) {
      const std::string end = mark.empty() ? "." : ", or else the original.";
      for (const Unit& unit : kUnits) {
        made.push_back({unit.text + mark, {{"n", 1, unit.max}}, unit.summary + end});
      }
      made.push_back({"$(fsize)" + mark, {}, "As many bytes as the original has" + end});
    }
    return made;
  }();
  return table;
}

}  // namespace

std::vector<ValueForm> size_limit_forms() { return forms(); }

SizeLimit size_limit_from(std::string_view text, std::size_t source_bytes) {
  const auto value = pipeline::match_form(forms(), text);
  SizeLimit limit{source_bytes, text.ends_with('!')};
  if (!value || value->numbers.empty()) return limit;
  const Unit& unit = kUnits[value->form % (kUnits.size() + 1)];
  limit.bytes_max = static_cast<std::size_t>(value->numbers[0]) * unit.bytes;
  return limit;
}

std::vector<ValueForm> byte_limit_forms() {
  std::vector<ValueForm> made;
  for (const Unit& unit : kUnits) {
    made.push_back({unit.text, {{"n", 1, unit.max}}, unit.summary + std::string(".")});
  }
  return made;
}

std::size_t byte_limit_from(std::string_view text) {
  static const std::vector<ValueForm> table = byte_limit_forms();
  const auto value = pipeline::match_form(table, text);
  if (!value) return 0;
  return static_cast<std::size_t>(value->numbers[0]) * kUnits.at(value->form).bytes;
}

base::Result<QualityFile> best_quality_within(
    std::size_t bytes_max, const Encoding& encoding,
    const std::function<base::Result<std::string>(int quality_pct)>& encode) {
  auto first = encode(encoding.quality_pct);
  if (!first) return base::fail(std::move(first.error()));
  QualityFile best{encoding.quality_pct, std::move(*first)};
  const bool quality_counts = has_quality(encoding.format) && !encoding.lossless;
  if (best.file.size() <= bytes_max || !quality_counts) return best;
  // Qualities below `low` fit, those from `high` on do not.
  int low = 1;
  int high = encoding.quality_pct;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    auto file = encode(middle);
    if (!file) return base::fail(std::move(file.error()));
    const bool fits = file->size() <= bytes_max;
    const bool is_better = fits || file->size() < best.file.size();
    if (is_better) best = {middle, std::move(*file)};
    if (fits) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return best;
}

}  // namespace millrace::workers::image
