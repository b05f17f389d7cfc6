// SPDX-License-Identifier: Apache-2.0
#include "workers/image/exif_tags.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A TIFF structure made by hand, little-endian or big-endian.
class Tiff {
 public:
  explicit Tiff(bool little) : little_(little) {
    text(little ? "II" : "MM");
    put(42, 2);
    put(8, 4);
  }
  void put(std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (little_ ? i : count - 1 - i);
      bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }
  void entry(int tag, int type, std::uint32_t count, std::uint32_t value, int value_bytes = 4) {
    put(static_cast<std::uint32_t>(tag), 2);
    put(static_cast<std::uint32_t>(type), 2);
    put(count, 4);
    put(value, value_bytes);
    put(0, 4 - value_bytes);
  }
  void text(const std::string& text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  bool little_;
  Bytes bytes_;
};

// The values of the reference's example.
Bytes example(bool little) {
  Tiff tiff(little);
  // IFD0 at 8: three entries, 2 + 36 + 4 bytes, so that what it points to begins at 50.
  tiff.put(3, 2);
  tiff.entry(0x0110, 2, 15, 50);  // Model
  tiff.entry(0x0132, 2, 20, 65);  // DateTime
  tiff.entry(0x8769, 4, 1, 86);   // the EXIF directory
  tiff.put(0, 4);
  tiff.text(std::string("Canon EOS 600D\0", 15));
  tiff.text(std::string("2011:11:19 17:09:23\0", 20));
  tiff.text(std::string(1, '\0'));  // to an even place: 86
  // The EXIF directory at 86: three entries, ends at 128.
  tiff.put(3, 2);
  tiff.entry(0x829A, 5, 1, 128);      // ExposureTime
  tiff.entry(0x8827, 3, 1, 3200, 2);  // ISOSpeedRatings
  tiff.entry(0x9204, 10, 1, 136);     // ExposureBiasValue
  tiff.put(0, 4);
  tiff.put(1, 4);
  tiff.put(50, 4);
  tiff.put(1, 4);
  tiff.put(3, 4);
  return tiff.bytes();
}

const ExifTag* find(const std::vector<ExifTag>& tags, const std::string& name) {
  const auto found = std::ranges::find(tags, name, &ExifTag::name);
  return found == tags.end() ? nullptr : &*found;
}

void expect_tag(const std::vector<ExifTag>& tags, const std::string& name, const std::string& value,
                int type) {
  const ExifTag* tag = find(tags, name);
  ASSERT_NE(tag, nullptr) << name;
  EXPECT_EQ(tag->value, value) << name;
  EXPECT_EQ(tag->type, type) << name;
}

TEST(ExifTagsTest, ReadsTheReferencesExampleInBothByteOrders) {
  for (const bool little : {true, false}) {
    const std::vector<ExifTag> tags = read_exif_tags(example(little));
    EXPECT_EQ(tags.size(), 5U) << "what the block says and nothing more";
    expect_tag(tags, "Model", "Canon EOS 600D", 2);
    expect_tag(tags, "DateTime", "2011:11:19 17:09:23", 2);
    expect_tag(tags, "ExposureTime", "1/50 sec.", 5);
    expect_tag(tags, "ISOSpeedRatings", "3200", 3);
    expect_tag(tags, "ExposureBiasValue", "0.33 EV", 10);
  }
}

TEST(ExifTagsTest, ANumberWithoutAMeaningIsThatNumber) {
  Tiff tiff(true);
  tiff.put(2, 2);
  tiff.entry(0x0128, 3, 1, 1, 2);    // ResolutionUnit: none
  tiff.entry(0x0103, 3, 1, 777, 2);  // Compression
  tiff.put(0, 4);
  const std::vector<ExifTag> tags = read_exif_tags(tiff.bytes());
  expect_tag(tags, "ResolutionUnit", "1", 3);
  expect_tag(tags, "Compression", "777", 3);
}

TEST(ExifTagsTest, ThePrefixMayStandBeforeIt) {
  Bytes block = {'E', 'x', 'i', 'f', 0, 0};
  const Bytes tiff = example(true);
  block.insert(block.end(), tiff.begin(), tiff.end());
  EXPECT_EQ(read_exif_tags(block).size(), 5U);
}

TEST(ExifTagsTest, EveryBeginningOfABlockIsReadAsFarAsItGoes) {
  const Bytes whole = example(false);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_LE(read_exif_tags({whole.data(), size}).size(), 5U) << size;
  }
}

TEST(ExifTagsTest, EveryByteMayBeWrong) {
  const Bytes whole = example(true);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int wrong : {0x00, 0x7F, 0xFF}) {
      Bytes block = whole;
      block[at] = static_cast<std::uint8_t>(wrong);
      for (const ExifTag& tag : read_exif_tags(block)) {
        EXPECT_LT(tag.value.size(), kExifValueBytesMax);
      }
    }
  }
}

TEST(ExifTagsTest, ADirectoryThatPointsToItselfEnds) {
  Tiff tiff(true);
  tiff.put(1, 2);
  tiff.entry(0x8769, 4, 1, 8);
  tiff.put(8, 4);
  read_exif_tags(tiff.bytes());
}

TEST(ExifTagsTest, NothingIsNoTags) {
  EXPECT_TRUE(read_exif_tags({}).empty());
  EXPECT_TRUE(read_exif_tags(Bytes{'E', 'x', 'i', 'f', 0, 0}).empty());
  EXPECT_TRUE(read_exif_tags(Bytes(100, 0xFF)).empty());
}

}  // namespace
}  // namespace millrace::workers::image
