// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/crop_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::workers::face {

// GoogleTest looks for it in the type's own namespace.
static void PrintTo(const PixelRect& rect, std::ostream* out) {
  *out << rect.width << "x" << rect.height << "+" << rect.left << "+" << rect.top;
}

namespace {

Face face_at(double x, double y, double width, double height) {
  return {{x, y, width, height}, 0.9F};
}

CropPlan plan_of(PixelSize picture, PixelSize wanted, const std::vector<Face>& faces) {
  const auto plan = plan_face_crop(picture, wanted, faces);
  EXPECT_TRUE(plan.has_value());
  return plan.value_or(CropPlan{});
}

bool holds(const PixelRect& rect, const Box& box) {
  return rect.left <= box.x && box.x + box.width <= rect.left + rect.width && rect.top <= box.y &&
         box.y + box.height <= rect.top + rect.height;
}

TEST(LargestOfAspectTest, FillsOneSideAndRoundsTheOther) {
  struct Case {
    PixelSize picture, wanted, expected;
  };
  for (const Case& c : std::vector<Case>{
           {{640, 480}, {200, 200}, {480, 480}},
           {{480, 640}, {200, 200}, {480, 480}},
           {{640, 480}, {640, 480}, {640, 480}},
           {{640, 427}, {300, 100}, {640, 213}},  // 213.33
           {{640, 428}, {301, 200}, {640, 425}},  // 425.25
           {{1000, 1000}, {3, 2}, {1000, 667}},   // 666.67
           {{9999, 2}, {1, 1}, {2, 2}},
           {{5, 9000}, {9000, 1}, {5, 1}},  // 0.0006 rounds to nothing: one line stays
           {{30'000, 30'000}, {9999, 9998}, {30'000, 29'997}},
       }) {
    const PixelSize got = largest_of_aspect(c.picture, c.wanted);
    EXPECT_EQ(got.width, c.expected.width) << c.picture.width << " " << c.wanted.width;
    EXPECT_EQ(got.height, c.expected.height) << c.picture.width << " " << c.wanted.width;
  }
}

TEST(CropPlanTest, PutsOneFaceInTheMiddleOfTheFreeAxis) {
  const CropPlan plan = plan_of({1000, 500}, {100, 100}, {face_at(600, 100, 100, 120)});
  EXPECT_EQ(plan.rect, (PixelRect{400, 0, 500, 500}));
  EXPECT_EQ(plan.subject, CropSubject::Face);
  EXPECT_EQ(word_of(plan.subject), "face");
}

TEST(CropPlanTest, PutsAFaceAboveTheMiddleOfTheHeight) {
  // 42 % of 400 above the middle of the face at 760.
  const CropPlan plan = plan_of({400, 1600}, {100, 100}, {face_at(150, 700, 100, 120)});
  EXPECT_EQ(plan.rect, (PixelRect{0, 592, 400, 400}));
}

TEST(CropPlanTest, StopsAtTheEdgesOfThePicture) {
  EXPECT_EQ(plan_of({1000, 500}, {100, 100}, {face_at(10, 100, 100, 120)}).rect,
            (PixelRect{0, 0, 500, 500}));
  EXPECT_EQ(plan_of({1000, 500}, {100, 100}, {face_at(890, 100, 100, 120)}).rect,
            (PixelRect{500, 0, 500, 500}));
}

TEST(CropPlanTest, LeavesRoomForTheHairOfALargeFace) {
  // 300 px for a face of 170: with its margins 289, so that 0.45 x 170 = 76.5 px stay above it.
  const CropPlan plan = plan_of({900, 900}, {300, 100}, {face_at(300, 400, 140, 170)});
  EXPECT_LE(plan.rect.top, 400 - 76);
  EXPECT_GE(plan.rect.top + plan.rect.height, 570 + 42);
}

TEST(CropPlanTest, ShrinksTheMarginsAlikeWhereThereIsNoRoom) {
  // 300 px for a face of 270: 30 px are left, 45 parts above and 25 below.
  const CropPlan plan = plan_of({900, 900}, {300, 100}, {face_at(300, 400, 200, 270)});
  EXPECT_EQ(plan.rect.top, 400 - 19);
  EXPECT_TRUE(holds(plan.rect, {300, 400, 200, 270}));
}

TEST(CropPlanTest, ShowsTheEyesOfAFaceThatIsTooLarge) {
  // The eyes are at 0.4 of 600 px below 200.
  const CropPlan plan = plan_of({900, 900}, {900, 100}, {face_at(300, 200, 450, 600)});
  EXPECT_EQ(plan.rect, (PixelRect{0, 440 - 50, 900, 100}));
}

TEST(CropPlanTest, TakesAllFacesWhenTheyFit) {
  const CropPlan plan =
      plan_of({1000, 500}, {100, 100}, {face_at(300, 100, 80, 100), face_at(500, 120, 100, 120)});
  EXPECT_EQ(plan.subject, CropSubject::Faces);
  EXPECT_EQ(word_of(plan.subject), "faces");
  EXPECT_EQ(plan.rect, (PixelRect{200, 0, 500, 500}));  // the middle between 300 and 600
}

TEST(CropPlanTest, TakesTheLargestFaceWhenNotAllFit) {
  const CropPlan plan =
      plan_of({1000, 500}, {100, 100}, {face_at(30, 100, 80, 100), face_at(700, 120, 100, 120)});
  EXPECT_EQ(plan.subject, CropSubject::Face);
  EXPECT_EQ(plan.rect, (PixelRect{500, 0, 500, 500}));
}

TEST(CropPlanTest, CountsTheMarginsToDecideWhetherAllFit) {
  // Boxes from 100 to 580 are 480 wide and would fit into 500, but not with 25 px at each side.
  const std::vector<Face> faces{face_at(100, 100, 100, 120), face_at(480, 100, 100, 130)};
  EXPECT_EQ(plan_of({1000, 500}, {100, 100}, faces).subject, CropSubject::Face);
  EXPECT_EQ(plan_of({1000, 540}, {100, 100}, faces).subject, CropSubject::Faces);
}

TEST(CropPlanTest, OverlooksPassersBy) {
  const CropPlan plan =
      plan_of({1000, 500}, {100, 100}, {face_at(50, 100, 20, 24), face_at(700, 120, 120, 150)});
  EXPECT_EQ(plan.subject, CropSubject::Face);
  EXPECT_EQ(plan.rect.left, 500);
}

TEST(CropPlanTest, HasNoPlanWithoutAFace) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(plan_face_crop({640, 480}, {10, 10}, {}).has_value());
  for (const Face& face :
       {face_at(10, 10, 0, 10), face_at(700, 10, 50, 50), face_at(-90, 10, 80, 80),
        face_at(kNothing, 10, 50, 50), face_at(10, 10, kNothing, 50), face_at(10, 10, -5, 50)}) {
    EXPECT_FALSE(plan_face_crop({640, 480}, {10, 10}, std::vector{face}).has_value())
        << face.box.x << " " << face.box.width;
  }
}

