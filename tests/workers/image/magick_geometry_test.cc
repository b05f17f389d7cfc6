// SPDX-License-Identifier: Apache-2.0
#include "workers/image/magick_geometry.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

struct Resize {
  Size source;
  const char* text;
  Size result;
};

// What ImageMagick 6.9.11 gives for -resize, with the reference's letters put back; where the two
// differ the reference has the word (docs/decisions/0060).
TEST(ThumbnailSizeTest, IsImageMagicks) {
  for (const Resize& c : {Resize{{640, 427}, "!50p", {320, 214}},
                          Resize{{640, 427}, "!33p", {211, 141}},
                          Resize{{640, 427}, "!1p", {6, 4}},
                          Resize{{640, 427}, "!999p", {6394, 4266}},
                          Resize{{640, 427}, "!x75p", {640, 320}},
                          Resize{{640, 427}, "700x", {700, 467}},
                          Resize{{640, 427}, "x467", {700, 467}},
                          Resize{{640, 427}, "1x", {1, 1}},
                          Resize{{640, 427}, "300x300", {300, 200}},
                          Resize{{640, 427}, "!200x200r", {300, 200}},
                          Resize{{640, 427}, "200x200^", {300, 200}},
                          Resize{{640, 427}, "200x300!", {200, 300}},
                          Resize{{640, 427}, "200x300>", {200, 133}},
                          Resize{{640, 427}, "800x600>", {640, 427}},
                          Resize{{640, 427}, "700x600<", {700, 467}},
                          Resize{{640, 427}, "200x200<", {640, 427}},
                          Resize{{640, 427}, "700x300<", {640, 427}},
                          Resize{{640, 427}, "350000@", {724, 483}},
                          Resize{{640, 427}, "100@", {12, 8}},
                          Resize{{640, 427}, "33x>", {33, 22}},
                          Resize{{640, 427}, "x33>", {49, 33}},
                          Resize{{640, 427}, "x1000<", {1499, 1000}},
                          Resize{{640, 427}, "x100<", {640, 427}},
                          Resize{{427, 640}, "!50p", {214, 320}},
                          Resize{{427, 640}, "700x", {700, 1049}},
                          Resize{{427, 640}, "300x300", {200, 300}},
                          Resize{{427, 640}, "800x600>", {400, 600}},
                          Resize{{427, 640}, "350000@", {483, 724}},
                          Resize{{333, 7}, "!50p", {167, 4}},
                          Resize{{333, 7}, "!33p", {110, 2}},
                          Resize{{333, 7}, "!999p", {3327, 70}},
                          Resize{{333, 7}, "!x75p", {333, 5}},
                          Resize{{333, 7}, "700x", {700, 15}},
                          Resize{{333, 7}, "!200x200r", {9514, 200}},
                          Resize{{333, 7}, "350000@", {4080, 85}},
                          Resize{{333, 7}, "100@", {68, 1}},
                          Resize{{1, 9}, "!50p", {1, 5}},
                          Resize{{1, 9}, "!x75p", {1, 7}},
                          Resize{{1, 9}, "700x", {700, 6300}},
                          Resize{{1, 9}, "200x200<", {22, 200}},
                          Resize{{1, 9}, "350000@", {197, 1774}},
                          Resize{{1, 9}, "100@", {3, 30}}}) {
    EXPECT_EQ(thumbnail_size(c.text, c.source), c.result)
        << c.source.width << "x" << c.source.height << " " << c.text;
  }
}

TEST(ThumbnailSizeTest, FollowsTheTablesWhereTheReferenceContradictsItself) {
  EXPECT_EQ(thumbnail_size("!75px", {640, 427}), (Size{480, 427}));
  EXPECT_EQ(thumbnail_size("!x75p", {640, 427}), (Size{640, 320}));
  EXPECT_EQ(thumbnail_size("!75p", {640, 427}), (Size{480, 320}));
}

TEST(ThumbnailSizeTest, NoSideVanishes) {
  EXPECT_EQ(thumbnail_size("!1p", {333, 7}), (Size{3, 1}));
  EXPECT_EQ(thumbnail_size("1@", {640, 427}), (Size{1, 1}));
  EXPECT_EQ(thumbnail_size("x1", {1, 999}), (Size{1, 1}));
}

TEST(ThumbnailSizeTest, AnAreaIsNeverExceeded) {
  for (std::int64_t area = 1; area < 5'000; area += 7) {
    const Size size = thumbnail_size(std::to_string(area) + "@", {640, 427});
    EXPECT_LE(size.width * size.height, std::max<std::int64_t>(area, size.width)) << area;
  }
  EXPECT_EQ(thumbnail_size("273280@", {640, 427}), (Size{640, 427}));
  EXPECT_EQ(thumbnail_size("68320@", {640, 427}), (Size{320, 213}));
}

