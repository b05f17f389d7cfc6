// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pipeline/pipeline.h"

namespace millrace::pipeline {

// Another picture than the original, as the value of a parameter names it (ParameterKind::Picture).
struct PictureName {
  enum class Form {
    Entry,  // kodo://<bucket>/<key>: the key's own bytes, nothing is percent-decoded
    Url,    // http:// or https://, as written
    Key     // of the original's bucket
  };
  Form form = Form::Entry;
  std::string bucket;  // of an Entry
  std::string key;     // of an Entry, or a Key
  std::string url;     // of a Url
  friend bool operator==(const PictureName&, const PictureName&) = default;
};

inline constexpr std::size_t kPictureNameBytesMax = 2'048;

// What a text (decoded) names; nullopt for what names nothing: empty, too long, not UTF-8, with
// control characters, an entry without a bucket or a key, a URL without a host.
std::optional<PictureName> picture_name(std::string_view text);
// The same of a value: base64url, with or without padding.
std::optional<PictureName> picture_from_value(std::string_view value);

// The one text, and the one value, of an entry. This is what whoever works on a pipeline is given:
// the gateway has settled by then what URLs and keys stand for.
std::string picture_text(std::string_view bucket, std::string_view key);
std::string picture_value(std::string_view bucket, std::string_view key);

// The pictures that a checked pipeline names, as the values of its canonical text, in the order in
// which they occur and each once. A run carries their files in this order (docs/formats/ipc.md).
std::vector<std::string> pictures_of(const Pipeline& pipeline);

// Whether canonical text may name a picture: false is certain. For who cannot afford to look
// closely. O(length).
bool may_name_pictures(std::string_view canonical_text);

// What went wrong, said of the picture that it went wrong with.
base::Error about_picture(std::string_view value, base::Error error);

}  // namespace millrace::pipeline
