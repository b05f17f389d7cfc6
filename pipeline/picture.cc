// SPDX-License-Identifier: Apache-2.0
#include "pipeline/picture.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/crypto.h"
#include "pipeline/value.h"
#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kEntryScheme = "kodo://";
// base64url of kEntryScheme, as far as the letter behind it does not matter.
constexpr std::string_view kEntryValueStart = "a29kbzov";

bool is_visible(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (bytes == 0 || first < 0x20 || first == 0x7F) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::optional<PictureName> entry_name(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    return std::nullopt;
  }
  PictureName name;
  name.bucket = rest.substr(0, slash);
  name.key = rest.substr(slash + 1);
  return name;
}

}  // namespace

std::optional<PictureName> picture_name(std::string_view text) {
  if (text.empty() || text.size() > kPictureNameBytesMax || !is_visible(text)) return std::nullopt;
  if (text.starts_with(kEntryScheme)) return entry_name(text.substr(kEntryScheme.size()));
  PictureName name;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view rest = text.substr(scheme.size());
    if (rest.empty() || rest.front() == '/') return std::nullopt;
    name.form = PictureName::Form::Url;
    name.url = text;
    return name;
  }
  name.form = PictureName::Form::Key;
  name.key = text;
  return name;
}

std::optional<PictureName> picture_from_value(std::string_view value) {
  const auto text = text_from_value(value);
  return text ? picture_name(*text) : std::nullopt;
}

std::string picture_text(std::string_view bucket, std::string_view key) {
  return fmt::format("{}{}/{}", kEntryScheme, bucket, key);
}

std::string picture_value(std::string_view bucket, std::string_view key) {
  return base::base64url_encode(picture_text(bucket, key));
}

std::vector<std::string> pictures_of(const Pipeline& pipeline) {
  std::vector<std::string> values;
  for (const CommandCall& call : pipeline.commands) {
    for (const CommandCall::Argument& argument : call.arguments()) {
      if (!argument.is_picture) continue;
      if (std::ranges::find(values, argument.text) == values.end()) values.push_back(argument.text);
    }
  }
  return values;
}

bool may_name_pictures(std::string_view canonical_text) {
  return canonical_text.find(kEntryValueStart) != std::string_view::npos;
}

base::Error about_picture(std::string_view value, base::Error error) {
  const auto text = text_from_value(value);
  constexpr std::size_t kShownBytesMax = 256;
  error.public_message = fmt::format("The picture {} cannot be used: {}",
                                     in_quotes(text ? *text : std::string(value), kShownBytesMax),
                                     error.public_message);
  return error;
}

}  // namespace millrace::pipeline
