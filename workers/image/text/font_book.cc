// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/font_book.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace millrace::workers::image {
namespace {

constexpr std::string_view kDefault = "黑体";
constexpr std::string_view kDefaultWithoutChinese = "DejaVu Sans";
constexpr int kStrangest = 3;  // neither its weight nor its style

std::string_view name_behind(std::string_view name) {
  const auto aliases = font_aliases();
  const auto found = std::ranges::find(aliases, name, &FontAlias::alias);
  return found == aliases.end() ? name : found->name;
}

}  // namespace

FontBook FontBook::open() {
  FontBook book;
  std::map<std::string_view, std::shared_ptr<const MappedFile>> files;
  for (const FontPlace& place : font_places()) {
    auto [file, is_new] = files.try_emplace(place.path);
    if (is_new) file->second = MappedFile::map(std::string(place.path));
    auto face = file->second ? FontFace::open(file->second, std::string(place.family)) : nullptr;
    if (!face) {
      book.notes_.push_back(fmt::format("the font {} is not installed", place.name));
      continue;
    }
    book.names_.emplace_back(place.name);
    book.entries_.push_back({place, std::move(face)});
  }
  for (const FontAlias& alias : font_aliases()) {
    if (book.entry(alias.name) != nullptr) book.names_.emplace_back(alias.alias);
  }
  return book;
}

const FontBook::Entry* FontBook::entry(std::string_view name) const {
  const auto found =
      std::ranges::find(entries_, name, [](const Entry& entry) { return entry.place.name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::string_view FontBook::default_name() const {
  if (entry(name_behind(kDefault)) != nullptr) return kDefault;
  return entry(kDefaultWithoutChinese) != nullptr ? kDefaultWithoutChinese : std::string_view();
}

FontBook::Faces FontBook::find(std::string_view name) const {
  const Entry* const own = entry(name_behind(name));
  if (own == nullptr) return {};
  const auto strangeness = [own](const Entry& other) {
    return (other.place.is_serif != own->place.is_serif ? 2 : 0) +
           (other.place.is_bold != own->place.is_bold ? 1 : 0);
  };
  Faces faces = {own->face.get()};
  // Of its own style first; any other is better than a box.
  for (int strange = 0; strange <= kStrangest; ++strange) {
    for (const Entry& other : entries_) {
      const bool lends = &other != own && other.place.lends && strangeness(other) == strange;
      if (lends) faces.push_back(other.face.get());
    }
  }
  return faces;
}

}  // namespace millrace::workers::image