struct Cut {
  Gravity gravity;
  const char* text;
  Area kept;
};
TEST(CropAreaTest, IsImageMagicks) {
  const Size source{640, 427};
  for (const Cut& c : {Cut{Gravity::NorthWest, "300x", {0, 0, 300, 427}},
                       Cut{Gravity::NorthWest, "!300x", {0, 0, 300, 427}},
                       Cut{Gravity::NorthWest, "x300", {0, 0, 640, 300}},
                       Cut{Gravity::NorthWest, "0x300", {0, 0, 640, 300}},
                       Cut{Gravity::NorthWest, "1000x1000", {0, 0, 640, 427}},
                       Cut{Gravity::NorthWest, "!300x300a30a100", {30, 100, 300, 300}},
                       Cut{Gravity::NorthWest, "!300x300a30-100", {30, 0, 300, 200}},
                       Cut{Gravity::NorthWest, "!300x300-30a100", {0, 100, 270, 300}},
                       Cut{Gravity::NorthWest, "!300x300-30-100", {0, 0, 270, 200}},
                       Cut{Gravity::NorthWest, "!x100a600a0", {600, 0, 40, 100}},
                       Cut{Gravity::NorthWest, "!100xa0a400", {0, 400, 100, 27}},
                       Cut{Gravity::Center, "300x300", {170, 63, 300, 300}},
                       Cut{Gravity::Center, "301x300", {170, 63, 301, 300}},
                       Cut{Gravity::Center, "!300x300a10-20", {180, 43, 300, 300}},
                       Cut{Gravity::Center, "!700x300a20a0", {0, 63, 640, 300}},
                       Cut{Gravity::South, "!300x300a10-20", {180, 147, 300, 280}},
                       Cut{Gravity::SouthEast, "300x300", {340, 127, 300, 300}},
                       Cut{Gravity::SouthEast, "301x301", {339, 126, 301, 301}},
                       Cut{Gravity::SouthEast, "!300x300a10-20", {330, 147, 300, 280}},
                       Cut{Gravity::SouthEast, "!700x300a20a0", {0, 127, 620, 300}}}) {
    const auto kept = crop_area(c.text, c.gravity, source);
    ASSERT_TRUE(kept) << c.text;
    EXPECT_EQ(*kept, c.kept) << c.text << " gives " << kept->width << "x" << kept->height << "+"
                             << kept->left << "+" << kept->top;
  }
}

TEST(CropAreaTest, RefusesWhatLiesOutside) {
  for (const char* text : {"!300x300a640a0", "!300x300a0a427", "!300x300-300a0", "!10x10-10-10"}) {
    const auto kept = crop_area(text, Gravity::NorthWest, {640, 427});
    ASSERT_FALSE(kept) << text;
    EXPECT_EQ(kept.error().reason, base::Reason::BadParameter);
    EXPECT_NE(kept.error().public_message.find("640x427"), std::string::npos);
  }
  EXPECT_TRUE(crop_area("!300x300a639a426", Gravity::NorthWest, {640, 427}));
  EXPECT_TRUE(crop_area("!300x300-299-299", Gravity::NorthWest, {640, 427}));
}

TEST(ExtentCanvasTest, CentresOrMovesTheCanvas) {
  const Size source{640, 427};
  EXPECT_EQ(extent_canvas("642x429", source), (Canvas{{642, 429}, {1, 1}}));
  EXPECT_EQ(extent_canvas("!642x429", source), (Canvas{{642, 429}, {1, 1}}));
  EXPECT_EQ(extent_canvas("200x100", source), (Canvas{{200, 100}, {-220, -163}}));
  EXPECT_EQ(extent_canvas("700x", source), (Canvas{{700, 427}, {30, 0}}));
  EXPECT_EQ(extent_canvas("x500", source), (Canvas{{640, 500}, {0, 37}}));
  EXPECT_EQ(extent_canvas("!642x492a10a20", source), (Canvas{{642, 492}, {-10, -20}}));
  EXPECT_EQ(extent_canvas("!642x492-10-20", source), (Canvas{{642, 492}, {10, 20}}));
  EXPECT_EQ(extent_canvas("642x492a10-20", source), (Canvas{{642, 492}, {-10, 20}}));
  EXPECT_EQ(extent_canvas("!-3a0", source), (Canvas{source, {3, 0}}));
}

TEST(BorderCanvasTest, AddsTwice) {
  EXPECT_EQ(border_canvas("10x20", {640, 427}), (Canvas{{660, 467}, {10, 20}}));
  EXPECT_EQ(border_canvas("0x0", {640, 427}), (Canvas{{640, 427}, {0, 0}}));
}

// ImageMagick 6.9 shears, and its canvas is up to two pixels larger.
TEST(TurnedSizeTest, HoldsThePicture) {
  struct Turn {
    int degrees;
    Size magick;
  };
  for (const Turn& c : {Turn{1, {650, 441}}, Turn{10, {706, 533}}, Turn{30, {770, 691}},
                        Turn{45, {756, 757}}, Turn{89, {440, 649}}, Turn{135, {756, 757}},
                        Turn{200, {750, 623}}, Turn{300, {692, 769}}, Turn{359, {650, 441}}}) {
    const Size size = turned_size({640, 427}, c.degrees);
    EXPECT_LE(std::abs(size.width - c.magick.width), 2) << c.degrees;
    EXPECT_LE(std::abs(size.height - c.magick.height), 2) << c.degrees;
  }
  EXPECT_EQ(turned_size({640, 427}, 90), (Size{427, 640}));
  EXPECT_EQ(turned_size({640, 427}, 180), (Size{640, 427}));
  EXPECT_EQ(turned_size({640, 427}, 270), (Size{427, 640}));
  EXPECT_EQ(turned_size({640, 427}, 360), (Size{640, 427}));
  EXPECT_EQ(turned_size({640, 427}, 45), (Size{755, 755}));
}

}  // namespace
}  // namespace millrace::workers::image