TEST(CropWishesTest, AnIndexChoosesOneFaceByItsSize) {
  const std::vector<Face> faces{face_at(30, 100, 80, 100), face_at(700, 120, 100, 120),
                                face_at(400, 100, 10, 12)};
  const auto left_of = [&](std::size_t index) {
    CropWishes wishes;
    wishes.index = index;
    const auto plan = plan_face_crop({1000, 500}, {100, 100}, faces, wishes);
    EXPECT_TRUE(plan.has_value());
    EXPECT_EQ(plan->subject, CropSubject::Face);
    return plan->rect.left;
  };
  EXPECT_EQ(left_of(0), 500);
  EXPECT_EQ(left_of(1), 0);
  EXPECT_EQ(left_of(2), 405 - 250);
  CropWishes wishes;
  wishes.index = 3;
  EXPECT_FALSE(plan_face_crop({1000, 500}, {100, 100}, faces, wishes).has_value());
}

TEST(CropWishesTest, AllCountEvenWhereTheyDoNotFit) {
  const std::vector<Face> faces{face_at(30, 100, 80, 100), face_at(890, 120, 100, 120),
                                face_at(400, 100, 10, 12)};
  CropWishes wishes;
  wishes.all = true;
  const auto plan = plan_face_crop({1000, 500}, {100, 100}, faces, wishes);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->subject, CropSubject::Faces);
  EXPECT_EQ(plan->rect.left, (30 + 990) / 2 - 250);  // the middle of what is too wide
}

