// SPDX-License-Identifier: Apache-2.0
#include "pipeline/value.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/crypto.h"
#include "pipeline/color.h"
#include "pipeline/picture.h"
#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

bool same_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::int64_t> number_in_range(const ParameterSpec& spec, std::string_view text) {
  const auto number = whole_number(text);
  if (!number || *number < spec.min || *number > spec.max) return std::nullopt;
  return number;
}

std::optional<std::string> canonical_size(const ParameterSpec& spec, std::string_view given) {
  const std::size_t cross = given.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = number_in_range(spec, given.substr(0, cross));
  const auto height = number_in_range(spec, given.substr(cross + 1));
  if (!width || !height) return std::nullopt;
  return fmt::format("{}x{}", *width, *height);
}

std::string number_phrase(const ParameterSpec& spec) {
  return spec.min == spec.max ? fmt::format("the number {}", spec.min)
                              : fmt::format("a whole number from {} to {}", spec.min, spec.max);
}

std::string choice_phrase(const ParameterSpec& spec) {
  const std::vector<std::string_view> names(spec.choices.begin(), spec.choices.end());
  return names.size() == 1 ? std::string(names.front()) : "one of " + listed(names);
}

std::optional<std::string> canonical_color(std::string_view given) {
  const auto color = color_from_value(given);
  if (!color) return std::nullopt;
  return value_of(*color);
}

const std::string* choice_of(const ParameterSpec& spec, std::string_view given) {
  for (const std::string& choice : spec.choices) {
    if (choice == given || (spec.ignore_case && same_without_case(choice, given))) return &choice;
  }
  return nullptr;
}

std::optional<std::string> canonical_text(const ParameterSpec& spec, std::string_view given) {
  const auto text = text_from_value(given);
  if (text && !spec.choices.empty()) {
    const std::string* choice = choice_of(spec, *text);
    if (choice == nullptr) return std::nullopt;
    return base::base64url_encode(*choice);
  }
  if (!text || std::cmp_less(text->size(), spec.min) || std::cmp_greater(text->size(), spec.max)) {
    return std::nullopt;
  }
  return base::base64url_encode(*text);
}

std::optional<std::string> canonical_picture(const ParameterSpec& spec, std::string_view given) {
  const auto text = text_from_value(given);
  const auto name = text ? picture_name(*text) : std::nullopt;
  if (!name || (name->form == PictureName::Form::Key && !spec.takes_key)) return std::nullopt;
  return base::base64url_encode(*text);
}

std::optional<std::string> canonical_form(const ParameterSpec& spec, std::string_view given) {
  const auto value = match_form(spec.forms, given);
  if (!value) return std::nullopt;
  return form_text(spec.forms, *value);
}

std::string range_phrase(const FormNumber& number) {
  return fmt::format("{} {} {} to {}", number.name,
                     number.decimals_max > 0 ? "a number from" : "from", number.min, number.max);
}

// "one of <w>x<h>, !<n>p; w and h from 1 to 9999 (px), n from 1 to 999": each name once.
std::string form_phrase(const ParameterSpec& spec) {
  std::vector<std::string_view> texts;
  std::vector<std::string> ranges;
  std::vector<std::string_view> names;
  for (const ValueForm& form : spec.forms) {
    texts.push_back(form.text);
    for (const FormNumber& number : form.numbers) {
      if (std::ranges::find(names, number.name) != names.end()) continue;
      names.push_back(number.name);
      ranges.push_back(range_phrase(number));
    }
  }
  std::string text = (texts.size() == 1 ? "" : "one of ") + listed(texts);
  std::string separator = "; ";
  for (const std::string& range : ranges) {
    text += separator + range;
    separator = ", ";
  }
  return text;
}

}  // namespace

std::optional<std::string> text_from_value(std::string_view value) {
  auto text = base::base64url_decode(value);
  if (!text || text->find('\0') != std::string::npos) return std::nullopt;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t bytes = utf8_sequence_bytes(rest);
    if (bytes == 0) return std::nullopt;
    rest.remove_prefix(bytes);
  }
  return text;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<std::string> canonical_value(const ParameterSpec& spec, std::string_view given) {
  switch (spec.kind) {
    case ParameterKind::Integer:
      if (const auto number = number_in_range(spec, given)) return std::to_string(*number);
      return std::nullopt;
    case ParameterKind::Choice:
      if (const std::string* choice = choice_of(spec, given)) return *choice;
      return std::nullopt;
    case ParameterKind::Quality: {
      if (std::ranges::find(spec.choices, given) != spec.choices.end()) return std::string(given);
      const bool forced = given.ends_with('!');
      if (forced) given.remove_suffix(1);
      if (const auto number = number_in_range(spec, given)) {
        return std::to_string(*number) + (forced ? "!" : "");
      }
      return std::nullopt;
    }
    case ParameterKind::Size:
      return canonical_size(spec, given);
    case ParameterKind::Flag:
      return std::nullopt;
    case ParameterKind::Form:
      return canonical_form(spec, given);
    case ParameterKind::Color:
      return canonical_color(given);
    case ParameterKind::Text:
      return canonical_text(spec, given);
    case ParameterKind::Picture:
      return canonical_picture(spec, given);
  }
  return std::nullopt;
}

std::string allowed_values(const ParameterSpec& spec) {
  const std::string unit = spec.unit.empty() ? "" : fmt::format(" ({})", spec.unit);
  switch (spec.kind) {
    case ParameterKind::Integer:
      return number_phrase(spec) + unit;
    case ParameterKind::Choice:
      return choice_phrase(spec);
    case ParameterKind::Quality: {
      const std::vector<std::string_view> words(spec.choices.begin(), spec.choices.end());
      const std::string or_words = words.empty() ? "" : "; or " + listed(words);
      return number_phrase(spec) + unit + ", then \"!\" where it is to be forced" + or_words;
    }
    case ParameterKind::Size:
      return "<width>x<height>, each " + number_phrase(spec) + unit;
    case ParameterKind::Flag:
      return "alone, without a value";
    case ParameterKind::Form:
      return form_phrase(spec) + unit;
    case ParameterKind::Color: {
      std::vector<std::string_view> names;
      for (const NamedColor& row : named_colors()) names.push_back(row.name);
      return fmt::format("the urlsafe base64 of #RRGGBB, #RRGGBBAA or one of {}", listed(names));
    }
    case ParameterKind::Text:
      if (!spec.choices.empty()) return "the urlsafe base64 of " + choice_phrase(spec);
      return fmt::format("the urlsafe base64 of {} to {} bytes of UTF-8", spec.min, spec.max);
    case ParameterKind::Picture:
      return fmt::format("the urlsafe base64 of kodo://<bucket>/<key>{} a URL of a bucket's entry",
                         spec.takes_key ? ", of a key of the same bucket, or of" : " or of");
  }
  return "";
}

}  // namespace millrace::pipeline
