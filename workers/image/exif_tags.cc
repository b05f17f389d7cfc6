// SPDX-License-Identifier: Apache-2.0
#include "workers/image/exif_tags.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <libexif/exif-data.h>
#include <libexif/exif-tag.h>

namespace millrace::workers::image {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPrefix = "Exif\0\0"sv;

struct Unref {
  void operator()(ExifData* data) const { exif_data_unref(data); }
};
using Data = std::unique_ptr<ExifData, Unref>;

// As the block says it: libexif would otherwise add the tags that the standard asks for.
Data load(ByteSpan block) {
  Data data(exif_data_new());
  if (!data) return data;
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
  // Without the prefix it would look for a JPEG.
  if (has_bytes(block, 0, kPrefix)) {
    exif_data_load_data(data.get(), block.data(), static_cast<unsigned>(block.size()));
    return data;
  }
  std::vector<std::uint8_t> whole(kPrefix.begin(), kPrefix.end());
  whole.insert(whole.end(), block.begin(), block.end());
  exif_data_load_data(data.get(), whole.data(), static_cast<unsigned>(whole.size()));
  return data;
}

// What libexif says of a number that the standard gives no meaning to.
constexpr std::string_view kNoMeaning = "Internal error (unknown value ";

std::string value_of(ExifEntry& entry) {
  std::string text(kExifValueBytesMax, '\0');
  if (exif_entry_get_value(&entry, text.data(), static_cast<unsigned>(text.size())) == nullptr) {
    return {};
  }
  text.resize(text.find('\0'));
  if (!text.starts_with(kNoMeaning)) return text;
  return text.substr(kNoMeaning.size(), text.find(')') - kNoMeaning.size());
}

}  // namespace

std::vector<ExifTag> read_exif_tags(ByteSpan block) {
  std::vector<ExifTag> tags;
  const Data data = load(block);
  if (!data) return tags;
  for (const ExifIfd ifd : {EXIF_IFD_0, EXIF_IFD_EXIF, EXIF_IFD_GPS, EXIF_IFD_INTEROPERABILITY}) {
    const ExifContent* content = data->ifd[ifd];
    for (unsigned i = 0; content != nullptr && i < content->count; ++i) {
      ExifEntry* entry = content->entries[i];
      const char* name = exif_tag_get_name_in_ifd(entry->tag, ifd);
      if (name == nullptr || std::ranges::find(tags, name, &ExifTag::name) != tags.end()) continue;
      tags.push_back({name, value_of(*entry), static_cast<int>(entry->format)});
    }
  }
  return tags;
}

}  // namespace millrace::workers::image