TEST(CropWishesTest, ZoomsInUntilTheMarginsAreReached) {
  const std::vector<Face> faces{face_at(450, 200, 100, 100)};
  const auto rect_of = [&](int zoom_pct, std::optional<int> pad_pct = std::nullopt,
                           PixelSize least = {1, 1}) {
    const CropWishes wishes{std::nullopt, false, zoom_pct, pad_pct, least};
    return plan_face_crop({1000, 500}, {200, 200}, faces, wishes)->rect;
  };
  EXPECT_EQ(rect_of(0).width, 500);
  EXPECT_EQ(rect_of(100).width, 172);  // 100 and 45 and 25, and two for whole pixels
  EXPECT_EQ(rect_of(100).height, 172);
  EXPECT_EQ(rect_of(50).width, 336);
  EXPECT_EQ(rect_of(100, 0).width, 102);
  EXPECT_EQ(rect_of(100, 100).width, 382);  // 180 above
  EXPECT_EQ(rect_of(100, std::nullopt, {300, 300}).width, 300);
  for (const int zoom : {0, 30, 100}) EXPECT_TRUE(holds(rect_of(zoom), faces[0].box)) << zoom;
}

// Pictures, sizes and faces by a generator with a fixed seed.
class CropPlanPropertyTest : public testing::Test {
 protected:
  struct Draw {
    PixelSize picture;
    PixelSize wanted;
    std::vector<Face> faces;
  };
  Draw draw() {
    Draw draw;
    draw.picture = {between(1, 4000), between(1, 4000)};
    draw.wanted = {between(1, 9999), between(1, 9999)};
    const int count = between(1, 12);
    for (int i = 0; i < count; ++i) {
      const double width = fraction() * draw.picture.width / 2 + 1;
      draw.faces.push_back(face_at((fraction() * 1.2 - 0.1) * draw.picture.width,
                                   (fraction() * 1.2 - 0.1) * draw.picture.height, width,
                                   width * (1 + fraction() / 2)));
    }
    return draw;
  }
  int between(int low, int high) {
    return low + static_cast<int>(generator_() % static_cast<unsigned>(high - low + 1));
  }
  double fraction() { return between(0, 1'000'000) / 1e6; }

  std::mt19937 generator_{20'260'101};
};

// What the plan is made from, by the rules in the header: boxes cut to the picture, passers-by left
// out, largest first.
std::vector<Box> deciding(const PixelSize picture, const std::vector<Face>& faces) {
  std::vector<Box> boxes;
  for (const Face& face : faces) {
    const double left = std::max(0.0, face.box.x);
    const double top = std::max(0.0, face.box.y);
    const double right = std::min<double>(picture.width, face.box.x + face.box.width);
    const double bottom = std::min<double>(picture.height, face.box.y + face.box.height);
    if (right > left && bottom > top) boxes.push_back({left, top, right - left, bottom - top});
  }
  std::sort(boxes.begin(), boxes.end(),
            [](const Box& a, const Box& b) { return a.area() > b.area(); });
  if (!boxes.empty()) {
    std::erase_if(
        boxes, [least = boxes.front().height / 5](const Box& box) { return box.height < least; });
  }
  return boxes;
}

TEST_F(CropPlanPropertyTest, IsTheLargestOfItsAspectInsideThePicture) {
  for (int i = 0; i < 5'000; ++i) {
    const Draw d = draw();
    const auto plan = plan_face_crop(d.picture, d.wanted, d.faces);
    ASSERT_EQ(plan.has_value(), !deciding(d.picture, d.faces).empty());
    if (!plan) continue;
    const PixelRect& rect = plan->rect;
    ASSERT_GE(rect.left, 0);
    ASSERT_GE(rect.top, 0);
    ASSERT_GE(rect.width, 1);
    ASSERT_GE(rect.height, 1);
    ASSERT_LE(rect.left + rect.width, d.picture.width);
    ASSERT_LE(rect.top + rect.height, d.picture.height);
    const double aspect = static_cast<double>(d.wanted.width) / d.wanted.height;
    const bool whole_width = rect.width == d.picture.width;
    ASSERT_TRUE(whole_width || rect.height == d.picture.height);
    const double free_side = whole_width ? rect.height : rect.width;
    const double exact = whole_width ? rect.width / aspect : rect.height * aspect;
    ASSERT_LE(std::abs(free_side - std::max(1.0, exact)), 0.5 + 1e-6);
  }
}

