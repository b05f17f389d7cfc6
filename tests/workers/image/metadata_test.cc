// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/exif.h"
#include "workers/image/jpeg_header.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr const char* kNotice = "\xC2\xA9 2024 Lin Wei";  // with a sign that is not ASCII
// What must be nowhere in a variant.
constexpr const char* kSecrets[] = {"SECRETCAM", "SECRETARTIST", "SECRETCOMMENT", "SECRETXMP",
                                    "SECRETCITY"};

std::string segment(char marker, const std::string& body) {
  const std::size_t length = body.size() + 2;
  return std::string("\xFF") + marker + static_cast<char>(length >> 8) +
         static_cast<char>(length & 255) + body;
}

// A JPEG with everything that cameras and editors write: EXIF with maker, artist, place and a
// thumbnail, XMP, IPTC, a comment.
std::string jpeg_full_of_metadata(const std::string& exif_copyright,
                                  const std::string& iptc_copyright) {
  using namespace std::string_literals;
  VImage image = make_photo(64, 48).copy();
  image.set("exif-ifd0-Make", "SECRETCAM");
  image.set("exif-ifd0-Artist", "SECRETARTIST");
  image.set("exif-ifd0-DateTime", "2024:05:06 07:08:09");
  if (!exif_copyright.empty()) image.set("exif-ifd0-Copyright", exif_copyright.c_str());
  image.set("exif-ifd3-GPSLatitude", "48/1 12/1 3/1 (48, 12, 3, Rational, 3 components, 24 bytes)");
  std::string file = make_file(image, ".jpg");
  std::string records = "\x1c\x02\x5a\0\x0a"s + "SECRETCITY";
  if (!iptc_copyright.empty()) {
    records += "\x1c\x02\x74\0"s + static_cast<char>(iptc_copyright.size()) + iptc_copyright;
  }
  const std::string resources =
      "Photoshop 3.0\0"s + "8BIM\x04\x04\0\0\0\0\0"s + static_cast<char>(records.size()) + records;
  const std::string extra = segment('\xFE', "SECRETCOMMENT") +
                            segment('\xE1', "http://ns.adobe.com/xap/1.0/\0<x>SECRETXMP</x>"s) +
                            segment('\xED', resources);
  return file.insert(2, extra);
}

// A JPEG whose EXIF is exactly `block`.
std::string jpeg_with_exif(const std::vector<std::uint8_t>& block) {
  std::string file = make_file(make_photo(64, 48), ".jpg[strip]");
  return file.insert(2, segment('\xE1', std::string(block.begin(), block.end())));
}

std::string copyright_of(const std::string& file) {
  const VImage image = VImage::new_from_buffer(file.data(), file.size(), "");
  if (image.get_typeof(VIPS_META_EXIF_NAME) == 0) return "";
  std::size_t bytes = 0;
  const void* data = image.get_blob(VIPS_META_EXIF_NAME, &bytes);
  return read_exif({static_cast<const std::uint8_t*>(data), bytes}).copyright;
}

class MetadataTest : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TEST_P(MetadataTest, NothingOfPersonPlaceTimeOrDeviceIsLeft) {
  const auto variant =
      run_pipeline(jpeg_full_of_metadata("", ""), "imageView2/2/w/32/format/" + GetParam());
  ASSERT_TRUE(variant);
  for (const char* secret : kSecrets)
    EXPECT_EQ(variant->file.find(secret), std::string::npos) << secret;
  for (const char* trace : {"2024:05", "GPS", "XMP", "xap", "8BIM", "Photoshop"}) {
    EXPECT_EQ(variant->file.find(trace), std::string::npos) << trace;
  }
  const VImage made = VImage::new_from_buffer(variant->file.data(), variant->file.size(), "");
  for (const char* field :
       {VIPS_META_ICC_NAME, VIPS_META_XMP_NAME, VIPS_META_IPTC_NAME, VIPS_META_PHOTOSHOP_NAME,
        VIPS_META_EXIF_NAME, "exif-ifd0-Make", "exif-ifd3-GPSLatitude"}) {
    EXPECT_EQ(made.get_typeof(field), 0U) << field;
  }
}

TEST_P(MetadataTest, TheCopyrightSurvivesByteForByte) {
  const auto variant = run_pipeline(jpeg_with_exif(exif_with_copyright(kNotice)),
                                    "imageView2/2/w/32/format/" + GetParam());
  ASSERT_TRUE(variant);
  if (GetParam() == "gif") {
    EXPECT_EQ(variant->file.find("Lin Wei"), std::string::npos);  // there is no place for it
  } else {
    EXPECT_EQ(copyright_of(variant->file), kNotice);
  }
}

TEST_P(MetadataTest, TheCopyrightSurvivesAloneAmongTheRest) {
  const auto variant = run_pipeline(jpeg_full_of_metadata("(c) Lin Wei", "(c) somebody else"),
                                    "imageView2/2/w/32/format/" + GetParam());
  ASSERT_TRUE(variant);
  for (const char* secret : kSecrets)
    EXPECT_EQ(variant->file.find(secret), std::string::npos) << secret;
  if (GetParam() != "gif") EXPECT_EQ(copyright_of(variant->file), "(c) Lin Wei");
}

TEST_P(MetadataTest, WithoutOneInExifTheNoticeOfIptcIsKept) {
  const auto variant = run_pipeline(jpeg_full_of_metadata("", "(c) of IPTC"),
                                    "imageView2/2/w/32/format/" + GetParam());
  ASSERT_TRUE(variant);
  if (GetParam() == "gif") {
    EXPECT_EQ(variant->file.find("of IPTC"), std::string::npos);  // there is no place for it
  } else {
    EXPECT_EQ(copyright_of(variant->file), "(c) of IPTC");
  }
}

INSTANTIATE_TEST_SUITE_P(All, MetadataTest, testing::Values("jpeg", "png", "webp", "gif", "avif"),
                         [](const auto& test) { return test.param; });

TEST(MetadataSourceTest, TheCopyrightIsFoundInEveryContainer) {
  test_worker();
  VImage image = make_photo(64, 48).copy();
  image.set("exif-ifd0-Copyright", "(c) Lin Wei");
  // So that libvips writes EXIF into a PNG too.
  const std::string jpeg = make_file(image, ".jpg");
  const VImage loaded = VImage::new_from_buffer(jpeg.data(), jpeg.size(), "");
  for (const char* suffix : {".jpg", ".png", ".webp"}) {
    const auto variant = run_pipeline(make_file(loaded, suffix), "imageView2/2/w/32/format/jpg");
    ASSERT_TRUE(variant) << suffix;
    EXPECT_EQ(copyright_of(variant->file), "(c) Lin Wei") << suffix;
  }
}

TEST(MetadataSourceTest, AThumbnailInExifIsGone) {
  test_worker();
  VImage image = make_photo(64, 48).copy();
  const std::string thumbnail = make_file(make_photo(16, 12), ".jpg[strip]");
  image.set("jpeg-thumbnail-data", nullptr, const_cast<char*>(thumbnail.data()), thumbnail.size());
  const auto variant = run_pipeline(make_file(image, ".jpg"), "imageView2/2/w/32");
  ASSERT_TRUE(variant);
  const std::size_t first = variant->file.find("\xFF\xD8\xFF");
  EXPECT_EQ(variant->file.find("\xFF\xD8\xFF", first + 1), std::string::npos);
}

}  // namespace
}  // namespace millrace::workers::image