TEST_F(CropPlanPropertyTest, KeepsWholeWhatItWasPlacedBy) {
  int faces = 0;
  int alone = 0;
  for (int i = 0; i < 5'000; ++i) {
    const Draw d = draw();
    const auto plan = plan_face_crop(d.picture, d.wanted, d.faces);
    if (!plan) continue;
    std::vector<Box> boxes = deciding(d.picture, d.faces);
    if (plan->subject == CropSubject::Face) boxes.resize(1);
    (plan->subject == CropSubject::Face ? alone : faces) += 1;
    for (const Box& box : boxes) {
      const bool fits = std::ceil(box.x + box.width) - std::floor(box.x) <= plan->rect.width &&
                        std::ceil(box.y + box.height) - std::floor(box.y) <= plan->rect.height;
      ASSERT_TRUE(fits || plan->subject == CropSubject::Face);
      if (fits) ASSERT_TRUE(holds(plan->rect, box)) << testing::PrintToString(plan->rect);
    }
  }
  EXPECT_GT(faces, 300);
  EXPECT_GT(alone, 300);
}

TEST_F(CropPlanPropertyTest, ZoomingInKeepsTheAspectAndWhatFits) {
  int closer = 0;
  for (int i = 0; i < 5'000; ++i) {
    const Draw d = draw();
    const CropWishes wishes{std::nullopt,
                            between(0, 1) == 1,
                            between(0, 100),
                            between(0, 60),
                            {between(1, d.picture.width), between(1, d.picture.height)}};
    const auto plan = plan_face_crop(d.picture, d.wanted, d.faces, wishes);
    if (!plan) continue;
    const PixelRect& rect = plan->rect;
    const PixelSize largest = largest_of_aspect(d.picture, d.wanted);
    ASSERT_GE(rect.left, 0);
    ASSERT_GE(rect.top, 0);
    ASSERT_LE(rect.left + rect.width, d.picture.width);
    ASSERT_LE(rect.top + rect.height, d.picture.height);
    ASSERT_LE(rect.width, largest.width);
    ASSERT_GE(rect.width, std::min(largest.width, wishes.least.width));
    ASSERT_GE(rect.height, std::min(largest.height, wishes.least.height));
    const double share = static_cast<double>(rect.width) / largest.width;
    ASSERT_LE(std::abs(rect.height - largest.height * share),
              1 + static_cast<double>(largest.height) / largest.width);
    closer += share < 0.95 ? 1 : 0;
    if (wishes.all) continue;
    const Box face = deciding(d.picture, d.faces).front();
    const bool fits = std::ceil(face.x + face.width) - std::floor(face.x) <= largest.width &&
                      std::ceil(face.y + face.height) - std::floor(face.y) <= largest.height;
    if (fits) ASSERT_TRUE(holds(rect, face)) << testing::PrintToString(rect);
  }
  EXPECT_GT(closer, 200);
}

TEST_F(CropPlanPropertyTest, DoesNotDependOnTheOrderOfTheFaces) {
  for (int i = 0; i < 2'000; ++i) {
    Draw d = draw();
    const auto plan = plan_face_crop(d.picture, d.wanted, d.faces);
    std::shuffle(d.faces.begin(), d.faces.end(), generator_);
    const auto again = plan_face_crop(d.picture, d.wanted, d.faces);
    ASSERT_EQ(plan.has_value(), again.has_value());
    if (!plan || !again) continue;
    ASSERT_EQ(plan->rect, again->rect);
    ASSERT_EQ(plan->subject, again->subject);
  }
}

TEST_F(CropPlanPropertyTest, MirrorsWithThePicture) {
  for (int i = 0; i < 2'000; ++i) {
    Draw d = draw();
    const auto plan = plan_face_crop(d.picture, d.wanted, d.faces);
    for (Face& face : d.faces) face.box.x = d.picture.width - face.box.x - face.box.width;
    const auto mirrored = plan_face_crop(d.picture, d.wanted, d.faces);
    ASSERT_EQ(plan.has_value(), mirrored.has_value());
    if (!plan || !mirrored) continue;
    const int expected = d.picture.width - plan->rect.left - plan->rect.width;
    ASSERT_LE(std::abs(mirrored->rect.left - expected), 1);
    ASSERT_EQ(mirrored->rect.top, plan->rect.top);
  }
}

}  // namespace
}  // namespace millrace::workers::face
